# The study's measures and figures, and its section of the report.


use rule compute as mslesion_score with:
    input:
        store="results/mslesion/store",
        history=[file for folder in all_trained() for file in each_fold(folder, "log.csv")],
        volumes=[f"{folder}/volumes.csv" for folder in all_trained()],
    output:
        metrics="results/mslesion/metrics.csv",
        quirks="results/mslesion/quirks.csv",
        lesions="results/mslesion/lesions.csv",
    pathvars:
        name="mslesion/score",
    resources:
        **needs(4000, 30),
    params:
        **step(
            "mslesion/score.py",
            settings=settings("mslesion", "bootstrap", seed=first_seed())
            | some_settings("mslesion", "reported_epochs")
            | in_order("mslesion", "lesions", "baselines"),
        ),


use rule analyse as mslesion_plot_training with:
    input:
        history=[file for folder in trained("published", "sound") for file in each_fold(folder, "log.csv")],
    output:
        figure="results/mslesion/figures/training.svg",
        table="results/mslesion/figures/training.csv",
    pathvars:
        name="mslesion/plot_training",
    localrule: True
    params:
        **step("mslesion/plot_training.py", in_order("mslesion", "lesions", "baselines")),


use rule analyse as mslesion_plot_load with:
    input:
        lesions="results/mslesion/lesions.csv",
    output:
        figure="results/mslesion/figures/load.svg",
        table="results/mslesion/figures/load.csv",
    pathvars:
        name="mslesion/plot_load",
    localrule: True
    params:
        **step("mslesion/plot_load.py", size_="load_ml"),


use rule analyse as mslesion_plot_count with:
    input:
        lesions="results/mslesion/lesions.csv",
    output:
        figure="results/mslesion/figures/count.svg",
        table="results/mslesion/figures/count.csv",
    pathvars:
        name="mslesion/plot_count",
    localrule: True
    params:
        **step("mslesion/plot_load.py", size_="lesions"),


use rule analyse as mslesion_plot_examples with:
    input:
        store="results/mslesion/store",
        volumes=f"{first_sound()}/volumes.csv",
        masks=f"{first_sound()}/masks",
    output:
        figure="results/mslesion/figures/examples.svg",
        table="results/mslesion/figures/examples.csv",
    pathvars:
        name="mslesion/plot_examples",
    localrule: True
    params:
        **step("mslesion/plot_examples.py", settings=settings("mslesion", "examples")),


use rule analyse as mslesion_render_slices with:
    input:
        store="results/mslesion/store",
        volumes=f"{first_sound()}/volumes.csv",
        masks=f"{first_sound()}/masks",
    output:
        output=directory("results/mslesion/slices"),
    pathvars:
        name="mslesion/render_slices",
    localrule: True
    params:
        **step("mslesion/render_slices.py", settings=settings("mslesion", "browser")),


use rule analyse as mslesion_describe with:
    input:
        store="results/mslesion/store",
        metrics="results/mslesion/metrics.csv",
        quirks="results/mslesion/quirks.csv",
        findings="results/mslesion/findings.csv",
        figures=expand("results/mslesion/figures/{name}.svg", name=["training", "load", "count", "examples"]),
        slices="results/mslesion/slices",
    output:
        protocols="results/mslesion/protocols.csv",
        by_fold="results/mslesion/by_fold.csv",
        section="results/mslesion/section.json",
    pathvars:
        name="mslesion/describe",
    localrule: True
    params:
        **step(
            "mslesion/describe.py",
            settings=lambda w: described_study("mslesion", "training")
            | some_settings("mslesion", "folds", "leak_control")
            | {"baselines": described_baselines()},
        ),
