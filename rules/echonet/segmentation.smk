# Left-ventricular segmentation: training, Dice, every frame of the test videos, and their beats.


use rule train as echonet_train_segmentation with:
    input:
        store="results/echonet/store",
        normalisation="results/echonet/normalisation.json",
        initial=lambda w: initial_weights("echonet", "segmentation", w.run),
    output:
        weights="results/echonet/segmentation/{run}/weights.safetensors",
        history="results/echonet/segmentation/{run}/log.csv",
    pathvars:
        name="echonet/train_segmentation/{run}",
    resources:
        **needs_training(16000, 1440),
    params:
        **step(
            "echonet/train_segmentation.py",
            settings=lambda w: recipe("echonet", "segmentation", w.run),
            checkpoints="results/checkpoints/echonet/segmentation/{run}",
            tensorboard="results/tensorboard/echonet/segmentation/{run}",
        ),


use rule infer as echonet_score_segmentation with:
    input:
        store="results/echonet/store",
        weights="results/echonet/segmentation/{run}/weights.safetensors",
    output:
        overlap="results/echonet/segmentation/{run}/overlap.csv",
        val_dice="results/echonet/segmentation/{run}/val_dice.csv",
        test_dice="results/echonet/segmentation/{run}/test_dice.csv",
    pathvars:
        name="echonet/score_segmentation/{run}",
    resources:
        **needs_gpu(8000, 60),
    params:
        **step("echonet/score_segmentation.py"),


use rule infer as echonet_segment_videos with:
    input:
        store="results/echonet/store",
        weights="results/echonet/segmentation/{run}/weights.safetensors",
    output:
        areas="results/echonet/segmentation/{run}/areas.csv",
        masks="results/echonet/segmentation/{run}/masks.npy",
    pathvars:
        name="echonet/segment_videos/{run}",
    params:
        **step("echonet/segment_videos.py", settings={}, checkpoints="results/checkpoints/echonet/segment_videos/{run}"),


use rule analyse as echonet_find_beats with:
    input:
        store="results/echonet/store",
        areas="results/echonet/segmentation/{run}/areas.csv",
        masks="results/echonet/segmentation/{run}/masks.npy",
    output:
        size_="results/echonet/segmentation/{run}/size.csv",
        size_sound="results/echonet/segmentation/{run}/size_sound.csv",
        mask_ef="results/echonet/segmentation/{run}/mask_ef.csv",
    pathvars:
        name="echonet/find_beats/{run}",
    resources:
        **needs(4000, 60),
    params:
        **step("echonet/find_beats.py", settings=beats("distance", "prominence", "trim")),
