# The scoreboard and the one report of all studies.


rule report_scoreboard:
    input:
        metrics=of_studies("metrics.csv"),
        published="config/published.yaml",
    output:
        "results/scoreboard.csv",
    log:
        "results/logs/report/scoreboard.log",
    benchmark:
        "results/benchmarks/report/scoreboard.tsv"
    localrule: True
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        spec=lambda w: spec("report/scoreboard.py", compared_run()),
        metrics=by_study("metrics.csv"),
    shell:
        "exec python workflow_scripts/report/scoreboard.py --published {input.published:q} --metrics {params.metrics:q}"
        " --settings {params.spec:q} --scoreboard {output:q} --log {log:q}"


rule report_rule_graph:
    output:
        "results/rules.csv",
    log:
        "results/logs/report/rule_graph.log",
    benchmark:
        "results/benchmarks/report/rule_graph.tsv"
    localrule: True
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        spec=lambda w: spec("report/dag.py", graph()),
    shell:
        "exec python workflow_scripts/report/dag.py --snakefile Snakefile --target results/report.html"
        " --settings {params.spec:q} --rules {output:q} --log {log:q}"


rule report_page:
    input:
        scoreboard="results/scoreboard.csv",
        sections=of_studies("section.json"),
        manifests=of_studies("manifest.csv"),
        rules="results/rules.csv",
        published="config/published.yaml",
        lock="requirements.lock",
    output:
        "results/report.html",
    log:
        "results/logs/report/page.log",
    benchmark:
        "results/benchmarks/report/page.tsv"
    localrule: True
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=10,
    params:
        spec=spec("report/report_page.py", described_run()),
        manifests=by_study("manifest.csv"),
    shell:
        "exec python workflow_scripts/report/report_page.py --settings {params.spec:q} --published {input.published:q}"
        " --scoreboard {input.scoreboard:q} --sections {input.sections:q} --manifests {params.manifests:q}"
        " --benchmarks results/benchmarks --rules {input.rules:q} --lock {input.lock:q} --report {output:q} --log {log:q}"
