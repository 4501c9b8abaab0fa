"""The environment that the set-up makes."""

import sys
import sysconfig
from pathlib import Path


def test_the_environment_can_be_renamed_with_its_folder() -> None:
    environment, packages = Path(sys.prefix), Path(sysconfig.get_path("purelib"))
    library = Path((packages / "reprise.pth").read_text().strip())
    assert not library.is_absolute()
    assert (packages / library).resolve() == environment.parent.resolve() / "workflow_scripts"
    programs = [path for path in (environment / "bin").iterdir() if path.is_file() and not path.is_symlink()]
    starts = {path.name: path.read_bytes()[:300] for path in programs}
    scripts = {name: start for name, start in starts.items() if start.startswith(b"#!")}
    assert {"snakemake", "pytest"} <= scripts.keys()
    assert [name for name, start in scripts.items() if str(environment).encode() in start] == []
