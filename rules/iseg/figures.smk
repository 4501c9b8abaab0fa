# The study's figures, and its section of the report.


use rule analyse as iseg_plot_training with:
    input:
        history=[
            f"{folder}/fold{fold}/log.csv"
            for protocol in TISSUE_PROTOCOLS
            for folder in tissue_runs(protocol)
            for fold in iseg_folds(protocol)
        ],
    output:
        **figure_files("iseg", "training", "classes", "folds"),
    pathvars:
        name="iseg/plot_training",
    localrule: True
    params:
        **step("iseg/plot_training.py", in_order("iseg", "networks", "baselines")),


use rule analyse as iseg_plot_slices with:
    input:
        store="results/iseg/store",
        predictions=f"{shown_tissue_run()}/predictions",
        scores="results/iseg/scores.csv",
    output:
        **figure_files("iseg", "slices", "maps"),
        picture="results/iseg/figures/brain.webp",
        overlay="results/iseg/figures/brain.png",
    pathvars:
        name="iseg/plot_slices",
    localrule: True
    params:
        **step("iseg/plot_slices.py", settings=settings("iseg", "examples")),


use rule analyse as iseg_plot_tissues with:
    input:
        confusion="results/iseg/confusion.csv",
        scores="results/iseg/scores.csv",
    output:
        **figure_files("iseg", "confusion", "volumes"),
    pathvars:
        name="iseg/plot_tissues",
    localrule: True
    params:
        **step("iseg/plot_tissues.py"),


use rule analyse as iseg_describe with:
    input:
        **{name: f"results/iseg/{name}.csv" for name in ("metrics", "quirks", "findings", "costs", "scores")},
        store="results/iseg/store",
        test_volumes=f"{shown_tissue_run()}/test_volumes.csv",
        figures=expand(
            "results/iseg/figures/{name}.svg",
            name=["training", "classes", "folds", "slices", "maps", "confusion", "volumes"],
        ),
        picture="results/iseg/figures/brain.webp",
        overlay="results/iseg/figures/brain.png",
    output:
        protocols="results/iseg/protocols.csv",
        tissues="results/iseg/tissues.csv",
        family="results/iseg/family.csv",
        unlabelled="results/iseg/unlabelled.csv",
        section="results/iseg/section.json",
    pathvars:
        name="iseg/describe",
    localrule: True
    params:
        **step(
            "iseg/describe.py",
            settings=lambda w: described_study("iseg", "thesis", "master", "sound")
            | some_settings("iseg", "width", "folds")
            | {"printed": printed_tissue_dice()},
        ),
