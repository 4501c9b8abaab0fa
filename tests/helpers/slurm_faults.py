"""Faults at random moments of a training under a real Slurm: the results are those of a run without faults.

python tests/helpers/slurm_faults.py --rounds 3     # so many runs, each with all faults one after another
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pandas as pd
import psutil

import slurm
from faults import at_work
from project import TINY, configure, copy_project, environment, overlaid, type_command

RULES = "rules/echonet/ef.smk"
COMMAND = "snakemake --profile slurm results/report.html"
TRAINING, STEP = "rule_echonet_train_ef", "echonet/train_ef.py"
# The nodes promise more memory than this machine has: rules ask for what a published run takes.
NODE = {"cpus": 2, "memory_mb": 256_000, "gpus": 2}
DEADLINE_SECONDS = 600
TIMES_GIVEN = 8
T = TypeVar("T")


class Run:
    """A project in which the command runs; if the command fails, it is typed again."""

    def __init__(self, folder: Path, cluster: slurm.Cluster, seed: int) -> None:
        self.folder, self.cluster, self.seed, self.given = folder, cluster, seed, 0
        self.chance = random.Random(seed)
        self.give()

    def give(self) -> None:
        """Type the command; what it prints is appended to a file."""
        self.given += 1
        assert self.given <= TIMES_GIVEN, self.story("the command was given again and again, and failed each time")
        words = [*self.cluster.inside, *COMMAND.split()]
        with (self.folder / "typed.log").open("a") as log:
            self.command = subprocess.Popen(
                words, cwd=self.folder, env=environment(), stdout=log, stderr=subprocess.STDOUT, text=True
            )

    def has_ended(self) -> bool:
        """Whether the command has ended well; where it has failed, the nodes are brought up and it is given again."""
        if self.command.poll():
            revive(self.cluster)
            self.give()
        return self.command.poll() == 0

    def until(self, condition: Callable[[], T | None], what: str) -> T:
        """Wait until something holds, and give it."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (there := condition()):
            assert time.monotonic() < deadline, self.story(f"waited in vain until {what}")
            time.sleep(0.3)
        return there

    def wait(self, condition: Callable[[], T | None], what: str) -> T:
        """The same for what must hold before the run has ended."""

        def holds() -> T | None:
            there = condition()
            assert there or not self.has_ended(), self.story(f"the run ended before {what}")
            return there

        return self.until(holds, what)

    def signal(self, number: signal.Signals) -> None:
        """Send Snakemake a signal; it is the one child of the program that leads into the cluster."""
        pid = self.command.pid
        os.kill(int(Path(f"/proc/{pid}/task/{pid}/children").read_text()), number)

    def training(self) -> tuple[str, str, str] | None:
        """Number, start and node of the training job that runs, if one does."""
        listing = self.cluster.run("squeue", "--states=RUNNING", "--noheader", "--format=%i|%S|%N|%k|%Z")
        for row in (line.split("|") for line in listing.splitlines()):
            if row[3].startswith(TRAINING) and Path(row[4]) == self.folder:
                return row[0], row[1], row[2]
        return None

    def processes(self, job: str) -> list[psutil.Process]:
        """The processes of the training in a job; none while the job gets ready."""
        return [one for one in at_work(STEP, self.folder) if (one.info["environ"] or {}).get("SLURM_JOB_ID") == job]

    def typed(self) -> str:
        """All that the command has printed."""
        return (self.folder / "typed.log").read_text()

    def slurm_logs(self) -> str:
        """What Slurm wrote for the jobs of the training."""
        logs = (self.folder / ".snakemake/slurm_logs" / TRAINING).rglob("*.log")
        return "\n".join(log.read_text() for log in logs)

    def story(self, what: str) -> str:
        """What went wrong, and the ends of the logs."""
        logs = [self.folder / "typed.log", *(self.folder / "results/logs/echonet/train_ef").glob("*.log")]
        texts = [f"{log.name}:\n{log.read_text()[-3000:]}" for log in logs if log.exists()]
        return "\n".join([f"{what} (seed {self.seed})", *texts, self.cluster.run("squeue"), self.cluster.logs()])


