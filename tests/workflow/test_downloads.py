"""Three real patients come by name from a server, as the whole set would, and go to the manifest."""

import csv
import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from configuration_changes import WEIGHTS
from dry_runs import changed_with_old_time, dry_runs, stale, why
from edits import done_otherwise
from project import ROOT, TINY, configure, configured, copy_project, type_command
from web_server import Site, serving

MANIFEST = "results/mslesion/manifest.csv"
TABLE = "config/open_ms_data.tsv"
PATIENTS = ("patient07", "patient19", "patient26")
PLACE = (
    "/raw.githubusercontent.com/muschellij2/open_ms_data/65704901f60650824565aa5a4818611aa89716f4/cross_sectional/MNI"
)
DOWNLOAD, CHECK = "mslesion_download", "mslesion_check"
SECRET = "sig=7ca0ffee"


class Clone(NamedTuple):
    folder: Path
    set: Path
    site: Site


@pytest.fixture(scope="module")
def clone(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A project that gets three of the set's patients from a mirror, and has made their manifest."""
    folder = tmp_path_factory.mktemp("clone")
    copy_project(folder, TINY)
    head, *rows = (folder / TABLE).read_text().splitlines()
    rows = [row for row in rows if row.startswith(PATIENTS)]
    (folder / TABLE).write_text("\n".join([head, *rows]))
    names = [row.split("\t")[0] for row in rows]
    with serving({f"{PLACE}/{name}": (real_data / "ms" / name).read_bytes() for name in names}) as site:
        configure(folder, studies=["mslesion"], data={"mslesion": "open_ms_data"}, mirror=site.url)
        done = type_command(f"snakemake {MANIFEST}", folder)
        assert done.returncode == 0, done.stdout[-5000:]
        assert "terms: CC BY; read them at https://github.com/muschellij2/open_ms_data" in done.stdout
        yield Clone(folder, folder / "downloads/mslesion/open_ms_data", site)


def made(clone: Clone) -> int:
    return (clone.folder / MANIFEST).stat().st_mtime_ns


def test_they_go_to_the_manifest(clone: Clone) -> None:
    rows = list(csv.DictReader((clone.folder / MANIFEST).read_text().splitlines()))
    assert sorted({row["path"].split("/")[0] for row in rows}) == list(PATIENTS) and len(rows) == 6
    assert len(clone.site.asked) == 6
    assert stale(clone.folder, MANIFEST) == set()


def test_what_is_there_and_right_is_not_fetched_again(clone: Clone) -> None:
    assert type_command("make clean", clone.folder).returncode == 0
    done = type_command(f"snakemake {MANIFEST}", clone.folder)
    assert done.returncode == 0, done.stdout[-5000:]
    assert len(clone.site.asked) == 6 and stale(clone.folder, MANIFEST) == set()


def test_it_runs_again_for_its_own_sake_alone(clone: Clone) -> None:
    code, table = "workflow_scripts/reprise/data/web_file.py", "config/datasets.yaml"
    check = "workflow_scripts/mslesion/data/layouts.py"
    said = (clone.folder / table).read_text().replace("CC BY", "CC BY 4.0")
    other = configured(clone.folder, mirror="http://127.0.0.1:9", device="cpu")
    moved = configured(clone.folder, downloads="elsewhere")
    edits = [{code: done_otherwise(clone.folder / code)}, {table: said}, {"config.yaml": moved}, {"config.yaml": other}]
    edits.append(edits[0] | {check: done_otherwise(clone.folder / check)})
    edits.append({"config.yaml": (ROOT / "config.yaml").read_text()})
    *found, demo = [set(answer["stale"]) for answer in dry_runs(clone.folder, [MANIFEST], edits)]
    assert found == [{DOWNLOAD}, {DOWNLOAD}, {DOWNLOAD}, set(), {DOWNLOAD, CHECK}]
    assert demo == {"mslesion_make_phantom", CHECK}, "the demo fetches nothing"


def test_a_missing_file_is_fetched_and_a_failure_on_the_way_makes_nothing_else_stale(clone: Clone) -> None:
    before, missing = made(clone), next(clone.set.rglob("FLAIR*"))
    missing.unlink()
    name = missing.relative_to(clone.folder)
    assert stale(clone.folder, MANIFEST) == {DOWNLOAD}
    assert why(clone.folder, MANIFEST) == [f"mslesion download <- {name} is not what its step wrote"]
    clone.site.faults[f"{PLACE}/{missing.relative_to(clone.set)}"] = ["404"]
    done = type_command(f"snakemake {MANIFEST}", clone.folder)
    assert done.returncode != 0 and f"{missing.name}: cannot be downloaded (404 Not Found)" in done.stdout
    assert stale(clone.folder, MANIFEST) == {DOWNLOAD}
    done = type_command(f"snakemake {MANIFEST}", clone.folder)
    assert done.returncode == 0 and missing.exists(), done.stdout[-5000:]
    assert stale(clone.folder, MANIFEST) == set() and made(clone) == before


def test_a_changed_file_stops_the_run_and_is_named(clone: Clone) -> None:
    asked, changed = len(clone.site.asked), next(clone.set.rglob("FLAIR*"))
    changed.chmod(0o644)
    changed_with_old_time(changed)
    name = changed.relative_to(clone.set)
    assert stale(clone.folder, MANIFEST) == {DOWNLOAD, CHECK}
    download, check = why(clone.folder, MANIFEST)
    assert download.startswith(f'mslesion download <- changed files [] -> ["{name.parent}/FLAIR_')
    assert check == f"mslesion check <- raw file {name} replaced"
    done = type_command(f"snakemake {MANIFEST}", clone.folder)
    assert done.returncode != 0 and f"changed since the download: {name}; delete them" in done.stdout
    changed_with_old_time(changed)
    done = type_command(f"snakemake {MANIFEST}", clone.folder)
    assert done.returncode == 0, done.stdout[-5000:]
    assert len(clone.site.asked) == asked and stale(clone.folder, MANIFEST) == set()


def test_a_link_with_a_key_brings_the_same_and_the_key_is_nowhere(clone: Clone, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ms.zip", "w") as archive:
        for path in clone.set.rglob("*.gz"):
            archive.write(path, path.relative_to(clone.set))
    torch.save({}, tmp_path / "a.pth")
    clone.site.content |= {f"/{name}": (tmp_path / name).read_bytes() for name in ("ms.zip", "a.pth")}
    before, keyed = made(clone), {name: f"{clone.site.url}/{name}?{SECRET}" for name in ("ms.zip", "a.pth")}
    digest = hashlib.sha256((tmp_path / "a.pth").read_bytes()).hexdigest()
    weights = {Path(WEIGHTS).stem: f"{keyed['a.pth']}#sha256={digest}"}
    configure(clone.folder, data={"mslesion": keyed["ms.zip"]}, weights=weights)
    assert stale(clone.folder, MANIFEST) == {DOWNLOAD}
    done = type_command(f"snakemake {MANIFEST} results/rules.csv {WEIGHTS}", clone.folder)
    assert done.returncode == 0, done.stdout[-5000:]
    assert made(clone) == before, "the same content, so its check is not stale"
    assert sorted(clone.site.asked[-2:]) == [(f"/a.pth?{SECRET}", ""), (f"/ms.zip?{SECRET}", "")]
    assert SECRET not in done.stdout + "\n".join(why(clone.folder))
    for name in ("config.yaml", "tests"):  # the key stands in both
        shutil.move(clone.folder / name, tmp_path / name)
    files = [path for path in clone.folder.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    for name in keyed:
        assert any(f"{clone.site.url}/{name}#".encode() in path.read_bytes() for path in files), "the test sees records"
