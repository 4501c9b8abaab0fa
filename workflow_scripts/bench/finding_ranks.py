"""How fast resamples of mean average precision and AUC are against scikit-learn in a loop, with the same numbers."""

import numpy as np
from rows import Row, faster, verdict
from sklearn.metrics import average_precision_score, roc_auc_score

from medfm.analysis.measures import sound_means
from medfm.analysis.ranks import image_times, resampled_ranks

IMAGES, RESAMPLES, LOOPED = 1161, 2000, 10
# Positive images of each of 19 findings of chest X-rays, in the published test_WithLabel.
POSITIVES = (428, 199, 273, 271, 224, 161, 212, 141, 151, 157, 124, 136, 44, 93, 35, 20, 13, 4, 12)
DIGITS = 3  # of scores, so that there are ties
TOLERANCE = 1e-12


def ranks_row() -> Row:
    """2,000 resamples of both means over 19 findings, against scikit-learn on the first of them."""
    random = np.random.default_rng(0)
    truth = np.stack([random.permutation(IMAGES) < count for count in POSITIVES], axis=1)
    scores = np.round((random.random(truth.shape) + 0.5 * truth) / 1.5, DIGITS)
    units = np.arange(IMAGES)
    found: dict[str, dict[str, np.ndarray]] = {}

    def ours() -> int:
        found["ours"] = sound_means(resampled_ranks(truth, scores, units, RESAMPLES, seed=0))
        return RESAMPLES

    def plain_loop() -> int:
        first = next(image_times(units, LOOPED, 0))
        rows = np.array([_plain(truth, scores, np.repeat(units, times)) for times in first])
        found["loop"] = dict(zip(("auc", "map"), rows.T, strict=True))
        return LOOPED

    row = faster("bootstrap resamples a second of mAP and AUC, 19 findings", ours, plain_loop, required=50, rounds=3)
    same = all(
        np.allclose(found["ours"][name][:LOOPED], found["loop"][name], rtol=0, atol=TOLERANCE) for name in found["loop"]
    )
    return row._replace(ok=verdict(row.ok == "yes" and same))


def _plain(truth: np.ndarray, scores: np.ndarray, images: np.ndarray) -> tuple[float, float]:
    """Macro AUC and mAP of some images by scikit-learn, over the findings that they show."""
    shown = [place for place in range(truth.shape[1]) if truth[images, place].any()]
    pairs = [(truth[images, place], scores[images, place]) for place in shown]
    both = (np.mean([measure(*pair) for pair in pairs]) for measure in (roc_auc_score, average_precision_score))
    auc, ap = map(float, both)
    return auc, ap
