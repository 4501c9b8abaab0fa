# ruff: noqa: E402
"""Damages files in many ways and reads them: each is read, or refused in one line, within the memory.

usage: python tests/fuzz.py PARSER N [SEED]      e.g. python tests/fuzz.py weights 1000

Half of the mutations change bytes. The others change values behind a valid form: elements of DICOM, fields of NIfTI,
tensors and info of weights, arrays of a store or checkpoint with right checksums, cells of tables, keys of YAML.
"""

import copy
import json
import random
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / part)
    for part in ("workflow_scripts", "tests/acdc", "tests/echonet", "tests/helpers", "tests/iseg", "tests/medfm")
]

import numpy as np
import pandas as pd
import torch
import yaml

from damaged_datasets import damaged_acdc, damaged_echonet, damaged_iseg, damaged_medfm
from mutations import flip_bytes, mutate, odd_tensor, value, write_odd_dicom
from reprise.step.errors import InputError

MOST_BYTES = 2**31  # that reading one file may add to the process's memory
Parser = tuple[Callable[[Path], object], Callable[[Path, random.Random], object]]


def weights() -> Parser:
    """State dicts of others, in PyTorch's format."""
    from reprise.models.initial import read_state_dict

    def write(path: Path, rng: random.Random) -> None:
        state = {"a.weight": torch.ones(4, 3), "b": torch.zeros(2), "n": torch.tensor(3)}
        state[rng.choice(("a.weight", "b", 3, ("x",), "\ud83d"))] = odd_tensor(rng)  # type: ignore[index]
        torch.save(
            rng.choice((state, {"state_dict": state}, [state])), path, _use_new_zipfile_serialization=rng.random() < 0.7
        )

    return read_state_dict, write


def own_weights() -> Parser:
    """Weights of this pipeline: the arrays fit, the info does not."""
    from echonet.learning.video_network import EF_INFO, video_network
    from reprise.models.weights import load_model, save_model

    model = video_network("r3d_18", 0.01)
    info = {"kind": "ef", "network": "r3d_18", "width": 0.01, "frames": 8, "period": 2}
    info |= {"normalisation": {"mean": [1.0], "std": [2.0]}, "settings": {"precision": "fp32", "downsample": 1}}

    def write(path: Path, rng: random.Random) -> None:
        changed = mutate(copy.deepcopy(info), rng)
        save_model(path, model, json.loads(json.dumps(changed, default=str)))

    def read(path: Path) -> None:
        load_model(path, torch.device("cpu"), "ef", video_network, *EF_INFO)

    return read, write


def store() -> Parser:
    """Stores whose digests are right."""
    from reprise.data.store import open_store, write_store

    cases = pd.DataFrame({"case": ["a", "NA"], "patient": ["1", "2"], "offset": [0, 2], "frames": [2, 3]})

    def write(path: Path, rng: random.Random) -> None:
        write_store(path, cases, {"frames": np.zeros((5, 4), np.uint8)})
        digests = json.loads((path / "sha256.json").read_text())
        kind = rng.randrange(4)
        if kind == 0:
            odd = rng.choice(([{}], ["a"], [1 + 2j], np.zeros(2, [("a", int)]), np.zeros(0)))
            np.save(path / "frames.npy", np.array(odd), allow_pickle=True)
        elif kind == 1:
            header = str({"descr": value(rng), "fortran_order": False, "shape": value(rng)}).encode("utf-8", "replace")
            header = header[:60_000]
            start = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little")
            (path / "frames.npy").write_bytes(start + header + bytes(20))
        elif kind == 2:
            (path / "sha256.json").write_text(json.dumps(mutate(digests, rng), default=str))
        else:
            flip_bytes(path / rng.choice(("cases.csv", "frames.npy", "sha256.json")), rng)

    return open_store, write


def checkpoint() -> Parser:
    """Checkpoints of a training run, whose identity and checksum are right."""
    from reprise.training.checkpoint import save_checkpoint
    from reprise.training.interval import Interval
    from reprise.training.keeper import Keeper

    state = {"best": {"best": {"epoch": 1}}, "epoch": 1, "model": {"a": torch.ones(2)}, "history": [{"loss": 1.0}]}

    def write(path: Path, rng: random.Random) -> None:
        path.mkdir()
        save_checkpoint(path / "best-000000001.ckpt", {"a": torch.ones(2)}, "id")
        save_checkpoint(path / "last-000000001.ckpt", state, "id")
        if rng.random() < 0.5:
            save_checkpoint(path / "last-000000002.ckpt", mutate(copy.deepcopy(state), rng), "id")
        else:
            flip_bytes(path / "last-000000001.ckpt", rng)

    def read(path: Path) -> None:
        with Keeper(path, "id", Interval(), False) as keeper:
            keeper.newest(torch.device("cpu"))

    return read, write


def prediction() -> Parser:
    """What a killed prediction has left."""
    from reprise.inference.parts import resumed

    made = {"x": np.arange(9.0)}

    def read(path: Path) -> None:
        kept = resumed(path, "id", ["a", "b"], lambda todo: [made for _ in todo])
        assert all(np.array_equal(part["x"], made["x"]) for part in kept), "a damaged result was used"

    def write(path: Path, rng: random.Random) -> None:
        read(path)
        (file,) = path.glob("*.jsonl")
        if rng.random() < 0.5:
            flip_bytes(file, rng)
        else:
            lines = [json.loads(line) for line in file.read_text().splitlines()]
            file.write_text("".join(json.dumps(line, default=str) + "\n" for line in [mutate(lines[0], rng), lines[1]]))

    return read, write


