# Networks joined to ensembles, all of them scored, and the study's tables of measures.

COMBINED = ("weights", "scores", "calibration", "bins", "diversity", "habits")


use rule compute as acdc_combine with:
    input:
        store="results/acdc/store",
        probabilities=[f"{folder}/probabilities" for folder in heart_runs("sound")],
    output:
        **{name: f"results/acdc/ensembles/{name}.csv" for name in COMBINED},
        masks=directory("results/acdc/ensembles/masks"),
    pathvars:
        name="acdc/combine",
    resources:
        **needs(8000, 240),
    params:
        **step(
            "acdc/combine.py",
            settings=some_settings("acdc", "ensembles", "slices")
            | in_order("acdc", "segmentation", "baselines")
            | {"seed": first_seed()},
        ),


use rule compute as acdc_search_weights with:
    input:
        published_slices="results/acdc/published_slices",
        probabilities=[f"{folder}/probabilities" for folder in heart_runs("published")],
    output:
        search="results/acdc/ensembles/search.csv",
        slices="results/acdc/ensembles/slices.csv",
    pathvars:
        name="acdc/search_weights",
    resources:
        **needs(8000, 60),
    params:
        **step("acdc/search_weights.py", settings=settings("acdc", "search") | in_order("acdc", "segmentation")),


use rule compute as acdc_score with:
    input:
        **{name: f"results/acdc/ensembles/{name}.csv" for name in ("scores", "calibration", "slices", "habits")},
        store="results/acdc/store",
        published_slices="results/acdc/published_slices",
        history=[f"{folder}/log.csv" for folder in heart_runs("published")],
    output:
        metrics="results/acdc/metrics.csv",
        quirks="results/acdc/quirks.csv",
        patients="results/acdc/patients.csv",
    pathvars:
        name="acdc/score",
    resources:
        **needs(4000, 30),
    params:
        **step(
            "acdc/score.py",
            settings=settings("acdc", "bootstrap", seed=first_seed(), draws=settings("acdc", "search")["draws"])
            | in_order("acdc", "segmentation", "baselines"),
        ),
