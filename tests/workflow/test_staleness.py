"""Exactly the stale rules would run: for every module, every setting, and raw files."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import yaml

from configuration_changes import ALL, CONFIGURATIONS, MORE_RUNS, OF_FIRST_RUN, ORDERS, TRAINING
from dry_runs import changed_with_old_time, dry_runs, edited, stale, why
from edits import done_otherwise, rules_said_otherwise, said_otherwise
from finished_run import REPORT, TARGETS, Finished, finished_copy
from project import configured, type_command
from setting_changes import BEHIND_SOUND, SEEN_BY, UNSEEN_BY, changed, leaves
from workflow_rules import STUDIES, job_rules, step_of


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_copy(tmp_path_factory, "staleness")


def following(rules: Iterable[str], needs: Mapping[str, list[str]]) -> set[str]:
    """These rules and all rules that need them, directly or indirectly."""
    found: set[str] = set()
    more = set(rules) & needs.keys()
    while more:
        found |= more
        more = {rule for rule, needed in needs.items() if found & set(needed)} - found
    return found


def sources(code: Path) -> list[str]:
    files = (path for path in code.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(path.relative_to(code).as_posix() for path in files)


def side_by_side(parts: Iterable[Any], owner: Callable[[Any], str]) -> list[list[Any]]:
    """Groups of one part of each study, since studies share no rule but those of the report; all else stands alone."""
    of_studies: dict[str, list[Any]] = {study: [] for study in STUDIES}
    alone = []
    for part in parts:
        if owner(part) in of_studies:
            of_studies[owner(part)].append(part)
        else:
            alone.append([part])
    return [[part for part in group if part] for group in zip_longest(*of_studies.values())] + alone


def differences(
    groups: Iterable[list[Any]], found: Iterable[Mapping[str, Any]], expected: Iterable[set[str]]
) -> dict[str, dict[str, list[str]]]:
    """Of each group whose change makes other rules stale than expected: which are too many, and which are missed."""
    pairs = [
        (str(group), set(one["stale"]), wanted) for group, one, wanted in zip(groups, found, expected, strict=True)
    ]
    return {
        group: {"too many": sorted(stale - wanted), "missed": sorted(wanted - stale)}
        for group, stale, wanted in pairs
        if stale != wanted
    }


def test_every_step_has_run(finished: Finished) -> None:
    assert finished.used.keys() == {step_of(rule) for rule in job_rules()}


def test_what_code_says_otherwise_makes_nothing_stale(finished: Finished) -> None:
    code = finished.folder / "workflow_scripts"
    edit = {f"workflow_scripts/{name}": said_otherwise(code / name) for name in sources(code)}
    assert sum(text != (finished.folder / name).read_text() for name, text in edit.items()) > 80
    rules = {str(path.relative_to(finished.folder)): path for path in (finished.folder / "rules").rglob("*.smk")}
    edit |= {name: rules_said_otherwise(path.read_text()) for name, path in rules.items()}
    assert dry_runs(finished.folder, TARGETS, [edit])[0]["stale"] == []


def test_each_module_makes_stale_what_used_it(finished: Finished) -> None:
    code = finished.folder / "workflow_scripts"
    used = set().union(*finished.used.values())
    unused = [name for name in sources(code) if name not in used]
    groups = [unused, *side_by_side(sorted({*sources(code)} & used), lambda name: name.split("/")[0])]
    edits = [{f"workflow_scripts/{name}": done_otherwise(code / name) for name in group} for group in groups]
    none, *found = dry_runs(finished.folder, TARGETS, [{}, *edits])
    assert none["stale"] == []
    expected = [set().union(*(made_stale(name, finished, none["needs"]) for name in group)) for group in groups]
    assert differences(groups, found, expected) == {}


def made_stale(name: str, finished: Finished, needs: Mapping[str, list[str]]) -> set[str]:
    """The rules that must run again after a change of a file below workflow_scripts/."""
    users = {rule.name for rule in job_rules() if name in finished.used[step_of(rule)]}
    return following(users, needs) - BEHIND_SOUND.get("".join(users), set())


def test_each_hyper_parameter_makes_stale_what_sees_it(finished: Finished) -> None:
    files = {study: f"config/{study}.yaml" for study in SEEN_BY}
    schedules = {study: yaml.safe_load((finished.folder / name).read_text()) for study, name in files.items()}
    unseen, seen = {}, []
    for study, both in schedules.items():
        demo = set(leaves(both["demo"]))
        unseen[study] = [
            ("published", name) for name in leaves(both["published"]) if name in demo
        ]  # the demo says otherwise
        cases = [("demo", name) for name in demo] + [("published", name) for name in leaves(both["published"], demo)]
        seen += [(study, case) for case in cases]
        assert len(unseen[study]) > 5 and len(cases) > 15, study
    groups = side_by_side(seen, lambda each: each[0])
    changes = [list(unseen.items()), *([(study, [case]) for study, case in group] for group in groups)]
    edits = [
        {files[study]: yaml.safe_dump(changed(schedules[study], cases)) for study, cases in each} for each in changes
    ]
    none, *found = dry_runs(finished.folder, TARGETS, edits)
    assert none["stale"] == []
    expected = [
        set().union(*(seen_of(study, name, answer["needs"]) for study, (_, name) in group))
        for group, answer in zip(groups, found, strict=True)
    ]
    assert differences(groups, found, expected) == {}


def seen_of(study: str, name: str, needs: Mapping[str, list[str]]) -> set[str]:
    """The rules that must run again after a change of a study's setting."""
    seen, unseen = of_longest_beginning(SEEN_BY[study], name), of_longest_beginning(UNSEEN_BY, name)
    return following(seen | {"report_page"}, needs) - unseen


