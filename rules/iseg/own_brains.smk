# A user's own T1 and T2 of infants' brains: `snakemake predict_iseg --config input=FOLDER`.


use rule name_own_files as iseg_name_brains with:
    output:
        key="results/own_brains/key.csv",
    pathvars:
        name="iseg/name_brains",


use rule infer as iseg_predict_brains with:
    input:
        **own_brain_networks(),
        key="results/own_brains/key.csv",
    output:
        output=directory("results/own_brains/predictions"),
        findings="results/own_brains/findings.csv",
    pathvars:
        name="iseg/predict_brains",
    threads: 2
    resources:
        **needs_gpu(16000, 240, **named_weights("tissue_weights")),
    params:
        **step(
            "iseg/predict_brains.py",
            settings=lambda w: own_weights_digests("tissue_weights"),
            checkpoints="results/checkpoints/iseg/predict_brains",
        ),
