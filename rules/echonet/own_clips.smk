# A user's own clips, in any readable format: `snakemake predict_echonet --config input=FOLDER`.


use rule name_own_files as echonet_name_clips with:
    output:
        key="results/own_clips/key.csv",
    pathvars:
        name="echonet/name_clips",


use rule compute as echonet_import_clips with:
    input:
        key="results/own_clips/key.csv",
    output:
        output=directory("results/own_clips/clips"),
        findings="results/own_clips/findings.csv",
    pathvars:
        name="echonet/import_clips",
    threads: 2
    resources:
        **needs(4000, 60, alone=lambda w: is_alone("echonet")),
    params:
        **step("echonet/import_clips.py"),


use rule infer as echonet_predict_clips with:
    input:
        trained_weights("segmentation_weights", segmentation_file("weights.safetensors")),
        trained_weights("ef_weights", ef_weights()),
        clips="results/own_clips/clips",
        findings="results/own_clips/findings.csv",
    output:
        output=directory("results/own_clips/predictions"),
    pathvars:
        name="echonet/predict_clips",
    threads: 2
    resources:
        **needs_gpu(
            8000,
            120,
            segmentation=own_weights("segmentation_weights", segmentation_file("weights.safetensors")),
            ef=own_weights("ef_weights", ef_weights()),
        ),
    params:
        **step("echonet/predict_clips.py", lambda w: own_weights_digests("segmentation_weights", "ef_weights")),
