# Initial weights that others trained: downloaded here and nowhere else, or taken from a file that config.yaml names.


use rule compute as echonet_fetch_weights with:
    output:
        output="results/weights/{network}-{weights}.pth",
    pathvars:
        name="echonet/fetch_weights/{network}-{weights}",
    # Nodes of a cluster often reach no network.
    localrule: True
    resources:
        **needs(2000, 60, source=lambda w: weights_source(w.network, w.weights)),
    params:
        **step("echonet/fetch_weights.py", lambda w: fetched_weights(w.network, w.weights), name="{weights}/{network}"),
