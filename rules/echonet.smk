# The study `echonet`: left-ventricular segmentation and ejection fraction from apical four-chamber echo videos.


include: "echonet/inputs.smk"
include: "echonet/data.smk"
include: "echonet/segmentation.smk"
include: "echonet/ef.smk"
include: "echonet/results.smk"
include: "echonet/figures.smk"
include: "echonet/own_clips.smk"
