# From raw brain volumes, or a phantom of them, to the decoded store.


use rule compute as mslesion_make_phantom with:
    output:
        output=directory("results/mslesion/phantom"),
    pathvars:
        name="mslesion/make_phantom",
    threads: 2
    resources:
        **needs(4000, 30),
    params:
        **step("mslesion/make_phantom.py", settings=settings("mslesion", "phantom", seed=first_seed())),


use rule download as mslesion_download with:
    output:
        receipt=update(receipt("mslesion")),
    pathvars:
        name="mslesion/download",
    localrule: True
    resources:
        **needs_download("mslesion"),
    params:
        **download_step("mslesion"),


use rule compute as mslesion_check with:
    input:
        phantom("mslesion"),
        downloaded("mslesion"),
    output:
        manifest="results/mslesion/manifest.csv",
        cases="results/mslesion/cases.csv",
        findings="results/mslesion/findings.csv",
    pathvars:
        name="mslesion/check",
    priority: 1  # report broken raw data before other studies compute
    resources:
        **needs(4000, 60, raw=raw_folder("mslesion")),
    params:
        **step("mslesion/check.py", lambda w: raw_files("mslesion")),


use rule compute as mslesion_convert with:
    input:
        downloaded("mslesion"),
        manifest="results/mslesion/manifest.csv",
        cases="results/mslesion/cases.csv",
    output:
        store=directory("results/mslesion/store"),
    pathvars:
        name="mslesion/convert",
    resources:
        **needs(4000, 60, raw=raw_folder("mslesion")),
    params:
        **step("mslesion/convert.py"),


use rule compute as mslesion_audit with:
    input:
        store="results/mslesion/store",
    output:
        audit="results/mslesion/audit.json",
        folds="results/mslesion/folds.csv",
    pathvars:
        name="mslesion/audit",
    localrule: True
    resources:
        **needs(1000, 10),
    params:
        **step("mslesion/audit.py", settings={"unit": "patient", "folds": settings("mslesion")["folds"]}),
