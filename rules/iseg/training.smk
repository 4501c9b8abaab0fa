# Training by each protocol, and what the networks find in the subjects that they are scored on and in the test set.


use rule train as iseg_train with:
    input:
        "results/iseg/audit.json",
        store="results/iseg/store",
    output:
        weights="results/iseg/{run}/{protocol}/fold{fold}/weights.safetensors",
        history="results/iseg/{run}/{protocol}/fold{fold}/log.csv",
    pathvars:
        name="iseg/train/{run}/{protocol}/fold{fold}",
    wildcard_constraints:
        protocol=r"by_thesis|by_master|sound",
    params:
        **step(
            "iseg/train.py",
            settings=lambda w: tissue_recipe(w.run, w.protocol),
            protocol="{protocol}",
            fold="{fold}",
            checkpoints="results/checkpoints/iseg/{run}/{protocol}/fold{fold}",
            tensorboard="results/tensorboard/iseg/{run}/{protocol}/fold{fold}",
        ),


use rule infer as iseg_predict with:
    input:
        store="results/iseg/store",
        weights=lambda w: tissue_weights_of(w.run, w.protocol),
    output:
        predictions=directory("results/iseg/{run}/{protocol}/predictions"),
        sums="results/iseg/{run}/{protocol}/sums.csv",
    pathvars:
        name="iseg/predict/{run}/{protocol}",
    wildcard_constraints:
        protocol=r"by_thesis|by_master|sound",
    resources:
        **needs_gpu(16000, 240),
    params:
        **step(
            "iseg/predict.py",
            settings=lambda w: scored_crops(w.protocol),
            protocol="{protocol}",
            checkpoints="results/checkpoints/iseg/predict/{run}/{protocol}",
        ),


use rule infer as iseg_segment_test with:
    input:
        store="results/iseg/store",
        weights=lambda w: tissue_weights_of(w.run, "sound"),
    output:
        labels=directory("results/iseg/{run}/sound/test"),
        volumes="results/iseg/{run}/sound/test_volumes.csv",
    pathvars:
        name="iseg/segment_test/{run}",
    resources:
        **needs_gpu(16000, 240),
    params:
        **step(
            "iseg/segment_test.py",
            settings={},
            checkpoints="results/checkpoints/iseg/segment_test/{run}",
        ),
