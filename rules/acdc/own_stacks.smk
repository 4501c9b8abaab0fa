# A user's own stacks and cines of the heart: `snakemake predict_acdc --config input=FOLDER`.


use rule name_own_files as acdc_name_stacks with:
    output:
        key="results/own_stacks/key.csv",
    pathvars:
        name="acdc/name_stacks",


use rule infer as acdc_predict_stacks with:
    input:
        **ensemble_members(),
        key="results/own_stacks/key.csv",
    output:
        output=directory("results/own_stacks/predictions"),
        findings="results/own_stacks/findings.csv",
    pathvars:
        name="acdc/predict_stacks",
    threads: 2
    resources:
        **needs_gpu(8000, 240, **named_weights("heart_weights")),
    params:
        **step(
            "acdc/predict_stacks.py",
            in_order("acdc", "segmentation"),
            settings=lambda w: own_weights_digests("heart_weights"),
            checkpoints="results/checkpoints/acdc/predict_stacks",
        ),
