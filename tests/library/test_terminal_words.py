"""What `make report` says of steps, of failures and of the time that is left."""

from collections import Counter
from pathlib import Path

import pytest

from terminal.remaining import earlier_seconds, seconds_left
from terminal.words import end_in_words, left_in_words, reason_in, step_in_words
from workflow_rules import STUDIES, job_rules


@pytest.mark.parametrize(
    ("rule", "wildcards", "words"),
    [
        ("lungs_train_ef", {"run": "r2plus1d_18-seed0"}, "lungs: train ef, r2plus1d_18, seed 0"),
        ("lungs_train", {"run": "unet_2d-seed12", "protocol": "sound", "fold": "3"},
         "lungs: train, unet_2d, seed 12, sound, fold 3"),
        ("report_page", {}, "report: page"),
        ("all", {}, "all"),
    ],
)  # fmt: skip
def test_step_in_words(rule: str, wildcards: dict[str, str], words: str) -> None:
    assert step_in_words(rule, wildcards) == words


def test_the_name_of_each_rule_begins_with_its_study_or_what_it_serves() -> None:
    starts = {step_in_words(rule.name, {}).split(":")[0] for rule in job_rules(*STUDIES)}
    assert {*STUDIES, "report"} <= starts and len(starts) < 2 * len(STUDIES), starts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("epoch 1\nerror: a.csv: 2 problems\n  row 1\nerror: a worker ended\n", "a.csv: 2 problems"),
        ("read\nerror: raw: 1 problem:\n  a.csv row 2: no number\n", "raw: 1 problem: a.csv row 2: no number"),
        ("error: raw: 3 problems:\n  a: x\n  b: y\n  c: z\nread\n  d", "raw: 3 problems: a: x; 2 more in the log"),
        ("error: raw: not there:\nerror: a worker ended\n", "raw: not there:"),
        ("Traceback (most recent call last):\n  File x\nValueError: no\n\n", "ValueError: no"),
        ("epoch 1\nepoch 2\n", ""),
        ("", ""),
    ],
)
def test_reason_in_the_log_of_a_step(text: str, reason: str) -> None:
    assert reason_in(text) == reason


def test_end_of_a_program_without_a_message() -> None:
    said = "RuleException:\nCalledProcessError in file x, line 1:\nCommand 'exec python' "
    assert end_in_words(f"{said}died with <Signals.SIGKILL: 9>.") == "killed by SIGKILL"
    assert end_in_words(f"{said}returned non-zero exit status 127.") == "exit status 127"
    assert end_in_words("") == "it left no message"


SECONDS = {"prepare": 2.0, "train": 90.0, "plot": 8.0}
PLANNED = {"prepare": 5, "train": 4, "plot": 10}


@pytest.mark.parametrize(("speed", "at_once"), [(1.0, 1), (0.5, 1), (3.0, 1), (1.0, 4)])
def test_time_left_is_exact_if_steps_go_on_at_the_pace_of_an_earlier_run(speed: float, at_once: int) -> None:
    """Of a run whose steps take `speed` times as long as before, `at_once` side by side."""
    steps = [rule for rule, count in PLANNED.items() for _ in range(count)]
    pace = speed / at_once
    total = pace * sum(map(SECONDS.__getitem__, steps))
    done: Counter[str] = Counter()
    elapsed, known = 0.0, 0
    for rule in steps:
        done[rule] += 1
        elapsed += pace * SECONDS[rule]
        left = seconds_left(elapsed, PLANNED, done, [], SECONDS)
        assert left is None or left == pytest.approx(total - elapsed, abs=1e-6)
        known += left is not None
    assert known >= len(steps) - 5, "all but the first steps"


def test_time_left_counts_what_runs_and_else_the_number_of_steps() -> None:
    assert seconds_left(45, {"train": 2}, {}, [("train", 45)], {"train": 90}) == pytest.approx(135)
    assert seconds_left(500, {"train": 2}, {"train": 1}, [("train", 400)], {"train": 90}) == 0, "slower than before"
    assert seconds_left(60, {"train": 2, "plot": 4}, {"train": 2}, [("plot", 30)], {}) == pytest.approx(120)
    known = {"train": 90.0, "plot": 10.0}
    assert seconds_left(90, {"train": 1, "new": 1}, {"train": 1}, [], known) == pytest.approx(50)


@pytest.mark.parametrize(("elapsed", "done"), [(9, {"plot": 50}), (1000, {"plot": 4}), (0, {})])
def test_no_time_is_told_before_there_is_something_to_go_by(elapsed: float, done: dict[str, int]) -> None:
    assert seconds_left(elapsed, {"plot": 100}, done, [], {}) is None


def test_seconds_of_an_earlier_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("a", "s\th:m:s\n3.5\t0:00:03\n"),
        ("b", "s\th:m:s\n4.5\t0:00:04\n"),
        ("c", "s\n-\n"),
        ("d", ""),
    ):
        Path(f"{name}.tsv").write_text(text)
    jobs = Path("jobs.csv")
    assert earlier_seconds(jobs) == {}
    jobs.write_text("rule,benchmark\ntrain,a.tsv\ntrain,b.tsv\nplot,c.tsv\nplot,d.tsv\nplot,none.tsv\n")
    assert earlier_seconds(jobs) == {"train": 4.0}
    for damaged in ("rule\ntrain\n", "rule,benchmark\ntrain\n", "\x00,\n\x00"):
        jobs.write_text(damaged)
        assert earlier_seconds(jobs) == {}


def test_time_left_in_words() -> None:
    assert left_in_words(3, known=True) == "about 1 min left"
    assert left_in_words(500, known=False) == "perhaps 8 min left"
    assert left_in_words(3570, known=True) == "about 1 h 00 min left"
    assert left_in_words(7500, known=True) == "about 2 h 05 min left"
