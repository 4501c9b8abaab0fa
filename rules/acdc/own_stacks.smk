# A user's own stacks and cines of the heart: `snakemake predict_acdc --config input=FOLDER`.

# No file is known by its ending: a NIfTI or DICOM file does not tell which organ it shows, and numbers of another organ
# would look like any others. So `predict` never takes this study by itself.
OWN_FILES["acdc"] = ("results/own_stacks", ())


def members():
    """The networks of the ensemble and the table of their shares, unless the configuration names weights."""
    if "heart_weights" in config:
        return {}
    runs = [f"{network}-seed{first_seed()}" for network in config["models"]["acdc"]["segmentation"]]
    return {
        "weights": [f"results/acdc/{run}/sound/weights.safetensors" for run in runs],
        "shares": "results/acdc/ensembles/weights.csv",
    }


def named_weights():
    """The weights that the configuration names; a user's weights are no input, see `own_weights_digests`."""
    return {"weights": config["heart_weights"]} if "heart_weights" in config else {}


use rule name_own_files as acdc_name_stacks with:
    output:
        key="results/own_stacks/key.csv",
    pathvars:
        name="acdc/name_stacks",


use rule infer as acdc_predict_stacks with:
    input:
        **members(),
        key="results/own_stacks/key.csv",
    output:
        output=directory("results/own_stacks/predictions"),
        findings="results/own_stacks/findings.csv",
    pathvars:
        name="acdc/predict_stacks",
    threads: 2
    resources:
        **needs_gpu(8000, 240, **named_weights()),
    params:
        **step(
            "acdc/predict_stacks.py",
            settings=lambda w: own_weights_digests("heart_weights"),
            checkpoints="results/checkpoints/acdc/predict_stacks",
        ),
