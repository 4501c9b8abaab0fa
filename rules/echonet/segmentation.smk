# Left-ventricular segmentation: training, Dice, every frame of the test videos, and their beats.


rule echonet_train_segmentation:
    input:
        store="results/echonet/store",
        normalisation="results/echonet/normalisation.json",
        initial=lambda w: initial_weights("echonet", "segmentation", w.run),
    output:
        weights="results/echonet/segmentation/{run}/weights.safetensors",
        history="results/echonet/segmentation/{run}/log.csv",
    log:
        "results/logs/echonet/train_segmentation/{run}.log",
    benchmark:
        "results/benchmarks/echonet/train_segmentation/{run}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: config["processes"]
    resources:
        mem_mb=memory(16000),
        runtime=1440,
        gpu=config["processes"] * int(config["device"] != "cpu"),
        nodes=1,
        device=config["device"],
        deterministic="yes" if config["deterministic"] else "no",
        processes=config["processes"],
        checkpoint_every=config["checkpoint_every"],
    params:
        spec=lambda w: spec("echonet/train_segmentation.py", recipe("echonet", "segmentation", w.run)),
        checkpoints="results/checkpoints/echonet/segmentation/{run}",
        tensorboard="results/tensorboard/echonet/segmentation/{run}",
    shell:
        "exec python workflow_scripts/echonet/train_segmentation.py --store {input.store:q}"
        " --normalisation {input.normalisation:q} --initial {input.initial:q} --settings {params.spec:q}"
        " --device {resources.device:q} --deterministic {resources.deterministic:q} --processes {resources.processes:q}"
        " --checkpoints {params.checkpoints:q} --checkpoint-every {resources.checkpoint_every:q}"
        " --tensorboard {params.tensorboard:q}"
        " --weights {output.weights:q} --history {output.history:q} --log {log:q}"


rule echonet_score_segmentation:
    input:
        store="results/echonet/store",
        weights="results/echonet/segmentation/{run}/weights.safetensors",
    output:
        overlap="results/echonet/segmentation/{run}/overlap.csv",
        val="results/echonet/segmentation/{run}/val_dice.csv",
        test="results/echonet/segmentation/{run}/test_dice.csv",
    log:
        "results/logs/echonet/score_segmentation/{run}.log",
    benchmark:
        "results/benchmarks/echonet/score_segmentation/{run}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(8000),
        runtime=60,
        gpu=int(config["device"] != "cpu"),
        nodes=1,
        device=config["device"],
    params:
        spec=spec("echonet/score_segmentation.py", {}),
    shell:
        "exec python workflow_scripts/echonet/score_segmentation.py --store {input.store:q} --weights {input.weights:q}"
        " --device {resources.device:q} --overlap {output.overlap:q} --val-dice {output.val:q}"
        " --test-dice {output.test:q} --log {log:q}"


rule echonet_segment_videos:
    input:
        store="results/echonet/store",
        weights="results/echonet/segmentation/{run}/weights.safetensors",
    output:
        areas="results/echonet/segmentation/{run}/areas.csv",
        masks="results/echonet/segmentation/{run}/masks.npy",
    log:
        "results/logs/echonet/segment_videos/{run}.log",
    benchmark:
        "results/benchmarks/echonet/segment_videos/{run}.tsv"
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
        spec=spec("echonet/segment_videos.py", {}),
        checkpoints="results/checkpoints/echonet/segment_videos/{run}",
    shell:
        "exec python workflow_scripts/echonet/segment_videos.py --store {input.store:q} --weights {input.weights:q}"
        " --settings {params.spec:q} --device {resources.device:q} --checkpoints {params.checkpoints:q} --areas {output.areas:q}"
        " --masks {output.masks:q} --log {log:q}"


rule echonet_find_beats:
    input:
        store="results/echonet/store",
        areas="results/echonet/segmentation/{run}/areas.csv",
        masks="results/echonet/segmentation/{run}/masks.npy",
    output:
        sizes="results/echonet/segmentation/{run}/size.csv",
        size_sound="results/echonet/segmentation/{run}/size_sound.csv",
        mask_ef="results/echonet/segmentation/{run}/mask_ef.csv",
    log:
        "results/logs/echonet/find_beats/{run}.log",
    benchmark:
        "results/benchmarks/echonet/find_beats/{run}.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        spec=spec("echonet/find_beats.py", beats("distance", "prominence", "trim")),
    shell:
        "exec python workflow_scripts/echonet/find_beats.py --store {input.store:q} --areas {input.areas:q}"
        " --masks {input.masks:q} --settings {params.spec:q} --size {output.sizes:q}"
        " --size-sound {output.size_sound:q} --mask-ef {output.mask_ef:q} --log {log:q}"
