# A user's own images: `snakemake predict_medfm --config input=FOLDER task=chest`.


use rule name_own_files as medfm_name_images with:
    output:
        key="results/own_images/key.csv",
    pathvars:
        name="medfm/name_images",


use rule infer as medfm_predict_images with:
    input:
        **({} if named_weights("finding_weights") else {"weights": own_image_network}),
        key="results/own_images/key.csv",
    output:
        output=directory("results/own_images/predictions"),
        findings="results/own_images/findings.csv",
    pathvars:
        name="medfm/predict_images",
    threads: 2
    resources:
        **needs_gpu(8000, 120, **named_weights("finding_weights")),
    params:
        **step(
            "medfm/predict_images.py",
            settings=lambda w: own_weights_digests("finding_weights") | some_settings("medfm", "store_size"),
            checkpoints="results/checkpoints/medfm/predict_images",
            **own_task(),
        ),
