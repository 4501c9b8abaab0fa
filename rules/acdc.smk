# The study `acdc`: right ventricle, myocardium and left ventricle on cardiac cine MRI, by networks and their ensembles.


include: "acdc/inputs.smk"
include: "acdc/data.smk"
include: "acdc/training.smk"
include: "acdc/results.smk"
include: "acdc/figures.smk"
include: "acdc/own_stacks.smk"
