"""How a reader sees the names of tasks, findings, measures, protocols and few-shot methods."""

from medfm.analysis.protocols import TASKS

TASK_NAMES = {"chest": "chest X-rays", "colon": "colon pathology", "endo": "endoscopy"}
PROTOCOL_NAMES = {"by_writeup": "write-up", "by_challenge": "challenge", "sound": "sound"}
MEASURE_NAMES = {"map": "mAP", "auc": "AUC", "image_accuracy": "accuracy", "ece": "ECE"}
METHOD_NAMES = {
    "linear_probe": "linear probe",
    "logistic_regression": "logistic regression",
    "prototypes": "prototypes",
    "vpt_shallow": "shallow prompts",
    "vpt_deep": "deep prompts",
    "lora": "LoRA",
    "full": "all weights",
}
OTHER_NAMES = {
    "TB": "tuberculosis",
    "tumor": "tumour",
    "pulmonary_edema": "pulmonary oedema",
    "fracture_old": "old fracture",
}
FINDING_NAMES = {
    name: OTHER_NAMES.get(name, name.replace("_", " ")) for findings in TASKS.values() for name in findings
}
