# A user's own FLAIR volumes: `snakemake predict --config input=FOLDER`.


rule mslesion_predict_volumes:
    input:
        lambda w: own_folder(),
        weights=trained_weights("lesion_weights", f"{first_sound()}/fold1/weights.safetensors"),
    output:
        predictions=directory("results/own_volumes/predictions"),
        findings="results/own_volumes/findings.csv",
    log:
        "results/logs/mslesion/predict_volumes.log",
    benchmark:
        "results/benchmarks/mslesion/predict_volumes.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 2
    resources:
        mem_mb=memory(8000),
        runtime=240,
        gpu=int(config["device"] != "cpu"),
        nodes=1,
        device=config["device"],
        folder=config.get("input", ""),
        weights=own_weights("lesion_weights", f"{first_sound()}/fold1/weights.safetensors"),
    params:
        spec=lambda w: spec(
            "mslesion/predict_volumes.py",
            {"volumes": files_digest(config["input"])} | own_weights_digests("lesion_weights"),
        ),
        checkpoints="results/checkpoints/mslesion/predict_volumes",
    shell:
        "exec python workflow_scripts/mslesion/predict_volumes.py --input {resources.folder:q}"
        " --weights {resources.weights:q} --settings {params.spec:q} --device {resources.device:q}"
        " --checkpoints {params.checkpoints:q} --output {output.predictions:q} --findings {output.findings:q}"
        " --log {log:q}"
