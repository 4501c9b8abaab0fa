# Initial weights that others trained. They are downloaded here and nowhere else, or copied from a file that config.yaml
# names.


use rule compute as weights_fetch with:
    output:
        output="results/weights/{network}-{weights}.pth",
    pathvars:
        name="weights/fetch/{network}-{weights}",
    # The nodes of a cluster often have no access to the network.
    localrule: True
    resources:
        **needs(2000, 60, source=lambda w: weights_source(w.network, w.weights)),
    params:
        **step("weights/fetch.py", lambda w: fetched_weights(w.network, w.weights), name="{weights}/{network}"),
