"""The page, in Chromium: its answers are the step's, for each person their own; nothing goes out, and nothing stays."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import nibabel
import numpy as np
import pandas as pd
import pytest

from accessibility import violations
from acdc.analysis.stack_pictures import COLOURS
from acdc.analysis.tab import LABELS, heart_tab, trained_here
from browser import PATIENCE_MS, chromium
from own_hearts import MEMBERS, image, predict, untrained, write_nifti
from persons import written_with_a_name
from project import ROOT, environment
from reprise.step.errors import InputError

PERSON = "Roe^Richard.nii.gz"
UNTITLED = "Method not implemented."  # a warning of Gradio's own
ALL = (*MEMBERS, "ensemble")
LEGEND = {"rv": "right ventricle", "myo": "myocardium", "lv": "left ventricle"}  # labels 1, 2 and 3


class Server(NamedTuple):
    """A running server: its process, its address, the folder for temporary files, and its log."""

    process: subprocess.Popen[bytes]
    url: str
    temporary: Path
    log: Path

    def left(self) -> list[Path]:
        """Files in its temporary folders."""
        return [path for path in self.temporary.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return untrained(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, weights: list[Path]) -> Iterator[Server]:
    """The page with networks of files, on a port that is free."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "tmp").mkdir()
    words = [sys.executable, ROOT / "workflow_scripts/ui/serve.py", "--port", "0", "--weights", *weights]
    env = environment() | {"PYTHONPATH": str(ROOT / "workflow_scripts"), "TMPDIR": str(folder / "tmp")}
    with (folder / "log").open("wb") as log, subprocess.Popen(list(map(str, words)), stderr=log, env=env) as process:
        try:
            yield Server(process, address(folder / "log", process), folder / "tmp", folder / "log")
        finally:
            process.kill()


