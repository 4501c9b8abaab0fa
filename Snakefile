"""Reprise: five published medical-imaging studies, from raw data to one report."""


configfile: "config.yaml"


include: "rules/common.smk"
include: "rules/raw_data.smk"
include: "rules/kinds.smk"
include: "rules/weights.smk"
include: "rules/own_files.smk"
include: "rules/report.smk"


for study in config["studies"]:

    include: f"rules/{study}.smk"


rule all:
    default_target: True
    input:
        "results/report.html",


rule predict:
    input:
        lambda w: [own_predictions(study) for study in fitting_studies()],


for study in OWN_FILES:

    rule:
        name:
            f"predict_{study}"
        input:
            lambda w, study=study: own_predictions(study),


track_options()
