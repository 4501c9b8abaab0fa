"""A real Slurm of two nodes, n1 and n2, on this machine for the length of a test.

It lives in mount and PID namespaces of its own: the mount namespace gives it an own /etc/slurm (Snakemake's
job steps drop SLURM_CONF), and once the test is over, however it ended, the kernel kills whatever is left of it.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "unshare", "nsenter")
NODES = ("n1", "n2")
READY_SECONDS = 60

CONFIGURATION = """\
ClusterName=reprise
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
ReturnToService=2
SlurmUser=root
SlurmdUser=root
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
SchedulerParameters=sched_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MinJobAge=3600
SlurmdParameters=config_overrides
NodeName=n1 NodeHostName={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs={cpus} RealMemory={memory_mb} Gres=gpu:{gpus}
NodeName=n2 NodeHostName={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cpus} RealMemory={memory_mb} Gres=gpu:{gpus}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

# `cat` waits for the test's end of a pipe to close, be it by the test's death: then the shell, the namespace's first
# process, ends, and the kernel kills all others before anyone learns of that. Until then the shell reaps orphans.
START = """\
set -e
mount --bind {folder}/etc /etc/slurm
munged --force --key-file={folder}/munge.key --socket={folder}/munge.socket --pid-file={folder}/munged.pid \
       --log-file={folder}/munged.log --seed-file={folder}/munged.seed
slurmctld -c
slurmd -N n1
slurmd -N n2
cat; exit
"""


def obstacle() -> str | None:
    """Why no Slurm can be started here, or None."""
    if os.geteuid() != 0:
        return "starting a Slurm takes root"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (apt-get install slurmctld slurmd slurm-client munge)"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"], check=False).returncode:
        return "this sandbox allows no new namespaces"
    return None


@contextmanager
def two_nodes(cpus: int, memory_mb: int, gpus: int) -> Iterator[tuple[str, ...]]:
    """Start the cluster, give each node so many CPUs and generic-resource GPUs; stop it in any case.

    Yields the words to put before a command that is to run where the cluster is (in the same working directory).

    Raises:
        RuntimeError: the nodes were not idle within a minute; with the end of each daemon's log.
    """
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    _configure(folder, cpus, memory_mb, gpus)
    holder = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
        + [START.format(folder=folder)],
        stdin=subprocess.PIPE,
    )
    spaces = f"/proc/{holder.pid}/ns"
    inside = ("nsenter", f"--mount={spaces}/mnt", f"--pid={spaces}/pid_for_children", "--wd=.")
    try:
        _wait_until_idle(inside, folder, holder)
        yield inside
    finally:
        holder.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder: Path, cpus: int, memory_mb: int, gpus: int) -> None:
    folder.chmod(0o755)
    etc = folder / "etc"
    etc.mkdir()
    (folder / "state").mkdir()
    for node in NODES:
        (folder / f"spool.{node}").mkdir()
    key = folder / "munge.key"
    key.touch(0o600)
    key.write_bytes(os.urandom(1024))
    devices = {node: [folder / f"{node}-gpu{number}" for number in range(gpus)] for node in NODES}
    for device in [*devices["n1"], *devices["n2"]]:
        device.touch()
    lines = [f"NodeName={node} Name=gpu File={device}" for node in NODES for device in devices[node]]
    (etc / "gres.conf").write_text("\n".join(lines) + "\n")
    host = socket.gethostname()
    text = CONFIGURATION.format(
        folder=folder, host=host, ports=_free_ports(3), cpus=cpus, memory_mb=memory_mb, gpus=gpus
    )
    (etc / "slurm.conf").write_text(text)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait_until_idle(inside: tuple[str, ...], folder: Path, holder: subprocess.Popen[bytes]) -> None:
    command = [*inside, "sinfo", "--noheader", "--Node", "--format=%T"]
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and holder.poll() is None:
        states = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
        if states == ["idle"] * len(NODES):
            return
        time.sleep(0.5)
    logs = "\n".join(f"{log.name}:\n{log.read_text()[-1500:]}" for log in sorted(folder.glob("*.log")))
    raise RuntimeError(f"the test's Slurm did not start\n{logs}")
