# Heat maps of a network by `sound`: where it finds what it reports, and tests of the maps.


use rule infer as medfm_explain with:
    input:
        **({"phantom": phantom("medfm")} if is_phantom("medfm") else {}),
        store="results/medfm/store",
        weights=of_each_task("weights.safetensors"),
        scores=of_each_task("scores.csv"),
    output:
        output=directory("results/medfm/{run}/sound/maps"),
    pathvars:
        name="medfm/explain/{run}",
    resources:
        **needs_gpu(16000, 120),
    params:
        **step("medfm/explain.py", settings=settings("medfm", "explain")),
