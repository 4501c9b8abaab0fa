# Cross-validation: one training per network, protocol and fold. Each scan is segmented by the network of its own fold,
# which has not seen it in training.


use rule train as mslesion_train with:
    input:
        "results/mslesion/audit.json",
        store="results/mslesion/store",
    output:
        weights="results/mslesion/{run}/{protocol}/fold{fold}/weights.safetensors",
        history="results/mslesion/{run}/{protocol}/fold{fold}/log.csv",
    pathvars:
        name="mslesion/train/{run}/{protocol}/fold{fold}",
    wildcard_constraints:
        protocol=r"published|by_patient|sound",
    params:
        **step(
            "mslesion/train.py",
            settings=lambda w: lesion_recipe(w.run, w.protocol),
            protocol="{protocol}",
            fold="{fold}",
            checkpoints="results/checkpoints/mslesion/{run}/{protocol}/fold{fold}",
            tensorboard="results/tensorboard/mslesion/{run}/{protocol}/fold{fold}",
        ),


use rule infer as mslesion_segment with:
    input:
        store="results/mslesion/store",
        weights=lambda w: each_fold(f"results/mslesion/{w.run}/{w.protocol}", "weights.safetensors"),
    output:
        masks=directory("results/mslesion/{run}/{protocol}/masks"),
        volumes="results/mslesion/{run}/{protocol}/volumes.csv",
    pathvars:
        name="mslesion/segment/{run}/{protocol}",
    wildcard_constraints:
        protocol=r"published|by_patient|sound",
    params:
        **step(
            "mslesion/segment.py",
            settings={},
            protocol="{protocol}",
            checkpoints="results/checkpoints/mslesion/segment/{run}/{protocol}",
        ),
