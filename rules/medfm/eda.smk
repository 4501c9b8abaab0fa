# Figures of what the data set consists of.


use rule analyse as medfm_plot_eda with:
    input:
        store="results/medfm/store",
    output:
        **figure_files("medfm", "findings", "labels", "cooccurrence", "sizes", "groups"),
        twins="results/medfm/twins.csv",
    pathvars:
        name="medfm/plot_eda",
    localrule: True
    params:
        **step("medfm/plot_eda.py"),
