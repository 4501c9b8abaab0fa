# The study's measures and figures, and what the report says of it.


rule mslesion_score:
    input:
        store="results/mslesion/store",
        history=[file for folder in all_trained() for file in each_fold(folder, "log.csv")],
        volumes=[f"{folder}/volumes.csv" for folder in all_trained()],
    output:
        metrics="results/mslesion/metrics.csv",
        quirks="results/mslesion/quirks.csv",
        lesions="results/mslesion/lesions.csv",
    log:
        "results/logs/mslesion/score.log",
    benchmark:
        "results/benchmarks/mslesion/score.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=30,
    params:
        spec=spec(
            "mslesion/score.py",
            settings("mslesion", "bootstrap", seed=first_seed())
            | chosen("reported_epochs")
            | in_order("mslesion", "lesions", "baselines"),
        ),
    shell:
        "exec python workflow_scripts/mslesion/score.py --store {input.store:q} --history {input.history:q}"
        " --volumes {input.volumes:q} --settings {params.spec:q} --metrics {output.metrics:q}"
        " --quirks {output.quirks:q} --lesions {output.lesions:q} --log {log:q}"


rule mslesion_plot_training:
    input:
        history=[file for folder in trained("published", "sound") for file in each_fold(folder, "log.csv")],
    output:
        figure="results/mslesion/figures/training.svg",
        table="results/mslesion/figures/training.csv",
    log:
        "results/logs/mslesion/plot_training.log",
    benchmark:
        "results/benchmarks/mslesion/plot_training.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("mslesion/plot_training.py", in_order("mslesion", "lesions", "baselines")),
    shell:
        "exec python workflow_scripts/mslesion/plot_training.py --history {input.history:q}"
        " --figure {output.figure:q} --table {output.table:q} --log {log:q}"


rule mslesion_plot_load:
    input:
        lesions="results/mslesion/lesions.csv",
    output:
        figure="results/mslesion/figures/load.svg",
        table="results/mslesion/figures/load.csv",
    log:
        "results/logs/mslesion/plot_load.log",
    benchmark:
        "results/benchmarks/mslesion/plot_load.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("mslesion/plot_load.py", {}),
    shell:
        "exec python workflow_scripts/mslesion/plot_load.py --lesions {input.lesions:q} --size load_ml"
        " --figure {output.figure:q} --table {output.table:q} --log {log:q}"


rule mslesion_plot_count:
    input:
        lesions="results/mslesion/lesions.csv",
    output:
        figure="results/mslesion/figures/count.svg",
        table="results/mslesion/figures/count.csv",
    log:
        "results/logs/mslesion/plot_count.log",
    benchmark:
        "results/benchmarks/mslesion/plot_count.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("mslesion/plot_load.py", {}),
    shell:
        "exec python workflow_scripts/mslesion/plot_load.py --lesions {input.lesions:q} --size lesions"
        " --figure {output.figure:q} --table {output.table:q} --log {log:q}"


rule mslesion_plot_examples:
    input:
        store="results/mslesion/store",
        volumes=f"{first_sound()}/volumes.csv",
        masks=f"{first_sound()}/masks",
    output:
        figure="results/mslesion/figures/examples.svg",
        table="results/mslesion/figures/examples.csv",
    log:
        "results/logs/mslesion/plot_examples.log",
    benchmark:
        "results/benchmarks/mslesion/plot_examples.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("mslesion/plot_examples.py", settings("mslesion", "examples")),
    shell:
        "exec python workflow_scripts/mslesion/plot_examples.py --store {input.store:q} --volumes {input.volumes:q}"
        " --masks {input.masks:q} --settings {params.spec:q} --figure {output.figure:q} --table {output.table:q}"
        " --log {log:q}"


rule mslesion_render_slices:
    input:
        store="results/mslesion/store",
        volumes=f"{first_sound()}/volumes.csv",
        masks=f"{first_sound()}/masks",
    output:
        directory("results/mslesion/slices"),
    log:
        "results/logs/mslesion/render_slices.log",
    benchmark:
        "results/benchmarks/mslesion/render_slices.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("mslesion/render_slices.py", settings("mslesion", "browser")),
    shell:
        "exec python workflow_scripts/mslesion/render_slices.py --store {input.store:q} --volumes {input.volumes:q}"
        " --masks {input.masks:q} --settings {params.spec:q} --output {output:q} --log {log:q}"


rule mslesion_describe:
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
    log:
        "results/logs/mslesion/describe.log",
    benchmark:
        "results/benchmarks/mslesion/describe.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec(
            "mslesion/describe.py",
            described_study("mslesion", "training")
            | chosen("folds", "leak_control")
            | {"baselines": described_baselines()},
        ),
    shell:
        "exec python workflow_scripts/mslesion/describe.py --store {input.store:q} --metrics {input.metrics:q}"
        " --quirks {input.quirks:q} --findings {input.findings:q} --figures {input.figures:q}"
        " --slices {input.slices:q} --settings {params.spec:q} --protocols {output.protocols:q}"
        " --by-fold {output.by_fold:q} --section {output.section:q} --log {log:q}"
