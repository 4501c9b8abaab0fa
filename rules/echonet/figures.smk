# The study's figures, each with the numbers that it draws.


rule echonet_plot_training_segmentation:
    input:
        history=of_runs("segmentation", "log.csv"),
    output:
        figure="results/echonet/figures/training_segmentation.svg",
        table="results/echonet/figures/training_segmentation.csv",
    log:
        "results/logs/echonet/plot_training_segmentation.log",
    benchmark:
        "results/benchmarks/echonet/plot_training_segmentation.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/plot_training.py", in_order("echonet", "segmentation")),
    shell:
        "exec python workflow_scripts/echonet/plot_training.py --history {input.history:q}"
        " --figure {output.figure:q} --table {output.table:q} --log {log:q}"


rule echonet_plot_training_ef:
    input:
        history=of_runs("ef", "log.csv"),
    output:
        figure="results/echonet/figures/training_ef.svg",
        table="results/echonet/figures/training_ef.csv",
    log:
        "results/logs/echonet/plot_training_ef.log",
    benchmark:
        "results/benchmarks/echonet/plot_training_ef.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/plot_training.py", in_order("echonet", "ef")),
    shell:
        "exec python workflow_scripts/echonet/plot_training.py --history {input.history:q}"
        " --figure {output.figure:q} --table {output.table:q} --log {log:q}"


rule echonet_plot_dice:
    input:
        overlap=of_runs("segmentation", "overlap.csv"),
    output:
        figure="results/echonet/figures/dice.svg",
        table="results/echonet/figures/dice.csv",
    log:
        "results/logs/echonet/plot_dice.log",
    benchmark:
        "results/benchmarks/echonet/plot_dice.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/plot_dice.py", in_order("echonet", "segmentation")),
    shell:
        "exec python workflow_scripts/echonet/plot_dice.py --overlap {input.overlap:q} --figure {output.figure:q}"
        " --table {output.table:q} --log {log:q}"


rule echonet_plot_examples:
    input:
        store="results/echonet/store",
        overlap=segmentation_file("overlap.csv"),
        areas=segmentation_file("areas.csv"),
        masks=segmentation_file("masks.npy"),
    output:
        figure="results/echonet/figures/examples.svg",
        table="results/echonet/figures/examples.csv",
    log:
        "results/logs/echonet/plot_examples.log",
    benchmark:
        "results/benchmarks/echonet/plot_examples.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/plot_examples.py", {}),
    shell:
        "exec python workflow_scripts/echonet/plot_examples.py --store {input.store:q} --overlap {input.overlap:q}"
        " --areas {input.areas:q} --masks {input.masks:q} --figure {output.figure:q} --table {output.table:q}"
        " --log {log:q}"


rule echonet_plot_areas:
    input:
        store="results/echonet/store",
        areas=segmentation_file("areas.csv"),
        sizes=size_table("published"),
        size_sound=size_table("sound"),
    output:
        figure="results/echonet/figures/areas.svg",
        table="results/echonet/figures/areas.csv",
    log:
        "results/logs/echonet/plot_areas.log",
    benchmark:
        "results/benchmarks/echonet/plot_areas.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/plot_areas.py", settings("echonet", "videos")),
    shell:
        "exec python workflow_scripts/echonet/plot_areas.py --store {input.store:q} --areas {input.areas:q}"
        " --size {input.sizes:q} --size-sound {input.size_sound:q} --settings {params.spec:q}"
        " --figure {output.figure:q} --table {output.table:q} --log {log:q}"


rule echonet_plot_scatter:
    input:
        store="results/echonet/store",
        predictions=of_protocols("test_predictions.csv"),
    output:
        figure="results/echonet/figures/scatter.svg",
        table="results/echonet/figures/scatter.csv",
    log:
        "results/logs/echonet/plot_scatter.log",
    benchmark:
        "results/benchmarks/echonet/plot_scatter.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/plot_scatter.py", in_order("echonet", "ef")),
    shell:
        "exec python workflow_scripts/echonet/plot_scatter.py --store {input.store:q}"
        " --predictions {input.predictions:q} --figure {output.figure:q} --table {output.table:q} --log {log:q}"


rule echonet_plot_bland_altman:
    input:
        store="results/echonet/store",
        predictions=of_protocols("test_predictions.csv"),
    output:
        figure="results/echonet/figures/bland_altman.svg",
        table="results/echonet/figures/bland_altman.csv",
    log:
        "results/logs/echonet/plot_bland_altman.log",
    benchmark:
        "results/benchmarks/echonet/plot_bland_altman.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/plot_bland_altman.py", in_order("echonet", "ef")),
    shell:
        "exec python workflow_scripts/echonet/plot_bland_altman.py --store {input.store:q}"
        " --predictions {input.predictions:q} --figure {output.figure:q} --table {output.table:q} --log {log:q}"


rule echonet_plot_roc:
    input:
        store="results/echonet/store",
        predictions=of_protocols("test_predictions.csv"),
    output:
        figure="results/echonet/figures/roc.svg",
        table="results/echonet/figures/roc.csv",
    log:
        "results/logs/echonet/plot_roc.log",
    benchmark:
        "results/benchmarks/echonet/plot_roc.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/plot_roc.py", in_order("echonet", "ef")),
    shell:
        "exec python workflow_scripts/echonet/plot_roc.py --store {input.store:q}"
        " --predictions {input.predictions:q} --figure {output.figure:q} --table {output.table:q} --log {log:q}"


rule echonet_plot_beats:
    input:
        beats=of_protocols("beats.csv"),
        beat_count=of_protocols("beat_count.csv"),
    output:
        figure="results/echonet/figures/beats.svg",
        table="results/echonet/figures/beats.csv",
    log:
        "results/logs/echonet/plot_beats.log",
    benchmark:
        "results/benchmarks/echonet/plot_beats.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/plot_beats.py", in_order("echonet", "ef")),
    shell:
        "exec python workflow_scripts/echonet/plot_beats.py --beats {input.beats:q}"
        " --beat-count {input.beat_count:q} --figure {output.figure:q} --table {output.table:q} --log {log:q}"
