# What the rules of each kind share. `name` says where the log and the benchmark of a job lie, with its wildcards.

ENVIRONMENTS = f"{workflow.basedir}/envs"


rule compute:
    log:
        "results/logs/<name>.log",
    benchmark:
        "results/benchmarks/<name>.tsv"
    pathvars:
        name="compute",
    conda:
        f"{ENVIRONMENTS}/training.yaml"
    threads: 1
    resources:
        **needs(2000, 30),
    shell:
        "exec python workflow_scripts/{params.program:q} {params.words:q} {params.environment:q} --log {log:q}"


use rule compute as infer with:
    resources:
        **needs_gpu(8000, 240),


use rule compute as train with:
    threads: config["processes"]
    resources:
        **needs_training(16000, 2880),


use rule compute as analyse with:
    conda:
        f"{ENVIRONMENTS}/report.yaml"


use rule compute as run_r with:
    conda:
        f"{ENVIRONMENTS}/statistics.yaml"


# Raw data from elsewhere. The nodes of a cluster often have no access to the network.
use rule compute as download with:
    localrule: True


# The key of a user's own files, the same for each study. Its step finds the folder in the environment.
use rule compute as name_own_files with:
    input:
        lambda w: own_folder(),
    resources:
        **needs(2000, 60),
    params:
        **step(
            "own_files/name_files.py",
            lambda w: {"files": own_files_digest(config["input"])},
            keep_names="yes" if config.get("keep_names") else "no",
        ),