def is_down(cluster: slurm.Cluster, node: str) -> bool:
    return "DOWN" in cluster.run("scontrol", "show", "node", node)


def revive(cluster: slurm.Cluster) -> None:
    """Start the daemons of nodes that are down."""
    for node in slurm.NODES:
        if is_down(cluster, node):
            cluster.run("slurmd", "-N", node)


def kill_steps(run: Run, job: str, _: str) -> None:
    run.cluster.run("scancel", "--signal=KILL", job)


def kill_job(run: Run, job: str, _: str) -> None:
    run.cluster.run("scancel", "--signal=KILL", "--full", job)


def requeue(run: Run, job: str, _: str) -> None:
    run.cluster.run("scontrol", "requeue", job)


def preempt(run: Run, _: str, node: str) -> None:
    options = ["--partition=urgent", f"--nodelist={node}", "--exclusive", "--output=/dev/null"]
    run.cluster.run("sbatch", *options, "--wrap=sleep 1")


def kill_snakemake(run: Run, job: str, _: str) -> None:
    """The training is halted, or it may have ended by the time that the next Snakemake looks for jobs left behind."""
    for process in run.wait(lambda: run.processes(job), "the training is at work, to be halted"):
        process.suspend()
    run.signal(signal.SIGKILL)


def interrupt_snakemake(run: Run, *_: str) -> None:
    run.signal(signal.SIGINT)


def kill_slurmd(run: Run, _: str, node: str) -> None:
    """The job goes on, but Slurm does not know that and sends it to the other node as well.

    On a fast machine the job, and all that follows it, may end before Slurm finds the node to be down.
    """
    run.cluster.kill_slurmd(node)
    run.until(lambda: is_down(run.cluster, node), f"{node} is found to be down")


# In this order: the last one's job may go on to the training's end, which leaves nothing to hit.
FAULTS: dict[str, Callable[[Run, str, str], None]] = {
    "scancel of the steps": kill_steps,
    "scancel of the job": kill_job,
    "requeue": requeue,
    "preemption": preempt,
    "Snakemake interrupted": interrupt_snakemake,
    "Snakemake killed": kill_snakemake,
    "slurmd killed": kill_slurmd,
}
MEMORY = "too little memory"


def small_project(folder: Path) -> None:
    """A small copy of two studies, whose rules are of all kinds; one training lasts until all faults have hit it."""
    copy_project(folder, overlaid(TINY, {"echonet": {"ef": {"epochs": 240}}, "mslesion": {"leak_control": False}}))
    configure(folder, studies=["echonet", "mslesion"], models={"mslesion": {"baselines": []}})
    profile = folder / "slurm/profile.yaml"
    text = profile.read_text()
    assert "status-checks: 5" in text
    profile.write_text(text.replace("status-checks: 5", "status-checks: 1"))


def half_done(reference: Path, folder: Path) -> None:
    """Copy a finished run in which one training and all that follows must run again."""
    shutil.copytree(reference, folder, symlinks=True)
    results = folder / "results"
    for stale in ("echonet/ef", "logs/echonet/train_ef", "checkpoints/echonet/ef", "checkpoints/echonet/predict_ef"):
        shutil.rmtree(results / stale, ignore_errors=True)
    for stale in ("report.html", "scoreboard.csv", "echonet/metrics.csv"):
        (results / stale).unlink()


def used(reference: Path, column: str) -> float:
    """What the training of a finished run used, by a column of its benchmark."""
    (benchmark,) = (reference / "results/benchmarks/echonet/train_ef").glob("*.tsv")
    return float(pd.read_csv(benchmark, sep="\t")[column].max())


