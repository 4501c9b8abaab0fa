# The study `mslesion`: segmentation of MS lesions on brain MRI, cross-validated.


include: "mslesion/inputs.smk"
include: "mslesion/data.smk"
include: "mslesion/folds.smk"
include: "mslesion/results.smk"
include: "mslesion/own_volumes.smk"
