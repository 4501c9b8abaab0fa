"""The scoreboard: published figures, and verdicts that are never better than the run allows."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import report_example
from reprise.report.published import Published, read_published
from reprise.report.scoreboard import COLUMNS, Metric, Setup, obstacles, read_metrics, read_setup, scoreboard
from reprise.step.errors import InputError

PUBLISHED = Path(__file__).resolve().parents[2] / "config" / "published.yaml"
DICE, MAE = "segmentation/net/test/dice", "ef/net/test/mae"


def small(value: float = 4.0) -> Published:
    """Two published figures: one that should be high, one that should be low."""
    return Published.model_validate(
        {
            "measures": {
                "dice": {"label": "Dice", "unit": "1", "better": "higher", "decimals": 3},
                "mae": {"label": "MAE", "unit": "EF points", "better": "lower", "decimals": 2},
            },
            "sources": {"paper": {"short": "paper", "full": "A paper."}},
            "studies": {
                "echonet": {
                    "title": "EchoNet",
                    "about": "",
                    "headline": {"quantity": MAE, "source": "paper", "label": "EF"},
                    "conditions": {"ef.width": 1},
                    "groups": {"segmentation/net/test": "Segmentation", "ef/net/test": "EF"},
                    "notes": {},
                    "figures": [
                        {
                            "quantity": DICE,
                            "sound_quantity": "segmentation/net/test/other",
                            "source": "paper",
                            "value": 0.9,
                        },
                        {"quantity": MAE, "source": "paper", "value": value},
                    ],
                }
            },
        }
    )


def setup(**changes: object) -> Setup:
    """Settings as a rule gives them, with the fingerprint of the code."""
    return read_setup(report_example.settings() | {"code": "0123"} | changes)


def verdicts(metrics: dict, published: Published | None = None, **changes: object) -> dict[tuple[str, str], str]:
    board = scoreboard(published or small(), {"echonet": metrics}, setup(**changes))
    return {(row.protocol, row.quantity): row.verdict for row in board.itertuples()}


@pytest.mark.parametrize(
    ("quantity", "ours", "expected"),
    [
        (MAE, Metric("EF points", 4.1, 3.9, 4.3), "reproduced"),
        (MAE, Metric("EF points", 4.1, 4.0, 4.2), "reproduced"),
        (MAE, Metric("EF points", 3.5, 3.3, 3.7), "better"),
        (MAE, Metric("EF points", 4.5, 4.3, 4.7), "worse"),
        (DICE, Metric("1", 0.95, 0.94, 0.96), "better"),
        (DICE, Metric("1", 0.85, 0.84, 0.86), "worse"),
        (DICE, Metric("1", 0.9, np.nan, np.nan), "reproduced"),
        (DICE, Metric("1", 0.91, np.nan, np.nan), "better"),
    ],
)
def test_a_verdict_follows_the_interval_and_the_direction(quantity: str, ours: Metric, expected: str) -> None:
    assert verdicts({("published", quantity): ours})["published", quantity] == expected


def test_what_was_not_computed_was_not_run_and_only_the_published_protocol_says_so() -> None:
    assert verdicts({}) == {("published", DICE): "not run", ("published", MAE): "not run"}


def test_the_sound_protocol_has_its_own_rows_under_its_own_names() -> None:
    found = verdicts({
        ("sound", "segmentation/net/test/other"): Metric("1", 0.9, 0.89, 0.91),
        ("sound", MAE): Metric("EF points", 9.0, 8.0, 10.0),
    })  # fmt: skip
    assert found["sound", "segmentation/net/test/other"] == "reproduced"
    assert found["sound", MAE] == "worse"
    assert ("sound", DICE) not in found


@given(
    published=st.floats(0, 100),
    ours=st.floats(0, 100),
    half=st.floats(0, 50) | st.just(float("nan")),
    changes=st.sampled_from([
        {"data": {"echonet": "phantom"}},
        {"schedule": "demo"},
        {"parameters": {"echonet": {"ef": {"width": 0.125}}}},
        {"parameters": {"echonet": {}}},
    ]),
)  # fmt: skip
def test_no_run_on_a_phantom_shortened_or_with_another_network_is_ever_compared(
    published: float, ours: float, half: float, changes: dict
) -> None:
    metrics = {("published", MAE): Metric("EF points", ours, ours - half, ours + half)}
    assert set(verdicts(metrics, small(published), **changes).values()) == {"not comparable"}
    assert obstacles("echonet", setup(**changes), small(), {})


@pytest.mark.parametrize(
    ("scans", "expected"), [(21.0, "reproduced"), (3.0, "not comparable"), (None, "not comparable")]
)
def test_another_data_set_is_told_by_what_identifies_it(scans: float | None, expected: str) -> None:
    told = small().model_dump()
    told["measures"]["scans"] = {"label": "Scans", "unit": "scans", "better": "higher", "decimals": 0}
    told["studies"]["echonet"]["groups"]["data"] = "Data"
    told["studies"]["echonet"]["figures"] += ({"quantity": "data/scans", "source": "paper", "value": 21},)
    told["studies"]["echonet"]["identity"] = ["data/scans"]
    ours = {("published", MAE): Metric("EF points", 4.0, 3.9, 4.1)}
    ours |= {("published", "data/scans"): Metric("scans", scans, np.nan, np.nan)} if scans else {}
    published = Published.model_validate(told)
    assert verdicts(ours, published)["published", MAE] == expected
    if scans == 3:
        assert obstacles("echonet", setup(), published, {"data/scans": 3}) == [
            "another data set: 3 scans, published with 21"
        ]
    with pytest.raises(ValueError, match="identity: no figure data/patients"):
        told["studies"]["echonet"]["identity"] = ["data/patients"]
        Published.model_validate(told)


def test_every_published_figure_is_a_row_with_the_promised_columns() -> None:
    published = read_published(PUBLISHED)
    board = scoreboard(published, {"echonet": {}}, setup())
    assert list(board) == COLUMNS
    assert len(board) == len(published.studies["echonet"].figures)
    assert set(board["data"]) == {"raw"}
    assert not board.duplicated(["quantity", "source"]).any()


@pytest.mark.parametrize(
    ("quantity", "source", "value"),
    [
        ("segmentation/deeplabv3_resnet50/val/loss", "reproduction write-up", 0.03630200212903857),
        ("segmentation/deeplabv3_resnet50/test/dice_overall", "reproduction write-up", 0.9214),
        ("segmentation/deeplabv3_resnet50/test/dice_overall", "Ouyang et al. 2020", 0.92),
        ("ef/r2plus1d_18/test/all/mae", "reproduction write-up", 4.13),
        ("ef/r2plus1d_18/test/all/auc_50", "reproduction write-up", 0.9525),
        ("ef/r3d_18/test/all/auc_35", "reproduction write-up", 0.9775145609318996),
        ("ef/r2plus1d_18/test/beats/mae", "reproduction write-up", 4.02),
        ("ef/r2plus1d_18/test/beats/mae", "authors' R script", 4.051697),
        ("ef/r2plus1d_18/test/all/mae", "Sakuya4 log", 3.98),
    ],
)
def test_published_figures_are_as_printed(quantity: str, source: str, value: float) -> None:
    board = scoreboard(read_published(PUBLISHED), {"echonet": {}}, setup()).set_index(["quantity", "source"])
    assert board.loc[(quantity, source), "published"] == value


def test_all_unknown_names_are_reported_at_once(tmp_path: Path) -> None:
    text = PUBLISHED.read_text().replace("test/beats/mae, source: r_script", "test/beats/mea, source: r_scirpt")
    text = text.replace("{quantity: ef/r2plus1d_18/test/beats/mae", "{quantity: ef/other").replace(
        "[others/best,", "[others/worst,"
    )
    (tmp_path / "published.yaml").write_text(text.replace("notes: [best_24]", "notes: [best_42]"))
    with pytest.raises(InputError) as caught:
        read_published(tmp_path / "published.yaml")
    for part in (
        "published.yaml",
        "headline: no figure",
        "context: no group",
        "beats/mea: unknown measure mea",
        "unknown source r_scirpt",
        "unknown note best_42",
    ):
        assert part in str(caught.value)


def test_another_unit_is_refused() -> None:
    with pytest.raises(InputError, match="unit 1, published in EF points"):
        verdicts({("published", MAE): Metric("1", 4.0, 3.9, 4.1)})


def test_an_unknown_study_and_unknown_settings_are_refused() -> None:
    with pytest.raises(InputError, match="acdc: no published figures"):
        scoreboard(small(), {"acdc": {}}, setup())
    with pytest.raises(InputError, match=r"schedule.*\n.*colour"):
        read_setup(report_example.settings(schedule="short") | {"colour": "red"})


def test_metrics_given_twice_are_refused(tmp_path: Path) -> None:
    report_example.write_metrics(tmp_path / "metrics.csv")
    table = pd.read_csv(tmp_path / "metrics.csv")
    pd.concat([table, table.head(1)]).to_csv(tmp_path / "metrics.csv", index=False)
    with pytest.raises(InputError, match="dice_overall appears twice in protocol published"):
        read_metrics(tmp_path / "metrics.csv")


def test_the_step_writes_the_table_or_one_line(tmp_path: Path, run_step) -> None:
    report_example.write_metrics(tmp_path / "metrics.csv")
    board = tmp_path / "scoreboard.csv"
    common = ["--published", PUBLISHED, "--scoreboard", board, "--settings", json.dumps(report_example.settings())]
    done = run_step("report/scoreboard.py", *common, "--metrics", f"echonet={tmp_path}/metrics.csv")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(board)
    assert {"reproduced", "better", "worse", "not run"} == set(table["verdict"])
    assert str(tmp_path) not in board.read_text()

    before = board.read_bytes()
    (tmp_path / "metrics.csv").write_text("protocol,quantity\n")
    failed = run_step("report/scoreboard.py", *common, "--metrics", f"echonet={tmp_path}/metrics.csv")
    assert failed.returncode == 2
    assert "metrics.csv" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert board.read_bytes() == before
