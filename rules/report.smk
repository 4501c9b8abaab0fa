# The scoreboard and the one report of all studies.


use rule analyse as report_scoreboard with:
    input:
        of_studies("metrics.csv"),
    output:
        scoreboard="results/scoreboard.csv",
    pathvars:
        name="report/scoreboard",
    localrule: True
    resources:
        **needs(1000, 10),
    params:
        **step(
            "report/scoreboard.py",
            settings=lambda w: project_files(PUBLISHED) | compared_run(),
            published=PUBLISHED,
            metrics=by_study("metrics.csv"),
        ),


use rule analyse as report_rule_graph with:
    output:
        rules="results/rules.csv",
        jobs="results/jobs.csv",
    pathvars:
        name="report/rule_graph",
    localrule: True
    resources:
        **needs(1000, 10),
    params:
        **step("report/dag.py", settings=lambda w: graph(), snakefile="Snakefile", target="results/report.html"),


use rule analyse as report_page with:
    input:
        of_studies("manifest.csv"),
        scoreboard="results/scoreboard.csv",
        sections=of_studies("section.json"),
        rules="results/rules.csv",
        jobs="results/jobs.csv",
    output:
        report="results/report.html",
    pathvars:
        name="report/page",
    localrule: True
    resources:
        **needs(2000, 10),
    params:
        **step(
            "report/report_page.py",
            settings=lambda w: described_run() | project_files(PUBLISHED, LOCK),
            published=PUBLISHED,
            manifests=by_study("manifest.csv"),
            lock=LOCK,
        ),
