"""The rules that would run after each of many edits: `python dry_runs.py FOLDER TARGET...`, edits as JSON on stdin.

Snakemake is loaded once. For each edit a fork reads the workflow again. So no module of the project, which Snakemake's
own process imports too, is left from the edit before.
"""

import hashlib
import json
import os
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from project import environment, type_command

Edit = Mapping[str, str]  # paths below the folder, and their new text


def dry_runs(folder: Path, targets: Sequence[str], edits: Sequence[Edit]) -> list[dict[str, Any]]:
    """For each edit: `stale` (the rules that would run), `jobs` (the number of jobs per rule), `needs` (the rules that
    each rule needs), and two digests per job: of its inputs in their `order`, and of what Snakemake compares (`seen`).
    """
    command = [sys.executable, __file__, str(folder), *targets]
    code = {"PYTHONPATH": str(folder / "workflow_scripts"), "PYTHONDONTWRITEBYTECODE": "1"}
    texts = {"input": json.dumps(edits), "capture_output": True, "text": True}
    done = subprocess.run(command, cwd=folder, env=environment() | code, check=False, **texts)
    assert done.returncode == 0, done.stderr[-5000:]
    return json.loads(done.stdout)


@contextmanager
def edited(folder: Path, edit: Edit) -> Iterator[None]:
    """Give files another text, and then their old text and times back."""
    before = {folder / name: ((folder / name).read_bytes(), (folder / name).stat()) for name in edit}
    try:
        for name, text in edit.items():
            (folder / name).write_text(text)
        yield
    finally:
        for path, (content, stat) in before.items():
            path.write_bytes(content)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def changed_with_old_time(path: Path, position: int = -1) -> None:
    """Change one byte of a file, by default the last. A listing of the file shows no change."""
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def stale(folder: Path, *targets: str) -> set[str]:
    """The rules that would run."""
    return set(dry_runs(folder, targets, [{}])[0]["stale"])


def why(folder: Path, *target: str) -> list[str]:
    """The output of `make why`."""
    command = f"env PYTHONPATH={folder / 'workflow_scripts'} python workflow_scripts/report/why.py"
    done = type_command(" ".join([command, *target]), folder)
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


def in_fork(targets: Sequence[str]) -> dict[str, Any]:
    """The result of a dry run in a child of this process."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            with os.fdopen(write, "w") as answer:
                json.dump(judge(targets), answer)
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        found = answer.read()
    os.waitpid(child, 0)
    return json.loads(found)


def judge(targets: Sequence[str]) -> dict[str, Any]:
    """The result of a dry run in this process."""
    from reprise.engine.plan import needed_rules, planned

    with planned(Path("Snakefile"), targets) as dag:
        jobs = Counter(job.rule.name for job in dag.needrun_jobs())
        made = {f"{job.rule.name} {job.output[0]}": job for job in dag.jobs if job.output}
        order = {name: digest([*job.input]) for name, job in made.items()}
        known = dag.workflow.persistence
        seen = {
            name: digest([sorted(job.input), *known._params(job), known._code(job.rule)]) for name, job in made.items()
        }
        return {"stale": sorted(jobs), "jobs": jobs, "needs": needed_rules(dag), "order": order, "seen": seen}


def digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


if __name__ == "__main__":
    # Loaded here, so that the forks need not load it.
    import snakemake.api  # noqa: F401

    project, *wanted = sys.argv[1:]
    answers = []
    for change in json.load(sys.stdin):
        with edited(Path(project), change):
            answers.append(in_fork(wanted))
    json.dump(answers, sys.stdout)
