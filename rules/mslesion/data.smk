# Raw brain volumes, or a phantom of them, to the decoded store.


rule mslesion_make_phantom:
    output:
        directory("results/mslesion/phantom"),
    log:
        "results/logs/mslesion/make_phantom.log",
    benchmark:
        "results/benchmarks/mslesion/make_phantom.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 2
    resources:
        mem_mb=memory(4000),
        runtime=30,
    params:
        spec=spec("mslesion/make_phantom.py", settings("mslesion", "phantom", seed=first_seed())),
    shell:
        "exec python workflow_scripts/mslesion/make_phantom.py --settings {params.spec:q} --output {output:q} --log {log:q}"


rule mslesion_check:
    input:
        phantom("mslesion"),
    output:
        manifest="results/mslesion/manifest.csv",
        cases="results/mslesion/cases.csv",
        findings="results/mslesion/findings.csv",
    log:
        "results/logs/mslesion/check.log",
    benchmark:
        "results/benchmarks/mslesion/check.tsv"
    priority: 1  # what is broken is said before another study computes
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
        raw=raw_folder("mslesion"),
    params:
        spec=lambda w: spec("mslesion/check.py", raw_files("mslesion")),
    shell:
        "exec python workflow_scripts/mslesion/check.py --raw {resources.raw:q} --manifest {output.manifest:q}"
        " --cases {output.cases:q} --findings {output.findings:q} --log {log:q}"


rule mslesion_convert:
    input:
        manifest="results/mslesion/manifest.csv",
        cases="results/mslesion/cases.csv",
    output:
        store=directory("results/mslesion/store"),
    log:
        "results/logs/mslesion/convert.log",
    benchmark:
        "results/benchmarks/mslesion/convert.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
        raw=raw_folder("mslesion"),
    params:
        spec=spec("mslesion/convert.py", {}),
    shell:
        "exec python workflow_scripts/mslesion/convert.py --raw {resources.raw:q} --manifest {input.manifest:q}"
        " --cases {input.cases:q} --store {output.store:q} --log {log:q}"


rule mslesion_audit:
    input:
        store="results/mslesion/store",
    output:
        audit="results/mslesion/audit.json",
        folds="results/mslesion/folds.csv",
    log:
        "results/logs/mslesion/audit.log",
    benchmark:
        "results/benchmarks/mslesion/audit.tsv"
    localrule: True
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        spec=spec("mslesion/audit.py", {"unit": "patient", "folds": settings("mslesion")["folds"]}),
    shell:
        "exec python workflow_scripts/mslesion/audit.py --store {input.store:q} --settings {params.spec:q}"
        " --audit {output.audit:q} --folds {output.folds:q} --log {log:q}"
