# A user's own FLAIR volumes: `snakemake predict_mslesion --config input=FOLDER`.


use rule name_own_files as mslesion_name_volumes with:
    output:
        key="results/own_volumes/key.csv",
    pathvars:
        name="mslesion/name_volumes",


use rule infer as mslesion_predict_volumes with:
    input:
        trained_weights("lesion_weights", f"{first_sound()}/fold1/weights.safetensors"),
        key="results/own_volumes/key.csv",
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
            alone=lambda w: is_alone("mslesion"),
            weights=own_weights("lesion_weights", f"{first_sound()}/fold1/weights.safetensors"),
        ),
    params:
        **step(
            "mslesion/predict_volumes.py",
            settings=lambda w: own_weights_digests("lesion_weights"),
            checkpoints="results/checkpoints/mslesion/predict_volumes",
        ),
