"""What each habit of the published protocols is worth, on our own results of the first network."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from medfm.analysis.measures import plain_means, published_means, sound_means
from medfm.analysis.protocols import TASKS
from medfm.analysis.ranks import ranks
from medfm.analysis.results import Answer, Scored
from medfm.analysis.shown import FINDING_NAMES, METHOD_NAMES
from medfm.analysis.task_rows import GIVEN, HISTORY_COLUMNS, Task, prefix_of
from reprise.evaluation.estimates import Row, quirk


def habit_rows(
    results: Sequence[Task],
    histories: pd.DataFrame,
    answers: Sequence[Answer],
    unseen: Sequence[Answer],
    cases: pd.DataFrame,
) -> Iterator[Row]:
    """All rows of the table of habits.

    Args:
        results: by `measure_tasks`.
        histories: by `read_histories`.
        answers: of few-shot trainings.
        unseen: of those whose validation list holds images that train, after the epoch that is chosen without them.
        cases: the store's.
    """
    network = results[0].network
    scored = {(row.protocol, row.task): row.scored for row in results if row.network == network}
    for task in TASKS:
        history = histories[(histories["network"] == network) & (histories["task"] == task)]
        if ("by_writeup", task) in scored and not history.empty:
            yield from _write_up_rows(network, task, history, scored)
            quantity = f"{prefix_of(network, 'by_writeup', task)}/{GIVEN[task]}"
            yield from _seen_rows(quantity, GIVEN[task], scored["by_writeup", task], cases)
    for (protocol, task), part in scored.items():
        yield from _undefined_rows(prefix_of(network, protocol, task), task, part)
    yield from _few_shot_rows(answers, unseen)


def _write_up_rows(
    network: str, task: str, history: pd.DataFrame, scored: dict[tuple[str, str], Scored]
) -> Iterator[Row]:
    """From the best epoch on the scored set, over the last epoch, to the sound protocol."""
    measure = GIVEN[task]
    quantity = f"{prefix_of(network, 'by_writeup', task)}/{measure}"
    values = history.sort_values("epoch").set_index("epoch")[HISTORY_COLUMNS[measure]]
    note = (
        f"Epoch {values.idxmax()} of {len(values)} is the best one on the images that it is scored on. Set against it: "
        "the last epoch, chosen beforehand."
    )
    yield quirk("Best epoch on the scored set", quantity, "1", [values.max(), values.iloc[-1]], note)
    if ("sound", task) in scored:
        sound = plain_means(scored["sound", task], published=False)[measure]
        note = (
            "All differences together, not the mixing of sets alone: how images are dealt, recipe, "
            f"{'' if task == 'colon' else 'loss, '}size of images, the epoch that is kept, findings that are not "
            "defined, and the scored images. Set against it: the sound protocol, on unseen groups."
        )
        yield quirk("Sets mixed, and all else as published", quantity, "1", [values.iloc[-1], sound], note)


def _seen_rows(quantity: str, measure: str, part: Scored, cases: pd.DataFrame) -> Iterator[Row]:
    """The write-up's scores of all its test images against those of groups, such as studies, that it did not see."""
    others = cases[(cases["labelled"] == 1) & ~cases["case"].isin(part.images["case"])]
    unseen = ~part.images["group"].isin(others["group"]).to_numpy()
    if unseen.all() or not unseen.any():
        return
    note = (
        f"{(~unseen).sum():,} of {len(unseen):,} scored images are of a study, slide or twin that also trained. Set "
        f"against all: the {unseen.sum():,} others, by the same network."
    )
    values = _on_same_findings(measure, [part, part.of(unseen)])
    if values:
        yield quirk("Split by image", quantity, "1", values, note)


