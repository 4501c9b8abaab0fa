# The study's measures, and what its networks cost.


use rule compute as iseg_score with:
    input:
        store="results/iseg/store",
        predictions=[f"{folder}/predictions" for folder in tissue_runs(*TISSUE_PROTOCOLS)],
        sums=[f"{folder}/sums.csv" for folder in tissue_runs(*TISSUE_PROTOCOLS)],
        history=[f"{folder}/fold1/log.csv" for folder in tissue_runs("by_master")],
    output:
        **{name: f"results/iseg/{name}.csv" for name in ("metrics", "quirks", "scores", "confusion")},
    pathvars:
        name="iseg/score",
    resources:
        **needs(4000, 60),
    params:
        **step(
            "iseg/score.py",
            settings=settings("iseg", "bootstrap", seed=first_seed())
            | scored_as_published()
            | in_order("iseg", "networks", "baselines"),
        ),


use rule infer as iseg_measure_costs with:
    input:
        store="results/iseg/store",
    output:
        costs="results/iseg/costs.csv",
    pathvars:
        name="iseg/measure_costs",
    resources:
        **needs_gpu(16000, 240),
    params:
        **step("iseg/measure_costs.py", settings=settings("iseg", "costs", **measured_networks())),
