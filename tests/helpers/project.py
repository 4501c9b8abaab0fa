"""A copy of the project to run in: a fresh clone together with changes that are not committed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
# The state before any test: R in this process adds library folders that other programs must not see.
BEFORE_TESTS = dict(os.environ)
TINY: dict[str, dict[str, Any]] = {
    "echonet": {
        "segmentation": {"epochs": 1},
        "ef": {"epochs": 1},
        "bootstrap": {"resamples": 100},
        "beats": {"runs": 5},
        "videos": {"cases": 1},
        "phantom": {"videos": 24, "split": [0.5, 0.25, 0.25]},
    },
    "mslesion": {
        "folds": 3,
        "training": {"epochs": 1},
        "baselines": {"unet_2d": {"epochs": 1}, "unet_3d": {"epochs": 1, "blocks_a_scan": 1}},
        "reported_epochs": [1],
        "bootstrap": {"resamples": 100},
        "phantom": {"shape": [30, 40, 12], "spacing_mm": [5, 5, 10.5]},
    },
    "acdc": {
        "slices": {"draws": 1, "test_draws": 1},
        "training": {"epochs": {"unet": 1, "linknet": 1, "fpn": 1, "pspnet": 1}},
        "snapshots": 1,
        "baselines": {"unet_2d": {"epochs": 1}, "unet_3d": {"epochs": 1, "blocks_a_scan": 1}},
        "search": {"draws": 4, "slices": 10},
        "ensembles": {"draws": 20},
        "costs": {"repeats": 1},
        "bootstrap": {"resamples": 100},
        "examples": {"patients": 1},
        "phantom": {"training": 1, "testing": 1, "frames": 4},
    },
    "iseg": {
        "thesis": {"crops": {"train": 2, "val": 1}, "epochs": 1},
        "master": {"crops": {"train": 2, "val": 1}, "epochs": 1},
        "sound": {"crops_a_volume": 1, "epochs": 1},
        "costs": {"repeats": 1},
        "bootstrap": {"resamples": 100},
        "phantom": {"unlabelled": 1},
    },
    "medfm": {
        "store_size": 32,
        "writeup": {"size": 32, "resize": 32, "epochs": 1},
        "challenge": {"size": 32, "epochs": 1},
        "sound": {"size": 32, "epochs": 1},
        "few_shot": {"shots": [1], "experiments": [1], "size": 32, "epochs": 1, "linear_probe": {"steps": 5}},
        "explain": {"images": 1, "steps": 2},
        "bootstrap": {"resamples": 100},
        "phantom": {"images": {"chest": 120, "colon": 60, "endo": 80}, "size": 48},
    },
}


def copy_project(folder: Path, demo: Mapping[str, Any] | None = None) -> None:
    """Copy the project's files to `folder`, with other hyper-parameters laid over those of each study's demo."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for study, changes in (demo or {}).items():
        settings = folder / f"config/{study}.yaml"
        schedules = yaml.safe_load(settings.read_text())
        settings.write_text(yaml.safe_dump(schedules | {"demo": overlaid(schedules["demo"], changes)}))


def overlaid(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings, with other settings in place of some."""
    below = {key: overlaid(base.get(key, {}), new) for key, new in changes.items() if isinstance(new, dict)}
    return {**base, **changes, **below}


def configured(folder: Path, **changes: Any) -> str:
    """The text of a project's config.yaml with some of its keys changed."""
    return yaml.safe_dump(overlaid(yaml.safe_load((folder / "config.yaml").read_text()), changes))


def configure(folder: Path, **changes: Any) -> None:
    """Change some keys of a project's config.yaml."""
    (folder / "config.yaml").write_text(configured(folder, **changes))


def environment() -> dict[str, str]:
    """The environment with the project's programs first, as after `source .venv/bin/activate`."""
    return BEFORE_TESTS | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{BEFORE_TESTS['PATH']}"}


def type_command(command: str, folder: Path, inside: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Type a command in `folder`: its status, and all output as one text."""
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.run([*inside, *command.split()], cwd=folder, env=environment(), check=False, **output)
