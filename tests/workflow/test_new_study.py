"""A study of one's own: each kind is made, runs to the report, keeps to the house, and can be taken out again."""

import re
import shutil
import subprocess
from pathlib import Path

import cv2
import pandas as pd
import pytest
import yaml

from project import ROOT, configure, copy_project, environment, type_command

# Names as short and as long as they may be: the form of the code does not depend on them.
KINDS = {"ox": "segmentation", "liver": "regression", "name_of_16_chars": "classification"}
LEAST = {"ox_dice": 0.8, "liver_r2": 0.5, "name_of_16_chars_accuracy": 0.6}
LISTS = ("config.yaml", "config/schema.yaml", "config/published.yaml")
MARK = "FILL_IN"
GUIDE = ROOT / "docs" / "adding-a-study.md"


def run(command: str, folder: Path) -> str:
    """The output of a command of a shell that must end well."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    env = environment() | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, shell=True, cwd=folder, env=env, check=False, **options)
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def made(folder: Path, kinds: dict[str, str]) -> Path:
    """A copy of the project in Git, with new studies."""
    folder.mkdir()
    copy_project(folder)
    run("git init -q && git add -A && git -c user.name=n -c user.email=e@x.org commit -qm all", folder)
    for name, task in kinds.items():
        run(f"make -o .venv/ready new-study NAME={name} TASK={task}", folder)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a study of each kind."""
    return made(tmp_path_factory.mktemp("studies") / "project", KINDS)


def new_files(folder: Path) -> list[str]:
    return run("git ls-files --others --exclude-standard", folder).split()


def test_what_must_be_filled_in_is_marked_in_few_places(project: Path) -> None:
    shared = run(f"git diff -U0 {' '.join(LISTS)}", project)
    for name in KINDS:
        texts = [(project / path).read_text() for path in new_files(project) if name in Path(path).parts[-1] + path]
        lines = [line for text in texts for line in text.splitlines() if MARK in line]
        lines += [line for line in shared.splitlines() if MARK in line and f"+  {name}_" in line]
        assert 5 <= len(lines) <= 10, lines
        assert [line for line in lines if not re.search(rf"{MARK}: \w[^.]{{15,}}", line)] == []


def test_each_kind_keeps_to_the_house(project: Path) -> None:
    new = [path for path in new_files(project) if path.endswith((".py", ".smk"))]
    python = [path for path in new if path.endswith(".py")]
    code = [path for path in python if path.startswith("workflow_scripts/")]
    run(f"ruff check {' '.join(python)} && ruff format --check {' '.join(python)}", project)
    run(f"snakefmt --check {' '.join({*new} - {*python})}", project)
    cache = ROOT / ".mypy_cache"
    if cache.is_dir():
        shutil.copytree(cache, project / ".mypy_cache")
    run(f"mypy {' '.join(code)}", project)
    tests = " ".join(f"tests/{name}" for name in KINDS)
    run(f"pytest -q -p no:cacheprovider {tests}", project)
    house = ("test_house", "test_house_layers", "test_envs", "test_section", "test_dataset_steps")
    files = " ".join(f"tests/library/{name}.py" for name in house)
    run(f"pytest -q -p no:cacheprovider {files} -k '{' or '.join([*KINDS, 'layers', 'envs'])}'", project)


def test_each_kind_runs_to_the_report(project: Path) -> None:
    names = ",".join(KINDS)
    run(f"snakemake results/report.html --cores 2 --config studies=[{names}]", project)
    report = (project / "results/report.html").read_text()
    board = pd.read_csv(project / "results/scoreboard.csv")
    assert {*board["study"]} == {*KINDS} and {*board["verdict"]} == {"not comparable"}
    for name in KINDS:
        metrics = pd.read_csv(project / f"results/{name}/metrics.csv")
        assert metrics["value"].notna().all() and {*metrics["protocol"]} == {"published", "sound"}
        of_data = yaml.safe_load((project / "config.yaml").read_text())["models"][name]["networks"][0]
        values = metrics.set_index(["protocol", "quantity"])["value"]
        for measure, least in LEAST.items():
            if measure.startswith(name):
                assert values["sound", f"{of_data}/test/{measure}"] >= least
        assert f'id="study-{name}"' in report and len(pd.read_csv(project / f"results/{name}/quirks.csv")) == 2
    again = run(f"snakemake -n results/report.html --config studies=[{names}]", project)
    assert "Nothing to be done" in again


