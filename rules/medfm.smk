# The study `medfm`: findings on chest X-rays, colon pathology and endoscopy, with all images and with few shots.


include: "medfm/inputs.smk"
include: "medfm/data.smk"
include: "medfm/eda.smk"
include: "medfm/training.smk"
include: "medfm/explain.smk"
include: "medfm/own_images.smk"
include: "medfm/few_shot.smk"
include: "medfm/results.smk"
include: "medfm/figures.smk"
