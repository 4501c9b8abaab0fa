"""A tiny, sound data set in the EchoNet-Dynamic format, which tests then spoil."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from echonet.data.avi import write_mjpg

FILE_LIST = "FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split"
TRACINGS = "FileName,X1,Y1,X2,Y2,Frame"
CASES = {"0XA": "TRAIN", "0XB": "TRAIN", "0XC": "VAL", "0XD": "TEST"}
FRAMES, ED, ES = 70, 5, 20
SHORT = 10  # a radius in pixels; the ED ellipse is twice as wide


def write_dataset(root: Path) -> Path:
    """Four traced videos of 70 frames: two TRAIN, one VAL, one TEST; EF is 50 and nothing in it is unusual."""
    (root / "Videos").mkdir(parents=True)
    rows = [f"{case},50,40,80,112,112,50,{FRAMES},{split}" for case, split in CASES.items()]
    (root / "FileList.csv").write_text("\n".join([FILE_LIST, *rows, ""]))
    lines = [line for case in CASES for line in (*trace(case, ES, SHORT), *trace(case, ED, 2 * SHORT))]
    (root / "VolumeTracings.csv").write_text("\n".join([TRACINGS, *lines, ""]))
    for seed, case in enumerate(CASES):
        write_mjpg(root / "Videos" / f"{case}.avi", beating(seed), 50)
    return root


def trace(case: str, frame: int, radius: float) -> list[str]:
    """A row of `VolumeTracings.csv` for each line of an ellipse's tracing."""
    return [",".join([f"{case}.avi", *(f"{x:.4f}" for x in line), str(frame)]) for line in ellipse(radius)]


def ellipse(radius: float, long: float = 30, centre: tuple[float, float] = (56, 60)) -> np.ndarray:
    """Tracing (21, 4) of an upright ellipse: its long axis, then 20 chords from apex to base."""
    x, y = centre
    heights = y + long * (np.arange(20) - 9.5) / 10
    half = radius * np.sqrt(1 - ((heights - y) / long) ** 2)
    chords = np.stack([x - half, heights, x + half, heights], axis=1)
    return np.vstack([[x, y - long, x, y + long], chords])


def beating(seed: int, frames: int = FRAMES) -> np.ndarray:
    """Frames (F, 112, 112, 3) uint8 of smooth colours that differ from frame to frame and by seed."""
    y, x, f = np.ogrid[:112, :112, :frames]
    wave = 128 + 60 * np.sin((x + 10 * seed) / 15 + f / 5) + 60 * np.cos(y / 20 - f / 7)
    return np.repeat(wave.transpose(2, 0, 1)[..., None], 3, axis=3).astype(np.uint8)


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Rewrite a text file, which must come out changed."""
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))


def without_tracings_of(case: str) -> Callable[[str], str]:
    """For `edit`: leave out every row of a table that begins with a name."""
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if not line.startswith(case))
