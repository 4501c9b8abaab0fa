# The study's figures, and its section of the report.


use rule analyse as medfm_plot_training with:
    input:
        history=finding_results("log.csv", *FINDING_PROTOCOLS),
    output:
        **figure_of_findings("training"),
    pathvars:
        name="medfm/plot_training",
    localrule: True
    params:
        **step(
            "medfm/plot_training.py",
            in_order("medfm", "networks"),
            settings=lambda w: published_findings("_epoch"),
        ),


use rule analyse as medfm_plot_few_shot with:
    input:
        few_shot="results/medfm/few_shot.csv",
    output:
        **figure_of_findings("few_shot"),
    pathvars:
        name="medfm/plot_few_shot",
    localrule: True
    params:
        **step("medfm/plot_few_shot.py", settings=lambda w: published_findings("-shot/", "later/")),


use rule analyse as medfm_plot_calibration with:
    input:
        calibration="results/medfm/calibration.csv",
    output:
        **figure_of_findings("calibration"),
    pathvars:
        name="medfm/plot_calibration",
    localrule: True
    params:
        **step("medfm/plot_calibration.py"),


use rule analyse as medfm_describe with:
    input:
        "results/medfm/submissions",  # so that each run writes and checks them
        **{
            name: f"results/medfm/{name}.csv"
            for name in ("metrics", "quirks", "findings", "per_finding", "few_shot", "leaks", "twins")
        },
        store="results/medfm/store",
        maps=f"results/medfm/{runs('medfm', 'networks')[0]}/sound/maps",
        figures=expand(
            "results/medfm/figures/{name}.svg",
            name=[
                *("findings", "labels", "cooccurrence", "sizes", "groups"),
                *("training", "few_shot", "calibration"),
            ],
        ),
    output:
        protocols="results/medfm/protocols.csv",
        by_finding="results/medfm/by_finding.csv",
        by_shots="results/medfm/by_shots.csv",
        leak_table="results/medfm/leak_table.csv",
        picture="results/medfm/figures/endoscopy.webp",
        section="results/medfm/section.json",
    pathvars:
        name="medfm/describe",
    localrule: True
    params:
        **step(
            "medfm/describe.py",
            settings=lambda w: described_study("medfm", "writeup", "challenge", "sound", "few_shot")
            | some_settings("medfm", "initial", "arguments"),
        ),
