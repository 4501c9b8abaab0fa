"""`make crate` on a finished run: valid by its profile, a number leads to its job, code and inputs, nobody is named."""

import base64
import csv
import hashlib
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from crate_validation import violations
from finished_run import finished_copy
from project import configure, type_command

CRATE = "results/run-crate.zip"
COMMAND = "env PYTHONPATH=workflow_scripts python workflow_scripts/report/crate.py"
PERSON, STUDY = "Smith_John_1950", "echonet"
CHANGED = "workflow_scripts/echonet/score.py"


class Crate(NamedTuple):
    """A project with its crate: the raw data's folder, the files by name and the entities by identifier."""

    project: Path
    raw: Path
    files: dict[str, bytes]
    entities: dict[str, Any]

    def makers(self, identifier: str) -> list[Any]:
        """The jobs that wrote a file."""
        jobs = [entity for name, entity in self.entities.items() if name.startswith("#job/")]
        return [job for job in jobs if identifier in ids(job["result"])]


@pytest.fixture(scope="module")
def crate(tmp_path_factory: pytest.TempPathFactory) -> Crate:
    """Raw data of one study lies in a folder of the user, and one file differs from the commit by a comment."""
    project = finished_copy(tmp_path_factory, "crate").folder
    raw = project.parent / PERSON
    shutil.copytree(project / f"results/{STUDY}/phantom", raw)
    configure(project, data={STUDY: str(raw)})
    assert type_command("snakemake --touch results/report.html --cores 1", project).returncode == 0
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-C", str(project)]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], check=True)
    with (project / CHANGED).open("a") as code:
        code.write("# a comment\n")
    done = type_command(COMMAND, project)
    assert done.returncode == 0, done.stdout[-3000:]
    with zipfile.ZipFile(project / CRATE) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    graph = json.loads(files["ro-crate-metadata.json"])["@graph"]
    return Crate(project, raw, files, {entity["@id"]: entity for entity in graph})


def ids(value: Any) -> list[str]:
    return [part["@id"] for part in (value if isinstance(value, list) else [value])]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_crate_meets_its_profile_and_a_crate_without_programs_does_not(crate: Crate, tmp_path: Path) -> None:
    assert violations(crate.project / CRATE, tmp_path / "cache") == []
    spoilt = tmp_path / "spoilt.zip"
    metadata = json.loads(crate.files["ro-crate-metadata.json"])
    for entity in metadata["@graph"]:
        if entity["@id"].startswith("#job/"):
            del entity["instrument"]
    with zipfile.ZipFile(spoilt, "w") as archive:
        for name, content in (crate.files | {"ro-crate-metadata.json": json.dumps(metadata).encode()}).items():
            archive.writestr(name, content)
    assert any("process-run-crate" in violation for violation in violations(spoilt, tmp_path / "cache"))


def test_a_number_of_the_scoreboard_leads_to_its_job_its_code_and_its_inputs(crate: Crate) -> None:
    board = csv.DictReader(crate.files["results/scoreboard.csv"].decode().splitlines())
    row = next(row for row in board if row["study"] == STUDY and row["value"])
    (job,) = crate.makers("results/scoreboard.csv")
    source = next(name for name in ids(job["object"]) if f"/{STUDY}/" in name)
    metrics = csv.DictReader(crate.files[source].decode().splitlines())
    found = {(line["protocol"], line["quantity"]): line["value"] for line in metrics}
    assert float(found[row["protocol"], row["quantity"]]) == float(row["value"])

    (job,) = crate.makers(source)
    assert job["startTime"] <= job["endTime"]
    (program,) = ids(job["instrument"])
    assert program == CHANGED
    closure = ids(crate.entities[program]["softwareRequirements"])
    assert "workflow_scripts/reprise/step/command.py" in closure
    commit = crate.entities["Snakefile"]["version"]
    for name in closure:
        shown = subprocess.run(["git", "show", f"{commit}:{name}"], cwd=crate.project, capture_output=True, check=True)
        assert shown.stdout == crate.files[name]
        assert sha256(shown.stdout) == crate.entities[name]["sha256"]
    assert b"+# a comment" in crate.files["difference.diff"]

    behind, waiting = set(), [source]
    while waiting:
        for job in crate.makers(waiting.pop()):
            new = set(ids(job.get("object", []))) - behind
            behind |= new
            waiting += new
    names = {parse_qs(urlsplit(name).query).get("name", [name])[0]: name for name in behind}
    assert {f"results/{STUDY}/store", f"results/{STUDY}/manifest.csv", f"raw_data/{STUDY}"} <= {*names}
    for name, identifier in names.items():
        digest = base64.urlsafe_b64decode(identifier.partition(";")[2].partition("?")[0] + "=").hex()
        path = crate.raw if name == f"raw_data/{STUDY}" else crate.project / name
        content = listing(path) if path.is_dir() else path.read_bytes()
        assert digest == sha256(content), name
        assert not path.is_dir() or crate.files[f"listings/{name}.csv"] == content


def listing(folder: Path) -> bytes:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    rows = sorted((sha256(path.read_bytes()), path.stat().st_size) for path in files)
    return "".join(["sha256,bytes\n", *(f"{digest},{size}\n" for digest, size in rows)]).encode()


def test_nobody_and_no_raw_or_own_file_is_named(crate: Crate) -> None:
    code = ("workflow_scripts/", "rules/", "config/")
    run = {name: content for name, content in crate.files.items() if not name.startswith(code)}
    text = b"\n".join([*(name.encode() for name in run), *run.values()]).decode(errors="replace")
    named = [path.stem for folder in (crate.raw / "Videos", crate.project / "own") for path in folder.iterdir()]
    secret = [PERSON, str(crate.project), str(crate.raw.parent), "results/own_", "key.csv", *named]
    assert [name for name in secret if name in text] == []
    assert "config.yaml" not in crate.files
    assert json.loads(crate.files["configuration.json"])["data"][STUDY] == "raw"
    assert re.search(r"case-[0-9a-f]{12}", crate.files[f"results/{STUDY}/figures/scatter.csv"].decode())
    drawn = csv.DictReader(crate.files[f"results/{STUDY}/figures/areas.csv"].decode().splitlines())
    assert {re.sub(r"\d+", "1", row["title"]) for row in drawn} == {"video 1: EF 1 %"}


def test_the_same_results_give_the_same_bytes(crate: Crate) -> None:
    before = (crate.project / CRATE).read_bytes()
    assert type_command(COMMAND, crate.project).returncode == 0
    assert (crate.project / CRATE).read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("{", "results/rules.csv: its record in .snakemake/metadata is missing or damaged"),
        ('{"starttime": "never"}', ".snakemake/metadata: Snakemake cannot read its records"),
        ("stale", "the results are stale: "),
        ("absent", "results/report.html: no such file; `make report` makes it"),
    ],
)
def test_a_run_that_is_not_whole_gives_one_line_and_no_crate(crate: Crate, damage: str, message: str) -> None:
    record = crate.project / ".snakemake/metadata" / base64.b64encode(b"results/rules.csv").decode()
    victim = {"stale": "results/rules.csv", "absent": "results/report.html"}.get(damage)
    victim = crate.project / victim if victim else record
    before, kept = (crate.project / CRATE).read_bytes(), victim.with_name("kept")
    victim.rename(kept)
    if victim == record:
        record.write_text(damage)
    done = type_command(COMMAND, crate.project)
    kept.replace(victim)
    assert done.returncode != 0
    assert done.stdout.startswith(f"error: {message}"), done.stdout[-2000:]
    assert done.stdout.count("\n") == 1
    assert (crate.project / CRATE).read_bytes() == before
