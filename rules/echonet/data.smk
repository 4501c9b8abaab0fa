# From raw echo videos, or a phantom of them, to the decoded store.


use rule compute as echonet_make_phantom with:
    output:
        output=directory("results/echonet/phantom"),
    pathvars:
        name="echonet/make_phantom",
    threads: 2
    params:
        **step("echonet/make_phantom.py", settings=settings("echonet", "phantom", seed=first_seed())),


use rule download as echonet_download with:
    output:
        receipt=update(receipt("echonet")),
    pathvars:
        name="echonet/download",
    localrule: True
    resources:
        **needs_download("echonet"),
    params:
        **download_step("echonet"),


use rule compute as echonet_check with:
    input:
        phantom("echonet"),
        downloaded("echonet"),
    output:
        manifest="results/echonet/manifest.csv",
        cases="results/echonet/cases.csv",
        findings="results/echonet/findings.csv",
    pathvars:
        name="echonet/check",
    priority: 1  # report broken raw data before other studies compute
    threads: 2
    resources:
        **needs(2000, 60, raw=raw_folder("echonet")),
    params:
        **step("echonet/check.py", lambda w: raw_files("echonet")),


use rule compute as echonet_convert with:
    input:
        downloaded("echonet"),
        manifest="results/echonet/manifest.csv",
        cases="results/echonet/cases.csv",
    output:
        store=directory("results/echonet/store"),
    pathvars:
        name="echonet/convert",
    threads: 2
    resources:
        **needs(4000, 240, raw=raw_folder("echonet")),
    params:
        **step("echonet/convert.py"),


use rule compute as echonet_audit with:
    input:
        store="results/echonet/store",
        manifest="results/echonet/manifest.csv",
    output:
        audit="results/echonet/audit.json",
    pathvars:
        name="echonet/audit",
    localrule: True
    resources:
        **needs(1000, 10),
    params:
        **step("echonet/audit.py"),


use rule compute as echonet_normalise with:
    input:
        "results/echonet/audit.json",
        store="results/echonet/store",
    output:
        output="results/echonet/normalisation.json",
    pathvars:
        name="echonet/normalise",
    params:
        **step("echonet/normalise.py", settings=settings("echonet", "normalisation", seed=first_seed())),