def grant_too_little_memory(reference: Path, folder: Path) -> None:
    """Make the training ask for three quarters of the memory that it needs."""
    rules = folder / RULES
    text = rules.read_text()
    assert "needs_training(32000, 2880)" in text
    granted = int(0.75 * used(reference, "max_rss"))
    rules.write_text(text.replace("needs_training(32000, 2880)", f"needs_training({granted}, 2880)"))


def run_out_of_memory(run: Run, reference: Path) -> None:
    """Wait until the training has ended by its memory; later ones get enough, or they would end when nobody expects."""
    job = run.wait(run.training, "training runs")
    run.wait(lambda: "exceeded memory limit" in run.slurm_logs(), "the job goes over its memory")
    run.wait(lambda: run.training() != job, "the job that went over its memory ends")
    mended = run.folder / "mended.smk"
    shutil.copy(reference / RULES, mended)
    mended.replace(run.folder / RULES)


def hit(run: Run, fault: str, latest: float) -> None:
    """Do a fault to the training job at a random moment, and wait until that job is no longer at work.

    Args:
        latest: seconds after the start of the job or, one time in two, of the training in it.
    """
    job = run.wait(run.training, f"training runs, for {fault}")
    if run.chance.random() < 0.5:
        run.wait(lambda: run.processes(job[0]) or run.training() != job, f"training is at work, for {fault}")
    time.sleep(run.chance.uniform(0, latest))
    if run.training() != job:
        return hit(run, fault, latest)
    FAULTS[fault](run, job[0], job[2])
    run.wait(lambda: run.training() != job, f"job {job[0]} ends by {fault}")
    return None


def survive(folder: Path, cluster: slurm.Cluster, reference: Path, seed: int, faults: Sequence[str]) -> Run:
    """Run with faults, and compare what comes out with an undisturbed run's.

    Raises:
        AssertionError: the run did not end, or ended otherwise.
    """
    half_done(reference, folder)
    if MEMORY in faults:
        grant_too_little_memory(reference, folder)
    run = Run(folder, cluster, seed)
    if MEMORY in faults:
        run_out_of_memory(run, reference)
    latest = used(reference, "cpu_time") / len(faults)  # no training ends sooner, so each fault finds it at work
    for fault in faults:
        if fault != MEMORY:
            hit(run, fault, latest)
    run.until(run.has_ended, "the run ends")
    revive(cluster)
    assert outcome(folder) == outcome(reference), run.story("the results are not those of an undisturbed run")
    return run


def outcome(folder: Path) -> dict[str, bytes]:
    """Results that must not depend on faults: the scoreboard, and weights and history of each training."""
    results = folder / "results"
    paths = [results / "scoreboard.csv", *(results / "echonet").rglob("*.safetensors")]
    paths += (results / "echonet/ef").rglob("log.csv")
    return {str(path.relative_to(results)): path.read_bytes() for path in paths}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--faults", nargs="+", default=[MEMORY, *FAULTS], choices=[MEMORY, *FAULTS])
    args = parser.parse_args()
    # A shell starts what runs in the background with interrupts ignored, and so would Snakemake.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with slurm.two_nodes(**NODE) as cluster, tempfile.TemporaryDirectory() as temporary:
        reference = Path(temporary, "reference")
        small_project(reference)
        undisturbed = type_command(COMMAND, reference, cluster.inside)
        assert undisturbed.returncode == 0, undisturbed.stdout[-5000:]
        for _ in range(args.rounds):
            seed, began = random.SystemRandom().randrange(10**6), time.monotonic()
            run = survive(Path(temporary, str(seed)), cluster, reference, seed, args.faults)
            took = time.monotonic() - began
            print(f"seed {seed}: survived {', '.join(args.faults)}", flush=True)
            print(f"  command given {run.given} times, {took:.0f} s", flush=True)
            shutil.rmtree(run.folder)


if __name__ == "__main__":
    main()
