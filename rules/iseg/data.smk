# From raw MRI of infants, or a phantom of it, to the decoded store.


use rule compute as iseg_make_phantom with:
    output:
        output=directory("results/iseg/phantom"),
    pathvars:
        name="iseg/make_phantom",
    threads: 2
    resources:
        **needs(4000, 30),
    params:
        **step("iseg/make_phantom.py", settings=settings("iseg", "phantom", seed=first_seed())),


use rule download as iseg_download with:
    output:
        receipt=update(receipt("iseg")),
    pathvars:
        name="iseg/download",
    localrule: True
    resources:
        **needs_download("iseg"),
    params:
        **download_step("iseg"),


use rule compute as iseg_check with:
    input:
        phantom("iseg"),
        downloaded("iseg"),
    output:
        manifest="results/iseg/manifest.csv",
        cases="results/iseg/cases.csv",
        findings="results/iseg/findings.csv",
    pathvars:
        name="iseg/check",
    priority: 1  # report broken raw data before other studies compute
    resources:
        **needs(4000, 60, raw=raw_folder("iseg")),
    params:
        **step("iseg/check.py", lambda w: raw_files("iseg")),


use rule compute as iseg_convert with:
    input:
        downloaded("iseg"),
        manifest="results/iseg/manifest.csv",
        cases="results/iseg/cases.csv",
    output:
        store=directory("results/iseg/store"),
    pathvars:
        name="iseg/convert",
    resources:
        **needs(4000, 60, raw=raw_folder("iseg")),
    params:
        **step("iseg/convert.py"),


use rule compute as iseg_audit with:
    input:
        store="results/iseg/store",
    output:
        audit="results/iseg/audit.json",
    pathvars:
        name="iseg/audit",
    localrule: True
    resources:
        **needs(1000, 10),
    params:
        **step("iseg/audit.py", settings=some_settings("iseg", "folds")),
