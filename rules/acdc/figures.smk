# What networks and ensembles cost, the study's figures, and its section of the report.


use rule infer as acdc_measure_costs with:
    input:
        store="results/acdc/store",
        weights=[f"{folder}/weights.safetensors" for folder in heart_runs("sound")],
        members="results/acdc/ensembles/weights.csv",
        metrics="results/acdc/metrics.csv",
    output:
        costs="results/acdc/costs.csv",
    pathvars:
        name="acdc/measure_costs",
    params:
        **step(
            "acdc/measure_costs.py",
            settings=settings("acdc", "costs") | in_order("acdc", "segmentation", "baselines"),
            benchmarks="results/benchmarks/acdc/train",
        ),


use rule infer as acdc_follow_cine with:
    input:
        store="results/acdc/store",
        weights=[f"results/acdc/{run}/sound/weights.safetensors" for run in runs("acdc", "segmentation")],
        members="results/acdc/ensembles/weights.csv",
    output:
        output=directory("results/acdc/cine"),
    pathvars:
        name="acdc/follow_cine",
    params:
        **step("acdc/follow_cine.py", in_order("acdc", "segmentation")),


use rule analyse as acdc_plot_training with:
    input:
        history=[f"{folder}/log.csv" for folder in heart_runs("published", "sound")],
    output:
        figure="results/acdc/figures/training.svg",
        table="results/acdc/figures/training.csv",
    pathvars:
        name="acdc/plot_training",
    localrule: True
    params:
        **step("acdc/plot_training.py", in_order("acdc", "segmentation", "baselines")),


use rule analyse as acdc_plot_examples with:
    input:
        store="results/acdc/store",
        scores="results/acdc/ensembles/scores.csv",
        masks="results/acdc/ensembles/masks",
    output:
        figure="results/acdc/figures/examples.svg",
        table="results/acdc/figures/examples.csv",
    pathvars:
        name="acdc/plot_examples",
    localrule: True
    params:
        **step("acdc/plot_examples.py", settings=settings("acdc", "examples")),


use rule analyse as acdc_plot_ef with:
    input:
        patients="results/acdc/patients.csv",
    output:
        figure="results/acdc/figures/ef.svg",
        table="results/acdc/figures/ef.csv",
    pathvars:
        name="acdc/plot_ef",
    localrule: True
    params:
        **step("acdc/plot_agreement.py", size_="ef"),


use rule analyse as acdc_plot_mass with:
    input:
        patients="results/acdc/patients.csv",
    output:
        figure="results/acdc/figures/mass.svg",
        table="results/acdc/figures/mass.csv",
    pathvars:
        name="acdc/plot_mass",
    localrule: True
    params:
        **step("acdc/plot_agreement.py", size_="mass"),


use rule analyse as acdc_plot_reliability with:
    input:
        bins="results/acdc/ensembles/bins.csv",
    output:
        figure="results/acdc/figures/reliability.svg",
        table="results/acdc/figures/reliability.csv",
    pathvars:
        name="acdc/plot_reliability",
    localrule: True
    params:
        **step("acdc/plot_reliability.py"),


use rule analyse as acdc_plot_pareto with:
    input:
        costs="results/acdc/costs.csv",
    output:
        figure="results/acdc/figures/pareto.svg",
        table="results/acdc/figures/pareto.csv",
    pathvars:
        name="acdc/plot_pareto",
    localrule: True
    params:
        **step("acdc/plot_pareto.py"),


use rule analyse as acdc_describe with:
    input:
        store="results/acdc/store",
        metrics="results/acdc/metrics.csv",
        quirks="results/acdc/quirks.csv",
        findings="results/acdc/findings.csv",
        members="results/acdc/ensembles/weights.csv",
        calibration="results/acdc/ensembles/calibration.csv",
        diversity="results/acdc/ensembles/diversity.csv",
        costs="results/acdc/costs.csv",
        figures=expand(
            "results/acdc/figures/{name}.svg",
            name=["training", "examples", "ef", "mass", "reliability", "pareto"],
        ),
        cine="results/acdc/cine",
    output:
        protocols="results/acdc/protocols.csv",
        structures="results/acdc/structures.csv",
        agreement="results/acdc/agreement.csv",
        ensembles="results/acdc/ensembles.csv",
        calibrated="results/acdc/calibrated.csv",
        priced="results/acdc/priced.csv",
        section="results/acdc/section.json",
    pathvars:
        name="acdc/describe",
    localrule: True
    params:
        **step(
            "acdc/describe.py",
            settings=lambda w: described_study("acdc", "training")
            | some_settings("acdc", "validation", "grid", "slices", "search", "snapshots"),
        ),
