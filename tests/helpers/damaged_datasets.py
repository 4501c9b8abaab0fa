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


def damaged_iseg(folder: Path) -> Parser:
    """iSeg-2017, with damage to a header, to voxels or to a name; `folder` keeps the sound data set."""
    from nibabel.analyze import AnalyzeHeader

    from iseg.data.conversion import convert_dataset
    from iseg.data.raw_subjects import check_dataset
    from iseg_dataset import write_iseg

    sound = write_iseg(Path(tempfile.mkdtemp(dir=folder)) / "raw", labelled=(1, 2, 3), others=(11,))
    names = sorted(path.relative_to(sound) for path in sound.rglob("subject-2-*"))

    def write(path: Path, rng: random.Random) -> None:
        shutil.copytree(sound, path)
        file = path / rng.choice(names)
        if rng.random() < 0.4:
            return flip_bytes(file, rng)
        if rng.random() < 0.2:
            return (
                file.rename(file.with_name(file.name.replace("2", rng.choice(("1", "02", "0", "9" * 7, "12")))))
                and None
            )
        with file.with_suffix(".hdr").open("rb") as stream:
            header = AnalyzeHeader.from_fileobj(stream, check=False)
        header[rng.choice(("dim", "pixdim"))][rng.randrange(8)] = rng.choice((0, -1, 1, 2, 7, 32767))
        header["datatype"] = rng.choice((2, 4, 8, 16, 64, 0, 99))
        return file.with_suffix(".hdr").write_bytes(header.binaryblock) and None

    return reader(check_dataset, convert_dataset), write


def damaged_medfm(folder: Path) -> Parser:
    """MedFMC, with damage to an image, to a CSV or to a list; `folder` keeps the sound data set."""
    from functools import partial

    from medfm.data.conversion import convert_dataset
    from medfm.data.raw_images import check_dataset
    from medfm_dataset import LISTS, name_of, write_medfm

    sound = write_medfm(Path(tempfile.mkdtemp(dir=folder)) / "raw")
    images = [f"MedFMC_train/{task}/images/{name_of(task, 1)}" for task in ("chest", "colon", "endo")]
    texts = [f"MedFMC_train/{task}/{task}_train.csv" for task in ("chest", "colon", "endo")]
    texts += [f"{LISTS}/endo/{name}.txt" for name in ("train_20", "test_WithoutLabel", "endo_5-shot_train_exp2")]

    def write(path: Path, rng: random.Random) -> None:
        shutil.copytree(sound, path)
        if rng.random() < 0.5:
            return flip_bytes(path / rng.choice(images), rng)
        file = path / rng.choice(texts)
        if rng.random() < 0.3:
            return flip_bytes(file, rng)
        separator = " " if file.suffix == ".txt" else ","
        rows = [line.split(separator) for line in file.read_text().splitlines()]
        row = rows[rng.randrange(len(rows))]
        row[rng.randrange(len(row))] = str(value(rng))
        text = "\n".join(separator.join(row) for row in rows)
        return file.write_text(text, encoding="utf-8", errors="replace") and None

    return reader(check_dataset, partial(convert_dataset, size=16)), write


def reader(check: Callable[[Path], Any], convert: Callable[..., None]) -> Callable[[Path], None]:
    """Checks and converts a data set."""

    def read(path: Path) -> None:
        checked = check(path)
        try:
            convert(path, checked.manifest, checked.cases, path / "store")
        except InputError as error:
            raise AssertionError("the check accepted what the conversion refuses") from error

    return read
