# Ejection fraction from video clips, and beat by beat.


rule echonet_train_ef:
    input:
        store="results/echonet/store",
        normalisation="results/echonet/normalisation.json",
        initial=lambda w: initial_weights("echonet", "ef", w.run),
    output:
        published="results/echonet/ef/{run}/published.safetensors",
        sound="results/echonet/ef/{run}/sound.safetensors",
        history="results/echonet/ef/{run}/log.csv",
    log:
        "results/logs/echonet/train_ef/{run}.log",
    benchmark:
        "results/benchmarks/echonet/train_ef/{run}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: config["processes"]
    resources:
        mem_mb=memory(32000),
        runtime=2880,
        gpu=config["processes"] * int(config["device"] != "cpu"),
        nodes=1,
        device=config["device"],
        deterministic="yes" if config["deterministic"] else "no",
        processes=config["processes"],
        checkpoint_every=config["checkpoint_every"],
    params:
        spec=lambda w: spec("echonet/train_ef.py", recipe("echonet", "ef", w.run)),
        checkpoints="results/checkpoints/echonet/ef/{run}",
        tensorboard="results/tensorboard/echonet/ef/{run}",
    shell:
        "exec python workflow_scripts/echonet/train_ef.py --store {input.store:q}"
        " --normalisation {input.normalisation:q} --initial {input.initial:q} --settings {params.spec:q}"
        " --device {resources.device:q} --deterministic {resources.deterministic:q} --processes {resources.processes:q}"
        " --checkpoints {params.checkpoints:q} --checkpoint-every {resources.checkpoint_every:q}"
        " --tensorboard {params.tensorboard:q}"
        " --published {output.published:q} --sound {output.sound:q} --history {output.history:q} --log {log:q}"


rule echonet_predict_ef:
    input:
        store="results/echonet/store",
        weights="results/echonet/ef/{run}/{protocol}.safetensors",
        sizes=lambda w: sizes_for_clips("published"),
        size_sound=lambda w: sizes_for_clips("sound"),
    output:
        "results/echonet/ef/{run}/{protocol}/{split}_predictions.csv",
    log:
        "results/logs/echonet/predict_ef/{run}/{protocol}/{split}.log",
    benchmark:
        "results/benchmarks/echonet/predict_ef/{run}/{protocol}/{split}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(16000),
        runtime=480,
        gpu=int(config["device"] != "cpu"),
        nodes=1,
        device=config["device"],
    params:
        spec=spec("echonet/predict_ef.py", beats("lead_frames")),
        clips=settings("echonet", "predict_ef")["clips"],
        checkpoints="results/checkpoints/echonet/predict_ef/{run}/{protocol}/{split}",
    shell:
        "exec python workflow_scripts/echonet/predict_ef.py --store {input.store:q} --weights {input.weights:q}"
        " --split {wildcards.split:q} --clips {params.clips:q} --size {input.sizes:q} --size-sound {input.size_sound:q}"
        " --settings {params.spec:q} --device {resources.device:q} --checkpoints {params.checkpoints:q}"
        " --predictions {output:q} --log {log:q}"


rule echonet_beat_by_beat:
    input:
        store="results/echonet/store",
        predictions="results/echonet/ef/{run}/{protocol}/test_predictions.csv",
        sizes=lambda w: size_table(w.protocol),
    output:
        cases="results/echonet/ef/{run}/{protocol}/beats.csv",
        summary="results/echonet/ef/{run}/{protocol}/beats_summary.csv",
        beat_count="results/echonet/ef/{run}/{protocol}/beat_count.csv",
    log:
        "results/logs/echonet/beat_by_beat/{run}/{protocol}.log",
    benchmark:
        "results/benchmarks/echonet/beat_by_beat/{run}/{protocol}.tsv"
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        spec=spec("echonet/beat_by_beat.py", beats("lead_frames", "max_beats", "runs") | {"seed": first_seed()}),
    shell:
        "exec python workflow_scripts/echonet/beat_by_beat.py --predictions {input.predictions:q} --size {input.sizes:q}"
        " --store {input.store:q} --rule {wildcards.protocol:q} --settings {params.spec:q} --cases {output.cases:q}"
        " --summary {output.summary:q} --beat-count {output.beat_count:q} --log {log:q}"
