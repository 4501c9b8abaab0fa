# The scoreboard and the one report of all studies.


rule report_scoreboard:
    input:
        metrics=of_studies("metrics.csv"),
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
        spec=lambda w: spec("report/scoreboard.py", project_files(PUBLISHED) | compared_run()),
        metrics=by_study("metrics.csv"),
    shell:
        "exec python workflow_scripts/report/scoreboard.py --published config/published.yaml --metrics {params.metrics:q}"
        " --settings {params.spec:q} --scoreboard {output:q} --log {log:q}"


rule report_rule_graph:
    output:
        rules="results/rules.csv",
        jobs="results/jobs.csv",
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
        " --settings {params.spec:q} --rules {output.rules:q} --jobs {output.jobs:q} --log {log:q}"


rule report_page:
    input:
        scoreboard="results/scoreboard.csv",
        sections=of_studies("section.json"),
        manifests=of_studies("manifest.csv"),
        rules="results/rules.csv",
        jobs="results/jobs.csv",
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
        spec=lambda w: spec("report/report_page.py", described_run() | project_files(PUBLISHED, LOCK)),
        manifests=by_study("manifest.csv"),
    shell:
        "exec python workflow_scripts/report/report_page.py --settings {params.spec:q} --published config/published.yaml"
        " --scoreboard {input.scoreboard:q} --sections {input.sections:q} --manifests {params.manifests:q}"
        " --rules {input.rules:q} --jobs {input.jobs:q} --lock requirements.lock --report {output:q} --log {log:q}"
