"""Grid Engine: jobs that ended without a word, the environment of jobs, and jobs that are still queued."""

import atexit
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

CANCEL = "qdel"
JOBS = Path(".snakemake/sge")  # sge/job.sh and the profile name it too
# Grid Engine sets them for each job, so also for the job in which Snakemake itself may run.
OWN_VARIABLES = re.compile(
    "ARC|CUDA_VISIBLE_DEVICES|ENVIRONMENT|HOSTNAME|JOB_(ID|NAME|SCRIPT)|NHOSTS|NQUEUES|NSLOTS|PE|PE_HOSTFILE|QUEUE|"
    "REQNAME|REQUEST|RESTARTED|TMP|TMPDIR|SGE_(?!(ROOT|CELL|CLUSTER_NAME|QMASTER_PORT|EXECD_PORT)$).*"
)
_missed: dict[str, float] = {}  # by job: when it was first seen to be gone from the queue


def get_ready(settings: Any) -> None:
    """Prepare the folder of jobs and Snakemake's plugin, if its settings send jobs to Grid Engine."""
    if (getattr(settings, "submit_cmd", None) or "").startswith("qsub -terse"):
        JOBS.mkdir(parents=True, exist_ok=True)
        _keep_environment(JOBS / "environment")
        _tell_lost_jobs(sys.modules["snakemake_executor_plugin_cluster_generic"].Executor)


def queued_jobs(folder: Path) -> list[str] | None:
    """Numbers of queued jobs that a Snakemake sent from `folder`: their script was in its folder `.snakemake`.

    None if Grid Engine does not answer.
    """
    states = _states()
    if not states:
        return None if states is None and shutil.which("qstat") else []
    command = ["qstat", "-j", ",".join(states)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    jobs, number = [], ""
    for line in shown.splitlines():
        field, _, value = line.partition(":")
        if field == "job_number":
            number = value.strip()
        elif field == "script_file" and Path(value.strip()).is_relative_to(folder / ".snakemake"):
            jobs.append(number)
    return jobs


def _keep_environment(file: Path) -> None:
    """Write this process's environment for jobs to read: what `qsub -V` passes on, `qstat -j` shows to all users."""
    known = {
        name: value for name, value in os.environ.items() if name.isidentifier() and not OWN_VARIABLES.fullmatch(name)
    }
    file.unlink(missing_ok=True)
    file.touch(0o600)
    file.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in known.items()))
    atexit.register(file.unlink, missing_ok=True)


def _tell_lost_jobs(executor: Any) -> None:
    """Make the plugin see jobs that were killed: it waits for a file that a job writes at its end.

    The files also get other names in each attempt. A job that was deleted by force may end after the next one's start.
    """
    check = executor.check_active_jobs
    finished, failed = executor.get_jobfinished_marker, executor.get_jobfailed_marker

    async def mark_and_check(self: Any, active_jobs: list[Any]) -> AsyncIterator[Any]:
        _mark_lost(active_jobs, self.workflow.execution_settings.latency_wait)
        async for job in check(self, active_jobs):
            yield job

    executor.check_active_jobs = mark_and_check
    executor.get_jobfinished_marker = lambda self, job: f"{finished(self, job)}.{job.attempt}"
    executor.get_jobfailed_marker = lambda self, job: f"{failed(self, job)}.{job.attempt}"


def _mark_lost(jobs: list[Any], patience_s: float) -> None:
    """Write the file of failure for jobs that have left the queue for so long without a file of their end."""
    states, now = _states(), time.monotonic()
    if states is None:
        return
    for job in jobs:
        number = job.external_jobid
        if number in states and "E" not in states[number]:
            _missed.pop(number, None)
        elif now - _missed.setdefault(number, now) >= patience_s:
            subprocess.run([CANCEL, number], capture_output=True, check=False)  # Grid Engine keeps a job in error
            if not Path(job.aux["jobfinished"]).exists():
                Path(job.aux["jobfailed"]).touch()


def _states() -> dict[str, str] | None:
    """This user's queued jobs and their states, such as `qw`, `r` or `Eqw`; None without an answer."""
    try:
        answer = subprocess.run(["qstat", "-xml"], capture_output=True, check=True, timeout=60).stdout
        rows = ElementTree.fromstring(answer).iter("job_list")
        return {row.findtext("JB_job_number", ""): row.findtext("state", "") for row in rows}
    except (OSError, subprocess.SubprocessError, ElementTree.ParseError):
        return None