def address(log: Path, process: subprocess.Popen[bytes]) -> str:
    """The address that the log names, as soon as it does."""
    for _ in range(PATIENCE_MS // 100):
        for word in log.read_text().split():
            if word.startswith("http://"):
                return word.rstrip(";")
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError("the page does not start")


class Person:
    """Somebody with a browser of their own at the page; `faults` are requests to elsewhere, errors and warnings."""

    def __init__(self, browser: Any, url: str) -> None:
        self.page, self.faults = browser.new_context().new_page(), []
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("request", lambda request: self.note_request(request.url, url))
        self.page.on("console", lambda said: self.note(said.text) if said.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.note(str(error)))
        self.page.goto(url)

    def note(self, fault: str) -> None:
        if fault != UNTITLED:
            self.faults.append(fault)

    def note_request(self, asked: str, url: str) -> None:
        if not asked.startswith((f"{url}/", "data:", "blob:")):
            self.note(f"request: {asked}")

    def upload(self, name: str, content: bytes) -> None:
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        self.page.get_by_text("Drop File Here").wait_for()  # else the file is added to one that is about to go
        self.page.locator("input[type=file]").set_input_files([file])
        self.page.get_by_text("1 file is here").wait_for()

    def press(self) -> None:
        self.page.get_by_role("button", name="Segment").click()

    def table(self, method: str) -> dict[str, str]:
        """The values that a network's tab shows, by quantity."""
        self.page.get_by_text("Done; the upload is deleted.").wait_for()
        self.page.get_by_role("tab", name=method).click()
        self.page.locator(f"#Heart-values-{method} table").wait_for()
        rows = self.page.locator(f"#Heart-values-{method} tbody tr").all()
        cells = [row.locator("td").all_text_contents() for row in rows]
        return {quantity: value.replace("\N{MINUS SIGN}", "-").replace(",", "") for quantity, value, _ in cells}

    def picture(self, method: str) -> str:
        return str(self.page.locator(f"#Heart-picture-{method} img").get_attribute("src"))

    def download(self, place: str, method: str, target: Path) -> Path:
        self.page.get_by_role("tab", name=method).click()
        with self.page.expect_download() as started:
            self.page.locator(f"#Heart-{place}-{method} a").click()
        started.value.save_as(target)
        return target


def same_values(shown: dict[str, str], row: pd.Series) -> bool:
    """Whether the page shows what the step has written."""
    measures = {LABELS[name][0]: float(row[name]) for name in LABELS}
    expected = {"frame of ED": row["ed"], "frame of ES": row["es"], **measures}
    return shown.keys() == expected.keys() and all(
        abs(float(shown[name]) - value) <= 0.0501 for name, value in expected.items()
    )


def test_two_people_get_the_answers_of_the_step_and_nothing_stays(
    tmp_path: Path, server: Server, weights: list[Path]
) -> None:
    files = [
        write_nifti(tmp_path / "in" / name, image(4, seed=seed), "PIL") for seed, name in enumerate(("a.nii", "b.nii"))
    ]
    rows = predict(tmp_path / "in", weights, tmp_path)
    with chromium() as browser:
        people = [Person(browser, server.url) for _ in files]
        for person, file in zip(people, files, strict=True):
            person.upload("Roe^Richard.nii", file.read_bytes())
        for person in people:
            person.press()
        for person, case in zip(people, "ab", strict=True):
            shown = {method: person.table(method) for method in ALL}
            assert [method for method in ALL if not same_values(shown[method], rows.loc[(case, method)])] == []
        first = people[0]
        check_downloads(first, tmp_path, files[0])
        body = first.page.inner_text("body")
        assert "Research only" in body and all(name in body for name in (*MEMBERS, "not stated in the file"))
        for name, words in LEGEND.items():
            mark = first.page.get_by_text(words, exact=True).and_(first.page.locator("span"))
            colour = mark.evaluate("mark => getComputedStyle(mark).borderLeftColor")
            assert [int(part) for part in re.findall(r"\d+", colour)] == rgb(name)
        assert server.left() == []
        check_bad_upload(first, files[1], rows.loc["b"])
        assert [person.faults for person in people] == [[], []]
        assert violations(first.page) == []
    check_end(server, tmp_path)


def check_downloads(person: Person, tmp_path: Path, file: Path) -> None:
    """The masks are those of the step, and the pictures follow the slider."""
    mask = nibabel.load(person.download("values", "ensemble", tmp_path / "mask.nii.gz"))
    expected = nibabel.load(tmp_path / "predictions/masks/a-ensemble.nii.gz")
    np.testing.assert_array_equal(np.asanyarray(mask.dataobj), np.asanyarray(expected.dataobj))
    np.testing.assert_array_equal(mask.affine, nibabel.load(file).affine)
    before = person.picture("ensemble")
    person.page.locator("input[type=number]").nth(1).fill("3")
    person.page.get_by_text("frame 1, slice 3").last.wait_for()
    assert person.picture("ensemble") != before
    shown = cv2.imread(str(person.download("picture", "ensemble", tmp_path / "mask.png")))[..., ::-1]
    labels = np.asanyarray(expected.dataobj)[:, :, 2, 0].T  # PIL: rows run to the feet, columns to the back
    for label, name in enumerate(LEGEND, start=1):
        np.testing.assert_array_equal((shown == rgb(name)).all(axis=-1), labels == label)


def rgb(name: str) -> list[int]:
    """The colour of a structure."""
    return [int(COLOURS[name][at : at + 2], 16) for at in (1, 3, 5)]


def check_bad_upload(person: Person, good: Path, rows: pd.DataFrame) -> None:
    """A file that is no image is one line, and the page is alive."""
    person.upload("Li^Ng.nii.gz", b"no image at all, and no header of 348 bytes" * 20)
    person.press()
    said = person.page.get_by_role("alert")
    said.wait_for()
    assert said.inner_text().startswith("file-0001.nii.gz: no NIfTI file") and "\n" not in said.inner_text()
    person.upload("Roe^Richard.nii", good.read_bytes())
    person.press()
    assert same_values(person.table("fpn"), rows.loc["fpn"])


def check_end(server: Server, tmp_path: Path) -> None:
    """The log names no person, and the folder of uploads goes with the server."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "server.log").write_bytes(server.log.read_bytes())
    assert written_with_a_name(tmp_path / "log") == []
    lines = server.log.read_text().splitlines()
    assert lines[0].startswith("research only; the page is at http://127.0.0.1:")
    assert len(lines) == 2 and lines[1].startswith("Heart: file-0001.nii.gz: no NIfTI file")
    assert server.left() == []
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(300)
    assert list(server.temporary.iterdir()) == []


def test_a_mask_is_not_answered(tmp_path: Path, weights: list[Path]) -> None:
    labels = np.zeros((1, 3, 40, 32), np.uint8)
    labels[:, 1, 10:20, 10:20] = 3
    tab = heart_tab(weights, None, "phantoms", "cpu")
    with pytest.raises(InputError, match="a mask or a map of labels, not an image"):
        tab.answer([write_nifti(tmp_path / "a.nii", labels)])


def test_trained_networks_are_found_with_their_shares(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run `make report`, or name files"):
        trained_here(tmp_path)
    for run in ("unet-seed10", "unet-seed2", "fpn-seed2", "unet_2d-seed2"):
        (tmp_path / "acdc" / run / "sound").mkdir(parents=True)
        (tmp_path / "acdc" / run / "sound" / "weights.safetensors").touch()
    paths, shares, data = trained_here(tmp_path)
    assert [path.parts[-3] for path in sorted(paths)] == ["fpn-seed2", "unet-seed2", "unet_2d-seed2"]
    assert (shares, data) == (None, "the data set of config.yaml")
    (tmp_path / "acdc" / "ensembles").mkdir()
    table = tmp_path / "acdc" / "ensembles" / "weights.csv"
    table.write_text("method,member,weight\nequal,unet,0.5\nequal,fpn,0.5\nunet_2d,unet_2d,1\n")
    (tmp_path / "acdc" / "phantom").mkdir()
    paths, shares, data = trained_here(tmp_path)
    assert [path.parts[-3] for path in paths] == ["unet-seed2", "fpn-seed2"], "in the order of the table"
    assert (shares, data) == (table, "phantoms")
    assert os.path.commonpath(paths) == str(tmp_path / "acdc")
    with table.open("a") as file:  # as combining leaves it for `seed: [10, 2]`
        file.write("seeds:unet,unet,0.5\nseeds:unet,unet-seed2,0.5\n")
    assert [path.parts[-3] for path in trained_here(tmp_path)[0]] == ["unet-seed10", "fpn-seed2"]
