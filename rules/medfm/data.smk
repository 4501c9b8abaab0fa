# From raw images, or a phantom of them, to the decoded store.


use rule compute as medfm_make_phantom with:
    output:
        output=directory("results/medfm/phantom"),
    pathvars:
        name="medfm/make_phantom",
    threads: 2
    resources:
        **needs(4000, 60),
    params:
        **step("medfm/make_phantom.py", settings=settings("medfm", "phantom", seed=first_seed())),


use rule download as medfm_download with:
    output:
        receipt=update(receipt("medfm")),
    pathvars:
        name="medfm/download",
    localrule: True
    resources:
        **needs_download("medfm"),
    params:
        **download_step("medfm"),


use rule compute as medfm_check with:
    input:
        phantom("medfm"),
        downloaded("medfm"),
    output:
        manifest="results/medfm/manifest.csv",
        cases="results/medfm/cases.csv",
        findings="results/medfm/findings.csv",
        lists="results/medfm/lists.csv",
    pathvars:
        name="medfm/check",
    priority: 1  # report broken raw data before other studies compute
    threads: 2
    resources:
        **needs(4000, 120, raw=raw_folder("medfm")),
    params:
        **step("medfm/check.py", lambda w: raw_files("medfm")),


use rule compute as medfm_convert with:
    input:
        downloaded("medfm"),
        manifest="results/medfm/manifest.csv",
        cases="results/medfm/cases.csv",
    output:
        store=directory("results/medfm/store"),
    pathvars:
        name="medfm/convert",
    threads: 2
    resources:
        **needs(4000, 120, raw=raw_folder("medfm")),
    params:
        **step("medfm/convert.py", size_=settings("medfm")["store_size"]),


use rule compute as medfm_audit with:
    input:
        store="results/medfm/store",
        lists="results/medfm/lists.csv",
    output:
        audit="results/medfm/audit.json",
        leaks="results/medfm/leaks.csv",
    pathvars:
        name="medfm/audit",
    localrule: True
    resources:
        **needs(2000, 10),
    params:
        **step("medfm/audit.py", settings=splitting_images()),
