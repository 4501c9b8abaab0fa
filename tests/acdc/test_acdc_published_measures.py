"""Measures and habits of the published protocol where the data or the members are not the published ones."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from acdc.analysis.heart_measures import published_rows
from acdc.analysis.heart_quirks import pixel_quirks
from acdc.analysis.pixel_measures import COUNTS, SURE
from reprise.evaluation.estimates import METRICS, QUIRKS, Sampling
from reprise.evaluation.mask_scores import confusions

ENSEMBLES = ("equal", "random_search")


def slice_table(members: list[str], structures: list[int]) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Counted slices of networks and ensembles that all find the same; the true and found classes (S, V)."""
    random = np.random.default_rng(6)
    classes = np.array([0, *structures])
    true, found = (random.choice(classes, (8, 60)) for _ in range(2))
    found = np.where(random.random(true.shape) < 0.7, true, found)
    rows = []
    for method in (*members, *ENSEMBLES):
        for number, pair in enumerate(zip(true, found, strict=True)):
            counts = confusions(*pair, 4).ravel()
            named = {"method": method, "case": str(number), "patient": str(number // 2), "augmented": number % 2}
            rows.append(
                named | {"searched": int(number < 3)} | dict(zip(COUNTS + SURE, [*counts, *counts], strict=True))
            )
    return pd.DataFrame(rows), true, found


@pytest.mark.parametrize("structures", [[1, 2, 3], [3]])
def test_only_structures_that_have_labels_count_in_the_f1_of_structures(structures: list[int]) -> None:
    slices, true, found = slice_table(["unet"], structures)
    quirks = pd.DataFrame(pixel_quirks(slices, ["unet"]), columns=QUIRKS).set_index("quirk")
    row = quirks.loc["F1 of heart or background"]
    assert row["published"] == pytest.approx(f1_score(true.ravel() > 0, found.ravel() > 0))
    expected = f1_score(true.ravel(), found.ravel(), labels=structures, average="macro")
    assert row["sound"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("members", "ending"),
    [
        (["fpn", "unet", "linknet"], ""),
        (["unet"], ":unet"),
        (["unet", "linknet", "fpn", "pspnet"], ":unet+linknet+fpn+pspnet"),
    ],
)
def test_ensembles_of_other_members_do_not_have_the_names_of_published_ones(members: list[str], ending: str) -> None:
    slices, _, _ = slice_table(members, [1, 2, 3])
    rows = pd.DataFrame(published_rows(slices, members, Sampling(20, 0)), columns=METRICS)
    names = set(rows["quantity"].str.split("/").str[0])
    assert names == {*members, *(f"{name}{ending}" for name in ENSEMBLES)}
