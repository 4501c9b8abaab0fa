# From raw cine MRI, or a phantom of it, to the decoded store.


use rule compute as acdc_make_phantom with:
    output:
        output=directory("results/acdc/phantom"),
    pathvars:
        name="acdc/make_phantom",
    threads: 2
    resources:
        **needs(4000, 30),
    params:
        **step("acdc/make_phantom.py", settings=settings("acdc", "phantom", seed=first_seed())),


use rule download as acdc_download with:
    output:
        receipt=update(receipt("acdc")),
    pathvars:
        name="acdc/download",
    localrule: True
    resources:
        **needs_download("acdc"),
    params:
        **download_step("acdc"),


use rule compute as acdc_check with:
    input:
        phantom("acdc"),
        downloaded("acdc"),
    output:
        manifest="results/acdc/manifest.csv",
        cases="results/acdc/cases.csv",
        findings="results/acdc/findings.csv",
    pathvars:
        name="acdc/check",
    priority: 1  # report broken raw data before other studies compute
    resources:
        **needs(4000, 60, raw=raw_folder("acdc")),
    params:
        **step("acdc/check.py", lambda w: raw_files("acdc")),


use rule compute as acdc_convert with:
    input:
        downloaded("acdc"),
        manifest="results/acdc/manifest.csv",
        cases="results/acdc/cases.csv",
    output:
        store=directory("results/acdc/store"),
    pathvars:
        name="acdc/convert",
    resources:
        **needs(4000, 60, raw=raw_folder("acdc")),
    params:
        **step("acdc/convert.py"),


use rule compute as acdc_audit with:
    input:
        store="results/acdc/store",
    output:
        audit="results/acdc/audit.json",
    pathvars:
        name="acdc/audit",
    localrule: True
    resources:
        **needs(1000, 10),
    params:
        **step("acdc/audit.py", settings=some_settings("acdc", "validation")),
