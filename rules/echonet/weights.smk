# Initial weights that others trained: downloaded here and nowhere else, or taken from a file that config.yaml names.


rule echonet_fetch_weights:
    output:
        "results/weights/{network}-{weights}.pth",
    log:
        "results/logs/echonet/fetch_weights/{network}-{weights}.log",
    benchmark:
        "results/benchmarks/echonet/fetch_weights/{network}-{weights}.tsv"
    # Nodes of a cluster often reach no network.
    localrule: True
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
        source=lambda w: weights_source(w.network, w.weights),
    params:
        spec=lambda w: spec("echonet/fetch_weights.py", fetched_weights(w.network, w.weights)),
    shell:
        "exec python workflow_scripts/echonet/fetch_weights.py --name {wildcards.weights:q}/{wildcards.network:q}"
        " --source {resources.source:q} --output {output:q} --log {log:q}"
