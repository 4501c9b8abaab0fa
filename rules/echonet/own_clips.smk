# A user's own clips, in any readable format: `snakemake predict --config input=FOLDER`.


rule echonet_import_clips:
    input:
        lambda w: own_folder(),
    output:
        clips=directory("results/own_clips/clips"),
        findings="results/own_clips/findings.csv",
    log:
        "results/logs/echonet/import_clips.log",
    benchmark:
        "results/benchmarks/echonet/import_clips.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 2
    resources:
        mem_mb=memory(4000),
        runtime=60,
        folder=config.get("input", ""),
    params:
        spec=lambda w: spec("echonet/import_clips.py", {"clips": files_digest(config["input"])}),
    shell:
        "exec python workflow_scripts/echonet/import_clips.py --input {resources.folder:q} --output {output.clips:q}"
        " --findings {output.findings:q} --log {log:q}"


rule echonet_predict_clips:
    input:
        clips="results/own_clips/clips",
        findings="results/own_clips/findings.csv",
        segmentation=trained_weights("segmentation_weights", segmentation_file("weights.safetensors")),
        ef=trained_weights("ef_weights", ef_weights()),
    output:
        directory("results/own_clips/predictions"),
    log:
        "results/logs/echonet/predict_clips.log",
    benchmark:
        "results/benchmarks/echonet/predict_clips.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 2
    resources:
        mem_mb=memory(8000),
        runtime=120,
        gpu=int(config["device"] != "cpu"),
        nodes=1,
        device=config["device"],
        segmentation=own_weights("segmentation_weights", segmentation_file("weights.safetensors")),
        ef=own_weights("ef_weights", ef_weights()),
    params:
        spec=lambda w: spec("echonet/predict_clips.py", own_weights_digests("segmentation_weights", "ef_weights")),
    shell:
        "exec python workflow_scripts/echonet/predict_clips.py --clips {input.clips:q} --findings {input.findings:q}"
        " --segmentation {resources.segmentation:q} --ef {resources.ef:q} --device {resources.device:q} --output {output:q}"
        " --log {log:q}"