@pytest.mark.parametrize(
    ("name", "task", "problem"),
    [
        ("Liver", "regression", "NAME: expected 2 to 16 lower-case letters"),
        ("a/b", "regression", "NAME: expected 2 to 16 lower-case letters"),
        ("", "regression", "NAME: expected 2 to 16 lower-case letters"),
        ("seventeen_letters", "regression", "NAME: expected 2 to 16 lower-case letters"),
        ("class", "regression", "NAME: class: a word of Python or a package has this name"),
        ("numpy", "regression", "NAME: numpy: a word of Python or a package has this name"),
        ("acdc", "regression", "NAME: acdc: config/acdc.schema.yaml is there already"),
        ("liver", "segmentation", "NAME: liver: "),
        ("kinds", "segmentation", "NAME: kinds: rules/kinds.smk is there already"),
        ("fold", "segmentation", "NAME: fold: the code of all studies uses this word"),
        ("spleen", "detection", "TASK: expected segmentation, classification, regression; found 'detection'"),
    ],
)
def test_a_name_that_cannot_be_used_is_one_line(project: Path, name: str, task: str, problem: str) -> None:
    before = run("git status --short", project)
    words = ["python", "tools/new_study/new_study.py", "--name", name, "--task", task]
    done = subprocess.run(words, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode != 0 and done.stderr.startswith(f"error: {problem}") and done.stderr.count("\n") == 1
    assert run("git status --short", project) == before


def test_a_list_without_the_place_for_the_entry_leaves_everything_as_it_is(tmp_path: Path) -> None:
    folder = made(tmp_path / "project", {})
    published = folder / "config/published.yaml"
    published.write_text(published.read_text().replace("\nsources:\n", "\norigins:\n"))
    before = run("git status --short", folder)
    done = type_command("python tools/new_study/new_study.py --name liver --task regression", folder)
    assert done.stdout.startswith("error: config/published.yaml: expected a line that begins with 'sources:'")
    assert done.returncode != 0 and run("git status --short", folder) == before


def test_a_study_is_removed_as_the_guide_says(tmp_path: Path) -> None:
    folder = made(tmp_path / "project", {"liver": "regression"})
    (commands,) = re.findall(r"```\n(git restore .*?)```", GUIDE.read_text(), flags=re.DOTALL)
    assert run("git status --short", folder)
    run(commands, folder)
    assert run("git status --short", folder) == ""
    assert "liver" not in run("snakemake -n results/report.html", folder)


def test_the_guides_example_runs_on_real_images(project: Path, tmp_path: Path, real_data: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns("results", ".snakemake", ".git"))
    source = real_data / "cardiac" / "segnetcmr" / "Test"
    for kind, name in (("Images", "images"), ("Labels", "masks")):
        shutil.copytree(source / kind / "Sunnybrook_Part3", folder / "raw" / name)
    (script,) = re.findall(r"```python\n(   from pathlib.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    (folder / "lay_out.py").write_text(re.sub(r"^   ", "", script, flags=re.MULTILINE).strip() + "\n")
    run("python lay_out.py", folder)
    configure(folder, studies=["ox"], data={"ox": "raw"})
    run("snakemake results/ox/section.json --cores 2", folder)
    cases = pd.read_csv(folder / "results/ox/cases.csv")
    assert (len(cases), cases["patient"].nunique()) == (279, 15)
    metrics = pd.read_csv(folder / "results/ox/metrics.csv").set_index(["protocol", "quantity"])["value"]
    assert metrics["sound", "unet_2d/test/ox_dice"] > 0.3
    masks = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in (folder / "raw/masks").iterdir()]
    predictions = pd.read_csv(next(folder.glob("results/ox/*/predictions.csv")))
    largest = 100 * max((mask > 0).mean() for mask in masks)
    assert 0 < predictions["truth"].max() <= 1.1 * largest, "areas are those of the drawings"
