"""A real Slurm with two nodes, n1 and n2, on this machine during a test.

It lives in namespaces of its own: that of mounts gives it an own /etc/slurm (Snakemake's job steps drop SLURM_CONF).
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import namespaces

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
NODES = ("n1", "n2")

CONFIGURATION = """\
ClusterName=reprise
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
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
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
MinJobAge=3600
SlurmdTimeout=10
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdParameters=config_overrides
NodeName=n1 NodeHostName={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs={cpus} RealMemory={memory_mb} Gres=gpu:{gpus}
NodeName=n2 NodeHostName={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cpus} RealMemory={memory_mb} Gres=gpu:{gpus}
PartitionName=all Nodes=ALL Default=YES PriorityTier=1
PartitionName=cancelled Nodes=ALL PriorityTier=1 PreemptMode=CANCEL
PartitionName=urgent Nodes=ALL PriorityTier=2
"""

START = """\
set -e
mount --bind {folder}/etc /etc/slurm
munged --force --key-file={folder}/munge.key --socket={folder}/munge.socket --pid-file={folder}/munged.pid \
       --log-file={folder}/munged.log --seed-file={folder}/munged.seed
slurmctld -c
slurmd -N n1
slurmd -N n2
"""


class Cluster(namespaces.Inside):
    """A running cluster; its folder holds process numbers, too."""

    def kill_slurmd(self, node: str) -> None:
        """Kill a node's daemon; Slurm does not know that its jobs go on."""
        self.run("kill", "-KILL", (self.folder / f"slurmd.{node}.pid").read_text().strip())

    def logs(self) -> str:
        """The end of each daemon's log."""
        return "\n".join(f"{log.name}:\n{log.read_text()[-800:]}" for log in sorted(self.folder.glob("*.log")))


def obstacle() -> str | None:
    """The reason why no Slurm can start here, or None."""
    return namespaces.obstacle("Slurm", PROGRAMS, "slurmctld slurmd slurm-client munge")


@contextmanager
def two_nodes(cpus: int, memory_mb: int, gpus: int) -> Iterator[Cluster]:
    """Start the cluster, give each node so many CPUs and generic-resource GPUs; stop it in any case.

    Raises:
        RuntimeError: the nodes were not idle within five minutes; with the end of each daemon's log.
    """
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    _configure(folder, cpus, memory_mb, gpus)
    try:
        with namespaces.started(START.format(folder=folder)) as (holder, inside):
            cluster = Cluster(inside, folder)
            if not namespaces.is_soon(lambda: _is_idle(cluster), holder):
                raise RuntimeError(f"the test's Slurm did not start\n{cluster.logs()}")
            yield cluster
    finally:
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
        folder=folder, host=host, ports=free_ports(3), cpus=cpus, memory_mb=memory_mb, gpus=gpus
    )
    (etc / "slurm.conf").write_text(text)


def free_ports(count: int) -> list[int]:
    """Numbers of ports of this machine that nothing listens at."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _is_idle(cluster: Cluster) -> bool:
    command = [*cluster.inside, "sinfo", "--noheader", "--Node", "--partition=all", "--format=%T"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split() == ["idle"] * len(NODES)