def table() -> Parser:
    """Tables that steps give each other."""
    from reprise.step.tables import read_table

    def write(path: Path, rng: random.Random) -> None:
        rows = [["case", "n", "x", "yes"], ["a", 1, 0.5, True], ["b", 2, "", False]]
        rows[rng.randrange(3)][rng.randrange(4)] = value(rng)
        text = "\n".join(",".join(str(cell) for cell in row) for row in rows)
        path.write_text(text, encoding=rng.choice(("utf-8", "utf-16", "latin-1")), errors="replace")

    return lambda path: read_table(path, {"case": str, "n": int, "x": float, "yes": bool}), write


def avi() -> Parser:
    """One video, its header and its pictures."""
    from echonet.data.avi import avi_header, read_video, write_mjpg
    from echonet_dataset import beating

    sound = Path(tempfile.mkdtemp(dir=FOLDER)) / "clip.avi"
    write_mjpg(sound, beating(0, 5), 25)

    def read(path: Path) -> None:
        avi_header(path.read_bytes(), path)
        read_video(path)

    return read, lambda path, rng: (path.write_bytes(sound.read_bytes()), flip_bytes(path, rng))


def nifti() -> Parser:
    """Volumes whose header fields are odd."""
    from nibabel.nifti1 import Nifti1Header

    from reprise.data.nifti import plain_header, read_volume

    def write(path: Path, rng: random.Random) -> None:
        header = Nifti1Header(plain_header((4, 5, 6)), check=False)
        header["magic"], header["vox_offset"], header["datatype"], header["bitpix"] = b"n+1", 352, 16, 32
        names = [name for name in header if name not in ("sizeof_hdr", "magic")]
        for name in rng.sample(names, rng.choice((0, 1, 3))):
            field = header[name]
            if field.dtype.kind in "fiu":
                odd = np.array(rng.choice((0, -1, 2**15 - 1, np.inf, np.nan, 1e38, 0.5)))
                with np.errstate(all="ignore"):
                    header[name] = odd.astype(field.dtype)
        path.write_bytes(header.binaryblock + bytes(4) + np.ones(120, np.float32).tobytes())
        if rng.random() < 0.3:
            flip_bytes(path, rng)

    return read_volume, write


def dicom() -> Parser:
    """Multi-frame DICOM clips whose elements are odd."""
    from echonet.data.clip_reader import read_clip

    return read_clip, write_odd_dicom


def configuration() -> Parser:
    """The configuration, as Snakemake hands it over."""
    from reprise.engine.configuration import check_configuration, read_as_typed, refuse_endless

    sound = yaml.safe_load((Path(__file__).resolve().parents[1] / "config.yaml").read_text())

    def write(path: Path, rng: random.Random) -> None:
        changed = sound
        for _ in range(rng.choice((1, 2))):
            changed = mutate(copy.deepcopy(changed), rng)
        aliases = "".join(f"a{one}: &a{one} [{f'*a{one - 1}, ' * 9}]\n" for one in range(1, rng.choice((1, 1, 3, 30))))
        text = yaml.safe_dump(changed if isinstance(changed, dict) else {"seed": changed})
        path.write_text(f"a0: &a0 [x]\n{aliases}" * (rng.random() < 0.3) + text)

    def read(path: Path) -> None:
        try:
            config = yaml.safe_load(path.read_text())
        except (yaml.YAMLError, UnicodeDecodeError):
            return  # Snakemake reads the file, and refuses it itself
        if not isinstance(config, dict):
            return  # the same
        refuse_endless("config.yaml", config)
        read_as_typed(config)
        check_configuration(config)

    return read, write


FOLDER: Path
PARSERS: dict[str, Callable[[], Parser]] = {
    make.__name__: make
    for make in (
        weights,
        own_weights,
        store,
        checkpoint,
        prediction,
        table,
        avi,
        nifti,
        dicom,
        configuration,
    )
}
# Whole data sets on disk, with damage to one file.
PARSERS |= {
    "echonet": lambda: damaged_echonet(FOLDER),
    "acdc": lambda: damaged_acdc(FOLDER),
    "iseg": lambda: damaged_iseg(FOLDER),
    "medfm": lambda: damaged_medfm(FOLDER),
}


def fuzz(parser: str, count: int, folder: Path, seed: int = 0) -> list[str]:
    """Read so many damaged files; what each fault was, one text per file that was neither read nor refused."""
    global FOLDER
    FOLDER = folder
    read, write = PARSERS[parser]()
    faults = []
    for number in range(count):
        rng = random.Random(f"{parser}-{seed}-{number}")
        path = folder / f"{parser}-{seed}-{number}.nii"
        write(path, rng)
        if path.is_file() and rng.random() < 0.3:
            flip_bytes(path, rng)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        try:
            read(path)
        except InputError as error:
            if "\0" in str(error) or "\x1b" in str(error):
                faults.append(f"{path}: control characters in {str(error)!r}")
        except Exception:
            faults.append(f"{path}\n{traceback.format_exc()}")
        added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - before
        if added > MOST_BYTES:
            faults.append(f"{path}: took {added >> 20} MB")
    return faults


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in PARSERS:
        sys.exit(f"{__doc__}\nparsers: {', '.join(PARSERS)}")
    kept = Path(tempfile.mkdtemp(prefix="fuzz-"))
    found = fuzz(sys.argv[1], int(sys.argv[2]), kept, int((sys.argv[3:] or ["0"])[0]))
    print("\n".join(found))
    print(f"{sys.argv[1]}: {sys.argv[2]} files, {len(found)} faults; the files are kept in {kept}")
    sys.exit(bool(found))
