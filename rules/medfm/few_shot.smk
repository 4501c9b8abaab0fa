# Few-shot methods: on frozen features, which all of them share, and those that train a network or a part of it.


use rule infer as medfm_extract_features with:
    input:
        store="results/medfm/store",
        initial=lambda w: finding_initial(f"{w.network}-seed{first_seed()}"),
    output:
        features=directory("results/medfm/few_shot/features/{network}"),
    pathvars:
        name="medfm/extract_features/{network}",
    resources:
        **needs_gpu(16000, 240),
    params:
        **step("medfm/extract_features.py", settings=lambda w: frozen_network(w.network, first_seed())),


use rule infer as medfm_probe with:
    input:
        "results/medfm/audit.json",
        store="results/medfm/store",
        lists="results/medfm/lists.csv",
        features=lambda w: f"results/medfm/few_shot/features/{w.run.rpartition('-seed')[0]}",
    output:
        frozen=directory("results/medfm/few_shot/{run}/frozen"),
    pathvars:
        name="medfm/probe/{run}",
    params:
        **step(
            "medfm/probe.py",
            settings=few_shot_settings("methods", "linear_probe", "logistic_regression"),
        ),


use rule infer as medfm_tune with:
    input:
        "results/medfm/audit.json",
        store="results/medfm/store",
        lists="results/medfm/lists.csv",
        initial=lambda w: finding_initial(w.run),
    output:
        answers=directory("results/medfm/few_shot/{run}/{method}"),
        history="results/medfm/few_shot/{run}/{method}_log.csv",
    pathvars:
        name="medfm/tune/{run}/{method}",
    resources:
        **needs_gpu(
            16000,
            2880,
            deterministic="yes" if config["deterministic"] else "no",
            checkpoint_every=config["checkpoint_every"],
            **tracked(),
        ),
    params:
        **step(
            "medfm/tune.py",
            settings=lambda w: tuning_recipe(w.run, w.method),
            method="{method}",
            checkpoints="results/checkpoints/medfm/few_shot/{run}/{method}",
            tensorboard="results/tensorboard/medfm/few_shot/{run}/{method}",
        ),


use rule compute as medfm_write_submissions with:
    input:
        store="results/medfm/store",
        answers=sorted(few_shot_answers()),
    output:
        submissions=directory("results/medfm/submissions"),
    pathvars:
        name="medfm/write_submissions",
    localrule: True
    resources:
        **needs(2000, 30),
    params:
        **step("medfm/write_submissions.py"),
