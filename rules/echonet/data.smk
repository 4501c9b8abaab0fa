# Raw echo videos, or a phantom of them, to the decoded store.


rule echonet_make_phantom:
    output:
        directory("results/echonet/phantom"),
    log:
        "results/logs/echonet/make_phantom.log",
    benchmark:
        "results/benchmarks/echonet/make_phantom.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 2
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/make_phantom.py", settings("echonet", "phantom", seed=first_seed())),
    shell:
        "exec python workflow_scripts/echonet/make_phantom.py --settings {params.spec:q} --output {output:q} --log {log:q}"


rule echonet_check:
    input:
        phantom("echonet"),
    output:
        manifest="results/echonet/manifest.csv",
        cases="results/echonet/cases.csv",
        findings="results/echonet/findings.csv",
    log:
        "results/logs/echonet/check.log",
    benchmark:
        "results/benchmarks/echonet/check.tsv"
    priority: 1  # what is broken is said before another study computes
    conda:
        "../../envs/training.yaml"
    threads: 2
    resources:
        mem_mb=memory(2000),
        runtime=60,
        raw=raw_folder("echonet"),
    params:
        spec=lambda w: spec("echonet/check.py", raw_files("echonet")),
    shell:
        "exec python workflow_scripts/echonet/check.py --raw {resources.raw:q}"
        " --manifest {output.manifest:q} --cases {output.cases:q} --findings {output.findings:q} --log {log:q}"


rule echonet_convert:
    input:
        manifest="results/echonet/manifest.csv",
        cases="results/echonet/cases.csv",
    output:
        store=directory("results/echonet/store"),
    log:
        "results/logs/echonet/convert.log",
    benchmark:
        "results/benchmarks/echonet/convert.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 2
    resources:
        mem_mb=memory(4000),
        runtime=240,
        raw=raw_folder("echonet"),
    params:
        spec=spec("echonet/convert.py", {}),
    shell:
        "exec python workflow_scripts/echonet/convert.py --raw {resources.raw:q} --manifest {input.manifest:q}"
        " --cases {input.cases:q} --store {output.store:q} --log {log:q}"


rule echonet_audit:
    input:
        store="results/echonet/store",
        manifest="results/echonet/manifest.csv",
    output:
        audit="results/echonet/audit.json",
    log:
        "results/logs/echonet/audit.log",
    benchmark:
        "results/benchmarks/echonet/audit.tsv"
    localrule: True
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        spec=spec("echonet/audit.py", {}),
    shell:
        "exec python workflow_scripts/echonet/audit.py --store {input.store:q} --manifest {input.manifest:q}"
        " --audit {output.audit:q} --log {log:q}"


rule echonet_normalise:
    input:
        store="results/echonet/store",
        audit="results/echonet/audit.json",
    output:
        "results/echonet/normalisation.json",
    log:
        "results/logs/echonet/normalise.log",
    benchmark:
        "results/benchmarks/echonet/normalise.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/normalise.py", settings("echonet", "normalisation", seed=first_seed())),
    shell:
        "exec python workflow_scripts/echonet/normalise.py --store {input.store:q} --settings {params.spec:q}"
        " --output {output:q} --log {log:q}"
