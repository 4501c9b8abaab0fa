"""A whole run with `--sdm conda`, by a stand-in for conda that makes environments of exactly what their files name."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dry_runs import why
from project import TINY, configure, copy_project, environment, type_command
from stand_in_conda import install

REPORT = "snakemake results/report.html"
NOTHING = "Nothing to be done"
# What runs beside the steps, in .venv: plugins of Snakemake, the pages to try networks on, the run crate.
NO_STEP_NEEDS = r"gradio|rocrate|snakemake-\w+-plugin-\S+"

pytestmark = pytest.mark.skipif(not shutil.which("R"), reason="there is no R that an environment could link to")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run of the study that has steps in each environment, with its trainings tracked."""
    folder = tmp_path_factory.mktemp("conda") / "project"
    folder.mkdir()
    copy_project(folder, TINY)
    configure(folder, studies=["echonet"], tracking="mlflow")
    install(folder.parent / "conda")
    run = with_conda(folder)
    assert run.returncode == 0, run.stdout[-5000:]
    commands = re.findall(r"^Shell command: .*", run.stdout, re.MULTILINE)
    assert len(commands) >= 30 and all(" --environment " in command for command in commands)
    assert "the training goes on without tracking" not in run.stdout
    return folder


def with_conda(folder: Path, options: str = "") -> subprocess.CompletedProcess[str]:
    """Type the command with the stand-in first on PATH."""
    path = f"{folder.parent / 'conda/bin'}:{environment()['PATH']}"
    return type_command(f"{REPORT} {options} --sdm conda", folder, ("env", f"PATH={path}"))


def test_again_and_without_conda_there_is_nothing_to_do(project: Path) -> None:
    assert NOTHING in with_conda(project).stdout
    assert NOTHING in type_command(REPORT, project).stdout
    for file in (project / "envs").iterdir():
        file.write_text(f"# another comment\n{file.read_text()}")
    assert NOTHING in with_conda(project, "--dry-run").stdout
    assert NOTHING in with_conda(project, "--dry-run --conda-prefix elsewhere").stdout
    assert why(project) == ["nothing would run"]


def test_the_report_says_which_versions_conda_chose(project: Path) -> None:
    page = (project / "results/report.html").read_text().partition("Versions of the software")[2].replace("<wbr>", "")
    rows = re.findall(r'<th scope="row">(.*?)</th>\s*<td>.*?</td>\s*<td>(.*?)</td>', page.partition("</table>")[0])
    found = dict(rows)
    missing = [name for name, version in rows if "no environment" in version]
    assert missing and [name for name in missing if not re.fullmatch(NO_STEP_NEEDS, name)] == []
    assert re.fullmatch(r"4\.\d+\.\d+", found["R"]) and found["torch"].startswith("2.")


def test_a_failed_activation_is_one_line(project: Path) -> None:
    (project.parent / "conda/bin/activate").write_text("echo no such environment >&2\nfalse\n")
    run = with_conda(project, "--forcerun report_page")
    assert run.returncode != 0
    assert re.search(r"^\s*error: \.snakemake/conda/\w+: activating this environment of conda failed", run.stdout, re.M)
    assert "Traceback" not in run.stdout
