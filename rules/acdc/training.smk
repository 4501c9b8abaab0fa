# Training by each protocol, and the probabilities that each trained network gives, from which all scores are computed.


use rule compute as acdc_publish_slices with:
    input:
        "results/acdc/audit.json",
        store="results/acdc/store",
    output:
        slices=directory("results/acdc/published_slices"),
    pathvars:
        name="acdc/publish_slices",
    resources:
        **needs(8000, 60),
    params:
        **step("acdc/publish_slices.py", settings=settings("acdc", "slices")),


use rule train as acdc_train with:
    input:
        "results/acdc/audit.json",
        store=lambda w: slices_or_store(w.protocol),
        initial=lambda w: heart_initial(w.run, w.protocol),
    output:
        weights="results/acdc/{run}/{protocol}/weights.safetensors",
        snapshots=directory("results/acdc/{run}/{protocol}/snapshots"),
        history="results/acdc/{run}/{protocol}/log.csv",
    pathvars:
        name="acdc/train/{run}/{protocol}",
    params:
        **step(
            "acdc/train.py",
            settings=lambda w: heart_recipe(w.run, w.protocol),
            protocol="{protocol}",
            checkpoints="results/checkpoints/acdc/{run}/{protocol}",
            tensorboard="results/tensorboard/acdc/{run}/{protocol}",
        ),


use rule infer as acdc_predict with:
    input:
        store=lambda w: slices_or_store(w.protocol),
        weights="results/acdc/{run}/{protocol}/weights.safetensors",
        snapshots="results/acdc/{run}/{protocol}/snapshots",
    output:
        probabilities=directory("results/acdc/{run}/{protocol}/probabilities"),
    pathvars:
        name="acdc/predict/{run}/{protocol}",
    resources:
        **needs_gpu(16000, 240),
    params:
        **step(
            "acdc/predict.py",
            settings=lambda w: {"flips": in_ensembles(w.run) and w.protocol == "sound"},
            protocol="{protocol}",
            checkpoints="results/checkpoints/acdc/predict/{run}/{protocol}",
        ),
