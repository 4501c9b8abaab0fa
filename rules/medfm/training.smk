# Training by each protocol, task by task, and the probabilities that the network gives for the images left for scores.


use rule train as medfm_train with:
    input:
        "results/medfm/audit.json",
        store="results/medfm/store",
        initial=lambda w: finding_initial(w.run),
    output:
        weights="results/medfm/{run}/{protocol}/{task}/weights.safetensors",
        history="results/medfm/{run}/{protocol}/{task}/log.csv",
        scores="results/medfm/{run}/{protocol}/{task}/scores.csv",
    pathvars:
        name="medfm/train/{run}/{protocol}/{task}",
    wildcard_constraints:
        protocol=r"by_writeup|by_challenge|sound",
    params:
        **step(
            "medfm/train.py",
            settings=lambda w: finding_recipe(w.run, w.protocol),
            protocol="{protocol}",
            task="{task}",
            checkpoints="results/checkpoints/medfm/{run}/{protocol}/{task}",
            tensorboard="results/tensorboard/medfm/{run}/{protocol}/{task}",
        ),