def of_longest_beginning(rules: Mapping[str, set[str]], name: str) -> set[str]:
    """The rules listed for a setting, or for the longest beginning of its name; none if there is no such entry."""
    known = [key for key in rules if f"{name}.".startswith(f"{key}.")]
    return rules[max(known, key=len)] if known else set()


def trained(answer: Mapping[str, Any]) -> int:
    return sum(answer["jobs"].get(rule, 0) for rule in TRAINING)


def test_a_rule_sees_only_its_part_of_the_configuration(finished: Finished) -> None:
    changes = [changed for changed, *_ in [*CONFIGURATIONS, *MORE_RUNS]]
    edits = [{"config.yaml": configured(finished.folder, **each)} for each in changes]
    answers = dry_runs(finished.folder, TARGETS, edits)
    for (changes, seen_by, runs), answer in zip(CONFIGURATIONS, answers, strict=False):
        assert set(answer["stale"]) == following(seen_by, answer["needs"]), changes
        assert trained(answer) == runs, changes
    for (changes, runs), answer in zip(MORE_RUNS, answers[len(CONFIGURATIONS) :], strict=True):
        assert trained(answer) == runs, changes
        assert not OF_FIRST_RUN & set(answer["stale"]), changes


def test_no_order_goes_unseen_that_a_command_follows(finished: Finished) -> None:
    edits = [{"config.yaml": configured(finished.folder, **changes)} for *both, _ in ORDERS for changes in both]
    answers = iter(dry_runs(finished.folder, TARGETS, edits))
    for one, other, rule in ORDERS:
        first, second = next(answers), next(answers)
        moved = {name for name, order in first["order"].items() if second["order"].get(name, order) != order}
        assert rule in {name.split()[0] for name in moved}, (one, other)
        assert [name for name in moved if first["seen"][name] == second["seen"][name]] == [], (one, other)


def test_a_sweep_of_ten_thousand_jobs_can_be_planned(finished: Finished) -> None:
    sweep = {"config.yaml": configured(finished.folder, seed=list(range(600)))}
    (answer,) = dry_runs(finished.folder, [REPORT], [sweep])
    assert trained(answer) == ALL * 599
    assert sum(answer["jobs"].values()) > 10_000


