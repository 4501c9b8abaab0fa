"""Small data sets in which one file is damaged: what the check of a study accepts, its conversion must take."""

import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mutations import flip_bytes, value
from reprise.step.errors import InputError

Parser = tuple[Callable[[Path], object], Callable[[Path, random.Random], object]]


def damaged_echonet(folder: Path) -> Parser:
    """EchoNet-Dynamic, with damage to a table or a video; `folder` keeps the sound data set."""
    from echonet.data.conversion import convert_dataset
    from echonet.data.raw_dataset import check_dataset
    from echonet_dataset import write_dataset

    sound = write_dataset(Path(tempfile.mkdtemp(dir=folder)) / "raw")

    def write(path: Path, rng: random.Random) -> None:
        shutil.copytree(sound, path)
        name = rng.choice(("FileList.csv", "VolumeTracings.csv", "Videos/0XA.avi"))
        if name.endswith("avi") or rng.random() < 0.5:
            return flip_bytes(path / name, rng)
        rows = [line.split(",") for line in (path / name).read_text().splitlines()]
        row = rows[rng.randrange(3)]
        row[rng.randrange(len(row))] = str(value(rng))
        text = "\n".join(",".join(row) for row in rows)
        return (path / name).write_text(text, encoding="utf-8", errors="replace") and None

    return reader(check_dataset, convert_dataset), write


def damaged_acdc(folder: Path) -> Parser:
    """ACDC, with damage to an Info.cfg, a cine, a frame or its labels; `folder` keeps the sound data set."""
    import gzip

    from acdc.data.conversion import convert_dataset
    from acdc.data.raw_patients import check_dataset
    from acdc_dataset import write_acdc

    sound = write_acdc(Path(tempfile.mkdtemp(dir=folder)) / "raw")
    for packed in sound.rglob("*.nii.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    names = sorted(path.relative_to(sound) for path in (sound / "training/patient010").glob("*.nii"))

    def write(path: Path, rng: random.Random) -> None:
        shutil.copytree(sound, path)
        info = path / "training/patient010/Info.cfg"
        if rng.random() < 0.6:
            return flip_bytes(path / rng.choice(names), rng)
        if rng.random() < 0.3:
            return flip_bytes(info, rng)
        lines = [line.partition(":")[::2] for line in info.read_text().splitlines()]
        lines[rng.randrange(len(lines))] = (rng.choice(("ED", "ES", "Group", "", "x")), str(value(rng)))
        text = "\n".join(f"{key}: {content}" for key, content in lines)
        return info.write_text(text, encoding="utf-8", errors="replace") and None

    return reader(check_dataset, convert_dataset), write


def reader(check: Callable[[Path], Any], convert: Callable[..., None]) -> Callable[[Path], None]:
    """Checks and converts a data set."""

    def read(path: Path) -> None:
        checked = check(path)
        try:
            convert(path, checked.manifest, checked.cases, path / "store")
        except InputError as error:
            raise AssertionError("the check accepted what the conversion refuses") from error

    return read
