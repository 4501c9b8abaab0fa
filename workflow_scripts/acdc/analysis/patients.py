"""From scores of cases to one row per patient: volumes, ejection fractions and mass, and scores by name."""

import pandas as pd

from reprise.evaluation.bland_altman import agreement_terms

PATIENT = ["method", "split", "patient"]
MASS_G_PER_ML = 1.05  # of myocardium
# How measures are named: Dice, Hausdorff distance and average symmetric surface distance.
MEASURES = {"dice": "dice", "hausdorff_mm": "hd", "assd_mm": "assd"}
CLINICAL = {"lv_ef": "EF points", "rv_ef": "EF points", "lv_edv": "ml", "rv_edv": "ml", "lv_mass": "g"}


def patient_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Volumes in ml, EF in %, and mass of the left ventricle in g: found ones, and with `true_` before it true ones.

    EF is (EDV - ESV) / EDV, missing (NaN) where EDV is 0. Mass is 1.05 g/ml times the volume of the myocardium at ED.
    What a data set has no labels of has no columns.

    Args:
        scores: one row per method, split, patient, phase and structure.

    Returns: the columns `PATIENT`, and for each of rv and lv STRUCTURE_edv, _esv and _ef; lv_mass; the same with true_.
    """
    columns: dict[str, pd.Series] = {}
    for prefix in ("", "true_"):
        volumes = scores.pivot(index=PATIENT, columns=["structure", "phase"], values=f"{prefix}volume_ml")
        for structure in [name for name in ("lv", "rv") if (name, "ED") in volumes]:
            edv, esv = volumes[structure, "ED"], volumes[structure, "ES"]
            columns |= {f"{prefix}{structure}_edv": edv, f"{prefix}{structure}_esv": esv}
            columns[f"{prefix}{structure}_ef"] = 100 * (edv - esv) / edv.where(edv > 0)
        if ("myo", "ED") in volumes:
            columns[f"{prefix}lv_mass"] = MASS_G_PER_ML * volumes["myo", "ED"]
    return in_order_of(scores, pd.DataFrame(columns).reset_index())


def patient_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores by name, one row per patient: dice, dice_ed, dice_es, and MEASURE_STRUCTURE_PHASE for each measure.

    `dice` is the mean over structures and phases. A distance is missing (NaN) where only one of two masks is empty.
    """
    named = scores.assign(phase=scores["phase"].str.lower())
    parts = {"dice": named.groupby(PATIENT)["dice"].mean()}
    by_phase = named.pivot_table(index=PATIENT, columns="phase", values="dice", aggfunc="mean")
    parts |= {f"dice_{phase}": by_phase[phase] for phase in by_phase}
    for column, measure in MEASURES.items():
        wide = named.pivot(index=PATIENT, columns=["structure", "phase"], values=column)
        parts |= {f"{measure}_{'_'.join(map(str, key))}": wide[key] for key in wide.columns.tolist()}
    return in_order_of(scores, pd.DataFrame(parts).reset_index())


def in_order_of(scores: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """A table with a row per patient in the order in which methods, splits and patients come in the scores."""
    return scores[PATIENT].drop_duplicates().merge(table, on=PATIENT)


def clinical_names(patients: pd.DataFrame) -> list[str]:
    """The clinical quantities that a table of patients has."""
    return [name for name in CLINICAL if name in patients]


def clinical_terms(patients: pd.DataFrame) -> pd.DataFrame:
    """What each patient adds to the sums of `agreement_statistics`: eight per quantity of `clinical_names`."""
    names = clinical_names(patients)
    true = patients[[f"true_{name}" for name in names]].set_axis(names, axis=1)
    return agreement_terms(patients[names], true)
