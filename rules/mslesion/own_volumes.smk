# A user's own FLAIR volumes: `snakemake predict_mslesion --config input=FOLDER`.


use rule infer as mslesion_predict_volumes with:
    input:
        lambda w: own_folder(),
        trained_weights("lesion_weights", f"{first_sound()}/fold1/weights.safetensors"),
    output:
        output=directory("results/own_volumes/predictions"),
        findings="results/own_volumes/findings.csv",
    pathvars:
        name="mslesion/predict_volumes",
    threads: 2
    resources:
        **needs_gpu(
            8000,
            240,
            input=config.get("input", ""),
            weights=own_weights("lesion_weights", f"{first_sound()}/fold1/weights.safetensors"),
        ),
    params:
        **step(
            "mslesion/predict_volumes.py",
            settings=lambda w: {"volumes": files_digest(config["input"])} | own_weights_digests("lesion_weights"),
            checkpoints="results/checkpoints/mslesion/predict_volumes",
        ),
