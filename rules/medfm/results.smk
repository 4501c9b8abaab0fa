# The study's measures: of trainings on all images, and of few-shot trainings.


use rule compute as medfm_score with:
    input:
        store="results/medfm/store",
        lists="results/medfm/lists.csv",
        scores=finding_results("scores.csv", *FINDING_PROTOCOLS),
        history=finding_results("log.csv", "by_writeup"),
        answers=few_shot_answers(),
    output:
        **{
            name: f"results/medfm/{name}.csv"
            for name in ("metrics", "quirks", "per_finding", "few_shot", "calibration")
        },
    pathvars:
        name="medfm/score",
    resources:
        **needs(4000, 60),
    params:
        **step(
            "medfm/score.py",
            settings=settings("medfm", "bootstrap", seed=first_seed())
            | scored_experiments()
            | in_order("medfm", "networks", "few_shot"),
        ),
