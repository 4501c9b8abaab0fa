# Ejection fraction from video clips, and beat by beat.


use rule train as echonet_train_ef with:
    input:
        store="results/echonet/store",
        normalisation="results/echonet/normalisation.json",
        initial=lambda w: initial_weights("echonet", "ef", w.run),
    output:
        published="results/echonet/ef/{run}/published.safetensors",
        sound="results/echonet/ef/{run}/sound.safetensors",
        history="results/echonet/ef/{run}/log.csv",
    pathvars:
        name="echonet/train_ef/{run}",
    resources:
        **needs_training(32000, 2880),
    params:
        **step(
            "echonet/train_ef.py",
            settings=lambda w: recipe("echonet", "ef", w.run),
            checkpoints="results/checkpoints/echonet/ef/{run}",
            tensorboard="results/tensorboard/echonet/ef/{run}",
        ),


use rule infer as echonet_predict_ef with:
    input:
        store="results/echonet/store",
        weights="results/echonet/ef/{run}/{protocol}.safetensors",
        size_=lambda w: sizes_for_clips("published"),
        size_sound=lambda w: sizes_for_clips("sound"),
    output:
        predictions="results/echonet/ef/{run}/{protocol}/{split}_predictions.csv",
    pathvars:
        name="echonet/predict_ef/{run}/{protocol}/{split}",
    resources:
        **needs_gpu(16000, 480),
    params:
        **step(
            "echonet/predict_ef.py",
            settings=beats("lead_frames"),
            split="{split}",
            clips=settings("echonet", "predict_ef")["clips"],
            checkpoints="results/checkpoints/echonet/predict_ef/{run}/{protocol}/{split}",
        ),


use rule run_r as echonet_beat_by_beat with:
    input:
        store="results/echonet/store",
        predictions="results/echonet/ef/{run}/{protocol}/test_predictions.csv",
        size_=lambda w: size_table(w.protocol),
    output:
        cases="results/echonet/ef/{run}/{protocol}/beats.csv",
        summary="results/echonet/ef/{run}/{protocol}/beats_summary.csv",
        beat_count="results/echonet/ef/{run}/{protocol}/beat_count.csv",
    pathvars:
        name="echonet/beat_by_beat/{run}/{protocol}",
    resources:
        **needs(4000, 60),
    params:
        **step(
            "echonet/beat_by_beat.py",
            settings=beats("lead_frames", "max_beats", "runs") | {"seed": first_seed()},
            rule="{protocol}",
        ),
