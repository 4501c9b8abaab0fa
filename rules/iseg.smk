# The study `iseg`: cerebrospinal fluid, grey and white matter on MRI of infants' brains, by a family of 3-D networks.


include: "iseg/inputs.smk"
include: "iseg/data.smk"
include: "iseg/training.smk"
include: "iseg/results.smk"
include: "iseg/figures.smk"
include: "iseg/own_brains.smk"
