# Cross-validation: a training for each network, protocol and fold; each scan segmented by the one it took no part in.


rule mslesion_train:
    input:
        store="results/mslesion/store",
        audit="results/mslesion/audit.json",
    output:
        weights="results/mslesion/{run}/{protocol}/fold{fold}/weights.safetensors",
        history="results/mslesion/{run}/{protocol}/fold{fold}/log.csv",
    log:
        "results/logs/mslesion/train/{run}/{protocol}/fold{fold}.log",
    benchmark:
        "results/benchmarks/mslesion/train/{run}/{protocol}/fold{fold}.tsv"
    wildcard_constraints:
        protocol=r"published|by_patient|sound",
    conda:
        "../../envs/training.yaml"
    threads: config["processes"]
    resources:
        mem_mb=memory(16000),
        runtime=2880,
        gpu=config["processes"] * int(config["device"] != "cpu"),
        nodes=1,
        device=config["device"],
        deterministic="yes" if config["deterministic"] else "no",
        processes=config["processes"],
        checkpoint_every=config["checkpoint_every"],
    params:
        spec=lambda w: spec("mslesion/train.py", lesion_recipe(w.run, w.protocol)),
        checkpoints="results/checkpoints/mslesion/{run}/{protocol}/fold{fold}",
        tensorboard="results/tensorboard/mslesion/{run}/{protocol}/fold{fold}",
    shell:
        "exec python workflow_scripts/mslesion/train.py --store {input.store:q} --settings {params.spec:q}"
        " --protocol {wildcards.protocol:q} --fold {wildcards.fold:q}"
        " --device {resources.device:q} --deterministic {resources.deterministic:q} --processes {resources.processes:q}"
        " --checkpoints {params.checkpoints:q} --checkpoint-every {resources.checkpoint_every:q}"
        " --tensorboard {params.tensorboard:q} --weights {output.weights:q} --history {output.history:q} --log {log:q}"


rule mslesion_segment:
    input:
        store="results/mslesion/store",
        weights=lambda w: each_fold(f"results/mslesion/{w.run}/{w.protocol}", "weights.safetensors"),
    output:
        masks=directory("results/mslesion/{run}/{protocol}/masks"),
        volumes="results/mslesion/{run}/{protocol}/volumes.csv",
    log:
        "results/logs/mslesion/segment/{run}/{protocol}.log",
    benchmark:
        "results/benchmarks/mslesion/segment/{run}/{protocol}.tsv"
    wildcard_constraints:
        protocol=r"published|by_patient|sound",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(8000),
        runtime=240,
        gpu=int(config["device"] != "cpu"),
        nodes=1,
        device=config["device"],
    params:
        spec=spec("mslesion/segment.py", {}),
        checkpoints="results/checkpoints/mslesion/segment/{run}/{protocol}",
    shell:
        "exec python workflow_scripts/mslesion/segment.py --store {input.store:q} --weights {input.weights:q}"
        " --protocol {wildcards.protocol:q} --settings {params.spec:q} --device {resources.device:q}"
        " --checkpoints {params.checkpoints:q} --masks {output.masks:q} --volumes {output.volumes:q} --log {log:q}"
