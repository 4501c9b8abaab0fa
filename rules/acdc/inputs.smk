# The study's groups of files, and its settings that decide which jobs there are.


def heart_settings(*names):
    """Some of the study's settings."""
    return {name: settings("acdc")[name] for name in names}


def heart_runs(*protocols):
    """The folder of each run by these protocols: first the members of the ensembles, then baselines (`sound` only)."""
    by_task = {"segmentation": protocols, "baselines": {"sound"} & {*protocols}}
    return [
        f"results/acdc/{run}/{protocol}"
        for task, wanted in by_task.items()
        for run in runs("acdc", task)
        for protocol in wanted
    ]


SWITCHES["acdc"] = {"weights": settings("acdc", "training")["weights"]}
