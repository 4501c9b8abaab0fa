# The study's figures, each with a table of the numbers that it shows.


use rule analyse as echonet_plot_training_segmentation with:
    input:
        history=of_runs("segmentation", "log.csv"),
    output:
        figure="results/echonet/figures/training_segmentation.svg",
        table="results/echonet/figures/training_segmentation.csv",
    pathvars:
        name="echonet/plot_training_segmentation",
    localrule: True
    params:
        **step("echonet/plot_training.py", in_order("echonet", "segmentation")),


use rule analyse as echonet_plot_training_ef with:
    input:
        history=of_runs("ef", "log.csv"),
    output:
        figure="results/echonet/figures/training_ef.svg",
        table="results/echonet/figures/training_ef.csv",
    pathvars:
        name="echonet/plot_training_ef",
    localrule: True
    params:
        **step("echonet/plot_training.py", in_order("echonet", "ef")),


use rule analyse as echonet_plot_dice with:
    input:
        overlap=of_runs("segmentation", "overlap.csv"),
    output:
        figure="results/echonet/figures/dice.svg",
        table="results/echonet/figures/dice.csv",
    pathvars:
        name="echonet/plot_dice",
    localrule: True
    params:
        **step("echonet/plot_dice.py", in_order("echonet", "segmentation")),


use rule analyse as echonet_plot_examples with:
    input:
        store="results/echonet/store",
        overlap=segmentation_file("overlap.csv"),
        areas=segmentation_file("areas.csv"),
        masks=segmentation_file("masks.npy"),
    output:
        figure="results/echonet/figures/examples.svg",
        table="results/echonet/figures/examples.csv",
    pathvars:
        name="echonet/plot_examples",
    localrule: True
    params:
        **step("echonet/plot_examples.py"),


use rule analyse as echonet_plot_areas with:
    input:
        store="results/echonet/store",
        areas=segmentation_file("areas.csv"),
        size_=size_table("published"),
        size_sound=size_table("sound"),
    output:
        figure="results/echonet/figures/areas.svg",
        table="results/echonet/figures/areas.csv",
    pathvars:
        name="echonet/plot_areas",
    localrule: True
    params:
        **step("echonet/plot_areas.py", settings=settings("echonet", "videos")),


use rule analyse as echonet_plot_scatter with:
    input:
        store="results/echonet/store",
        predictions=of_protocols("test_predictions.csv"),
    output:
        figure="results/echonet/figures/scatter.svg",
        table="results/echonet/figures/scatter.csv",
    pathvars:
        name="echonet/plot_scatter",
    localrule: True
    params:
        **step("echonet/plot_scatter.py", in_order("echonet", "ef")),


use rule analyse as echonet_plot_bland_altman with:
    input:
        store="results/echonet/store",
        predictions=of_protocols("test_predictions.csv"),
    output:
        figure="results/echonet/figures/bland_altman.svg",
        table="results/echonet/figures/bland_altman.csv",
    pathvars:
        name="echonet/plot_bland_altman",
    localrule: True
    params:
        **step("echonet/plot_bland_altman.py", in_order("echonet", "ef")),


use rule analyse as echonet_plot_roc with:
    input:
        store="results/echonet/store",
        predictions=of_protocols("test_predictions.csv"),
    output:
        figure="results/echonet/figures/roc.svg",
        table="results/echonet/figures/roc.csv",
    pathvars:
        name="echonet/plot_roc",
    localrule: True
    params:
        **step("echonet/plot_roc.py", in_order("echonet", "ef")),


use rule analyse as echonet_plot_beats with:
    input:
        beats=of_protocols("beats.csv"),
        beat_count=of_protocols("beat_count.csv"),
    output:
        figure="results/echonet/figures/beats.svg",
        table="results/echonet/figures/beats.csv",
    pathvars:
        name="echonet/plot_beats",
    localrule: True
    params:
        **step("echonet/plot_beats.py", in_order("echonet", "ef")),