def test_how_snakemake_runs_makes_nothing_stale(finished: Finished) -> None:
    options = "--cores 1 --verbose --set-threads echonet_convert=1 --set-resources echonet_convert:mem_mb=9"
    dry = type_command(f"snakemake {REPORT} -n {options}", finished.folder)
    assert "Nothing to be done" in dry.stdout, dry.stdout[-3000:]


def test_files_that_the_configuration_names_count_by_content_alone(finished: Finished) -> None:
    clip, image, brain, *_, volume = sorted((finished.folder / "own").iterdir())
    predicted = {
        "echonet_name_clips",
        "mslesion_name_volumes",
        "acdc_name_stacks",
        "iseg_name_brains",
        "medfm_name_images",
        "echonet_import_clips",
        "echonet_predict_clips",
        "mslesion_predict_volumes",
        "acdc_predict_stacks",
        "iseg_predict_brains",
        "medfm_predict_images",
    }
    for path, expected in (
        (clip, predicted),
        (image, predicted),
        (volume, predicted),
        (brain, predicted),
        (finished.folder / "initial.pth", {"weights_fetch"}),
    ):
        path.touch()
        assert stale(finished.folder, *TARGETS[1:]) == set()
        changed_with_old_time(path)
        assert stale(finished.folder, *TARGETS[1:]) == expected
        changed_with_old_time(path)


def test_files_of_the_project_count_by_content_alone(finished: Finished) -> None:
    for name, read_by in (
        ("config/published.yaml", ["scoreboard", "page"]),
        ("requirements.lock", ["page"]),
    ):
        path = finished.folder / name
        path.touch()
        assert stale(finished.folder, REPORT) == set()
        changed_with_old_time(path, position=3)
        assert stale(finished.folder, REPORT) == {f"report_{step}" for step in read_by}
        assert why(finished.folder) == [f"report {step} <- project file {name} replaced" for step in read_by]
        changed_with_old_time(path, position=3)
        path.rename(finished.folder / "aside")
        done = type_command(f"snakemake {REPORT}", finished.folder)
        (finished.folder / "aside").rename(path)
        assert done.returncode != 0
        assert (
            done.stdout.splitlines()[-1].startswith(f"error: {name}: no such file") and "Traceback" not in done.stdout
        )


def test_where_own_weights_lie_does_not_count(finished: Finished) -> None:
    shutil.copy(finished.folder / "initial.pth", finished.folder / "elsewhere.pth")
    names = ("segmentation_weights", "ef_weights", "lesion_weights")
    edits = [
        {"config.yaml": configured(finished.folder, **dict.fromkeys(names, weights))}
        for weights in ("initial.pth", "elsewhere.pth")
    ]
    none, here, there = dry_runs(finished.folder, TARGETS, [{}, *edits])
    assert here["seen"] == there["seen"] != none["seen"]


def test_causes_are_named(finished: Finished) -> None:
    assert why(finished.folder) == ["nothing would run"]
    roc, settings = "workflow_scripts/echonet/analysis/roc_figure.py", "config/echonet.yaml"
    schedules = yaml.safe_load((finished.folder / settings).read_text())
    schedules["demo"]["ef"]["optimiser"]["lr"] = 0.003
    drawn = (finished.folder / roc).read_text().replace("MINUS SIGN", "PLUS SIGN", 1)
    cause = "echonet plot roc <- echonet/analysis/roc_figure.py: function draw_roc changed"
    with edited(finished.folder, {roc: drawn}):
        assert why(finished.folder) == [
            cause,
            f"echonet describe <- {cause}",
            f"report page <- echonet describe <- {cause}",
        ]
    with edited(finished.folder, {settings: yaml.safe_dump(schedules)}):
        told = why(finished.folder)
    cause = "echonet train ef{} <- optimiser.lr 0.002 -> 0.003"
    assert told[0] == cause.format(" (r2plus1d_18-seed0)")
    assert f"echonet predict ef (3 jobs) <- {cause.format('')}" in told
    (finished.folder / REPORT).rename(finished.folder / "report.html")
    assert why(finished.folder) == [f"report page <- {REPORT} missing"]
    (finished.folder / "report.html").rename(finished.folder / REPORT)
