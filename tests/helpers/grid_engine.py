"""A real Grid Engine of one node on this machine during a test, in namespaces of its own, as in slurm.py."""

import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import namespaces
from slurm import free_ports

PROGRAMS = ("sge_qmaster", "sge_execd", "qsub", "qconf")
INSTALLED, FILES = Path("/var/lib/gridengine"), Path("/usr/share/gridengine")

BOOTSTRAP = """\
admin_user none
default_domain none
ignore_fqdn true
spooling_method classic
spooling_lib libspoolc
spooling_params {folder}/default/common;{folder}/spool
binary_path /usr/sbin
qmaster_spool_dir {folder}/spool
security_mode none
listener_threads 2
worker_threads 2
scheduler_threads 1
"""
# What `qconf` is given to change, by its option. Jobs end ten seconds after their warning.
SETTINGS = {
    "-msconf": {"schedule_interval": "0:0:1", "flush_submit_sec": "1", "flush_finish_sec": "1"},
    "-mc": {"mem_free": "mf MEMORY <= YES JOB 0 0", "arch": "a RESTRING == YES NO NONE 0\\ngpu g INT <= YES JOB 0 0"},
    "-me localhost": {"complex_values": "mem_free={memory_mb}M,gpu={gpus}", "load_scaling": "mem_free=1000"},
    "-ap smp": {"slots": "999"},
    "-aq all.q": {
        "hostlist": "localhost",
        "slots": "{cpus}",
        "pe_list": "smp",
        "load_thresholds": "NONE",
        "notify": "00:00:10",
    },
}

# The daemons find each other by the name of this machine, which need not be that of its address.
START = """\
set -e
/usr/lib/gridengine/spoolinit classic libspoolc "{folder}/default/common;{folder}/spool" init
/usr/lib/gridengine/spooldefaults configuration {folder}/configuration
/usr/lib/gridengine/spooldefaults complexes {files}/util/resources/centry
/usr/lib/gridengine/spooldefaults usersets {files}/util/resources/usersets
/usr/lib/gridengine/spooldefaults managers root
sge_qmaster >{folder}/qmaster.log 2>&1
until qconf -sh >/dev/null 2>&1; do sleep 0.2; done
qconf -as localhost
sge_execd >{folder}/execd.log 2>&1
"""


class Grid(namespaces.Inside):
    """A running Grid Engine."""

    def logs(self) -> str:
        """The end of each daemon's messages."""
        logs = [*self.folder.glob("*.log"), *self.folder.rglob("messages")]
        return "\n".join(f"{log.relative_to(self.folder)}:\n{log.read_text()[-800:]}" for log in sorted(logs))


def obstacle() -> str | None:
    """The reason why no Grid Engine can start here, or None."""
    return namespaces.obstacle("Grid Engine", PROGRAMS, "gridengine-master gridengine-exec gridengine-client")


@contextmanager
def one_node(cpus: int, memory_mb: int, gpus: int) -> Iterator[Grid]:
    """Start a Grid Engine whose node says that it has so much; stop it in any case.

    Raises:
        RuntimeError: the node was not there within five minutes; with the end of each daemon's messages.
    """
    folder = Path(tempfile.mkdtemp(prefix="sge-"))
    _lay_out(folder)
    ports = dict(zip(("SGE_QMASTER_PORT", "SGE_EXECD_PORT"), map(str, free_ports(2)), strict=True))
    names = {"SGE_ROOT": str(folder), "SGE_CELL": "default", **ports}
    words = ("env", *(f"{name}={value}" for name, value in names.items()))
    try:
        with namespaces.started(START.format(folder=folder, files=FILES), *words) as (holder, inside):
            grid = Grid(inside, folder)
            if not namespaces.is_soon(lambda: _has_node(grid), holder):
                raise RuntimeError(f"the test's Grid Engine did not start\n{grid.logs()}")
            _configure(grid, cpus=cpus, memory_mb=memory_mb, gpus=gpus)
            yield grid
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lay_out(folder: Path) -> None:
    folder.chmod(0o755)
    for path in INSTALLED.iterdir():
        if path.name != "default":
            (folder / path.name).symlink_to(path)
    common = folder / "default/common"
    for path in (common, folder / "spool", folder / "execd"):
        path.mkdir(parents=True)
    (common / "act_qmaster").write_text("localhost\n")
    (common / "host_aliases").write_text(f"localhost {socket.gethostname()}\n")
    (common / "bootstrap").write_text(BOOTSTRAP.format(folder=folder))
    configuration = (FILES / "default-configuration").read_text().replace("/var/spool/gridengine", str(folder))
    configuration = configuration.replace("flush_time=00:00:15", "flush_time=00:00:00")
    (folder / "configuration").write_text(re.sub(r"(?m)^(min_[ug]id) .*", r"\1 0", configuration))  # lets root in


def _configure(grid: Grid, **node: int) -> None:
    """Change the settings by `qconf`, which calls an editor."""
    editor = grid.folder / "editor"
    for option, values in SETTINGS.items():
        edits = (f"s|^{name} .*|{name} {value.format(**node)}|" for name, value in values.items())
        editor.write_text(f"#!/bin/sh\nexec sed -i -e '{'; '.join(edits)}' \"$1\"\n")
        editor.chmod(0o755)
        grid.run("env", f"EDITOR={editor}", "qconf", *option.split())


def _has_node(grid: Grid) -> bool:
    command = [*grid.inside, "qconf", "-sel"]
    return "localhost" in subprocess.run(command, capture_output=True, text=True, check=False).stdout