def _on_same_findings(measure: str, parts: Sequence[Scored]) -> list[float]:
    """The measure of each part; a mean over findings takes those that are defined in all parts. Empty if none is."""
    if measure != "map":
        return [plain_means(part, published=False)[measure] for part in parts]
    found = np.array([ranks(part.truth, part.scores).ap[0] for part in parts])
    known = ~np.isnan(found).any(axis=0)
    return found[:, known].mean(axis=1).tolist() if known.any() else []


def _undefined_rows(prefix: str, task: str, part: Scored) -> Iterator[Row]:
    """What findings without a positive image are worth in the means, if there are any."""
    once = ranks(part.truth, part.scores)
    names = [FINDING_NAMES[name] for name, value in zip(TASKS[task], once.ap[0], strict=True) if np.isnan(value)]
    if not names or len(names) == len(TASKS[task]):
        return
    without = f"No scored image has {', '.join(names)}. Set against it: the mean of the other findings."
    published, sound = published_means(once), sound_means(once)
    for measure, name in (
        ("map", "An undefined finding counts 0"),
        ("auc", "An undefined finding counts as the one before it"),
    ):
        values = [float(means[measure][0]) for means in (published, sound)]
        if not np.isnan(values).any():
            yield quirk(name, f"{prefix}/{measure}", "1", values, without)


def _few_shot_rows(answers: Sequence[Answer], unseen: Sequence[Answer]) -> Iterator[Row]:
    """Epochs chosen on lists that hold training images, the recipe, and one experiment; of the first seed."""
    published = [answer for answer in answers if answer.protocol == "published"]
    first_seed = min((answer.seed for answer in published), default=0)
    for one in (answer for answer in published if answer.seed == first_seed):
        own = [other for other in answers if other.protocol == "sound" and other[3:6] == one[3:6]]
        own = [other for other in own if other.network == one.network]
        same = [other for other in own if (other.experiment, other.seed) == (one.experiment, one.seed)]
        quantity = f"{one.network}/challenge/{one.task}/{one.shots}-shot/{GIVEN[one.task]}"
        yield from (_list_row(quantity, one, other) for other in unseen if other[:7] == one[:7])
        if same:
            yield _recipe_row(quantity, one, same[0])
        if same and len(own) > 1:
            values = [plain_means(other.scored, published=False)[GIVEN[one.task]] for other in own]
            first = plain_means(same[0].scored, published=False)[GIVEN[one.task]]
            note = (
                f"Experiment {one.experiment}, {METHOD_NAMES[one.method]}. Set against it: the mean of all "
                f"{len(values)} trainings, of each support set and seed. They run from {min(values):.3f} to "
                f"{max(values):.3f}."
            )
            yield quirk("One experiment", quantity, "1", [first, float(np.mean(values))], note)


def _list_row(quantity: str, one: Answer, other: Answer) -> Row:
    """The same training after the epoch that is best on the list, and on the list without images that train."""
    note = (
        f"Epoch {one.epoch} is the best one on the official validation list, which holds images that train. Set "
        f"against it: epoch {other.epoch} of the same training, the best one on that list without them."
    )
    values = [plain_means(each.scored, published=False)[GIVEN[one.task]] for each in (one, other)]
    return quirk("Validation lists with training images", quantity, "1", values, note)


def _recipe_row(quantity: str, one: Answer, other: Answer) -> Row:
    """All that the published few-shot training has other than ours, on the images that both score."""
    both = one.scored.images["case"].isin(other.scored.images["case"]).to_numpy()
    summed, mean = ("", "") if one.task == "colon" else ("the loss is summed over findings, ", "the mean loss, ")
    note = (
        f"All differences together: {summed}the warm-up is the published one, images listed twice count twice, and "
        f"epoch {one.epoch} is the best one on the official validation list. Set against it: {mean}our warm-up, each "
        f"image once, and the last epoch, {other.epoch}. The same {both.sum():,} images are scored."
    )
    values = [plain_means(each, published=False)[GIVEN[one.task]] for each in (one.scored.of(both), other.scored)]
    return quirk("Few-shot recipe as published", quantity, "1", values, note)
