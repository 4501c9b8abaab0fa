# MS lesions on brain MRI, cross-validated: from raw volumes to measures, figures and a section of the report.


include: "mslesion/inputs.smk"
include: "mslesion/data.smk"
include: "mslesion/folds.smk"
include: "mslesion/results.smk"
include: "mslesion/own_volumes.smk"
