"""One NIfTI volume, read into one canonical orientation, and a mask written back on the grid it came from.

Read: NIfTI-1 and NIfTI-2, either byte order, `.nii`, `.nii.gz`, and pairs of `.hdr` and `.img` (also `.gz`).
The sform says how the axes lie, else the qform. If the header has neither (both codes 0), it states no
orientation: the axes are then taken as left, anterior, superior, as most tools do, and `stated` is False.
"""

import gzip
import io
import math
import stat
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt2axcodes,
    ornt_transform,
)
from nibabel.spatialimages import HeaderDataError

from reprise.step.errors import InputError

ENDINGS = (".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz")
HEADERS = {348: Nifti1Header, 540: Nifti2Header}  # by the size that the first field of the file states
HEADER_SIZE = max(HEADERS)
MAGIC = {348: (b"n+1\0", b"ni1\0"), 540: (b"n+2\0", b"ni2\0")}  # header and voxels in one file, or in two
UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}  # metres, millimetres, micrometres
DEFLATE_RATIO = 1032  # the most that one byte of a .gz file can become
SPARE_BYTES = 2**20  # more than this behind the last voxel is no padding
MOST_VOXELS = 2**30  # of a scan; a header that states more would fill the memory, from a small .gz file too
CANONICAL = axcodes2ornt(("R", "A", "S"))
Header = Nifti1Header | Nifti2Header


class Volume(NamedTuple):
    """A volume in canonical orientation, and what its file says of how it was stored.

    `voxels` (X, Y, Z): the axes run to the right, the front and the top; scaled values if the file scales them.
    `affine` (4, 4): from canonical voxel to the file's own coordinates, in mm.
    """

    voxels: np.ndarray
    affine: np.ndarray
    spacing_mm: tuple[float, float, float]
    orientation: str  # of the stored axes, such as LAS
    stated: bool
    header: bytes  # as in the file: 348 or 540 bytes


def read_volume(path: str | Path) -> Volume:
    """Read one volume; trailing axes of length 1 are dropped.

    Raises:
        InputError: no such regular file, no NIfTI, half of a pair missing, truncated, more than one volume or than
            2^30 voxels, voxels that are no numbers, NaN or infinite, or an affine that no grid can have.
    """
    head, body = volume_files(path)
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused
            return _read(head, body)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: not readable ({getattr(error, 'strerror', None) or error})") from error
    except (HeaderDataError, ValueError, OverflowError, np.linalg.LinAlgError) as error:
        raise InputError(f"{path}: damaged header ({error})") from error


def volume_files(path: str | Path) -> tuple[Path, Path]:
    """The file of the header and the file of the voxels (often the same), both of them regular files.

    Raises:
        InputError: another ending, no such file, half of a pair missing, a folder, a pipe or a loop of links.
    """
    path = Path(path)
    ending = next((ending for ending in sorted(ENDINGS, key=len, reverse=True) if path.name.endswith(ending)), "")
    if not ending:
        raise InputError(f"{path}: expected a file that ends with {', '.join(ENDINGS[:4])}")
    stem, packed = path.name.removesuffix(ending), ".gz" if ending.endswith(".gz") else ""
    paired = not ending.startswith(".nii")
    names = (f"{stem}.hdr{packed}", f"{stem}.img{packed}") if paired else (path.name, path.name)
    head, body = (path.with_name(name) for name in names)
    for file in (head, body):
        refuse_irregular(file)
    return head, body


def write_mask(path: str | Path, mask: np.ndarray, header: bytes) -> None:
    """Write a canonical mask (X, Y, Z) uint8 as a `.nii` or `.nii.gz` on the grid of the scan with this header.

    The header stays as it is but for what the voxels' type requires; header extensions are not carried over.

    Raises:
        InputError: the mask has not the scan's shape.
    """
    scan = _parse_header(header)
    shape = tuple(int(length) for length in scan.get_data_shape())
    stored = apply_orientation(mask, ornt_transform(CANONICAL, io_orientation(_affine(scan)[0])))
    if stored.shape != shape[:3]:
        raise InputError(f"{path}: the scan's grid is {shape[:3]}, the mask's {stored.shape}")
    scan.set_data_dtype(np.uint8)
    size = int(scan["sizeof_hdr"])
    scan["magic"] = MAGIC[size][0] if size == 348 else b"n+2\0\r\n\x1a\n"
    scan["vox_offset"] = size + 4
    scan["scl_slope"], scan["scl_inter"], scan["cal_min"], scan["cal_max"] = 1, 0, 0, 0
    data = scan.binaryblock + bytes(4) + stored.astype(np.uint8).tobytes(order="F")
    packed = Path(path).name.endswith(".gz")
    Path(path).write_bytes(gzip.compress(data, 6, mtime=0) if packed else data)


def without_text(header: bytes) -> bytes:
    """The same header with its free text blank: a scanner or a converter may have left a name or a date in it."""
    blank = _parse_header(header)
    for field in _text_fields(blank):
        blank[field] = b""
    return bytes(blank.binaryblock)


def header_text(path: Path) -> str:
    """The free text of a file's header (descrip, aux_file, db_name and so on), "" if it cannot be read."""
    try:
        refuse_irregular(path)
        with _opened(path) as stream:
            header = _parse_header(stream.read(HEADER_SIZE))
        return " ".join(header[field].tobytes().decode("latin-1") for field in _text_fields(header))
    except (InputError, OSError, EOFError, zlib.error, HeaderDataError, ValueError):
        return ""


def plain_header(shape: tuple[int, int, int]) -> bytes:
    """A header for a volume of this canonical shape that came without one: 1 mm voxels, no orientation stated."""
    header = Nifti1Header()
    header.set_data_shape(shape)
    header.set_zooms((1, 1, 1))
    header["xyzt_units"] = 2
    return bytes(header.binaryblock)


def grid_difference(
    shape: tuple[int, ...], affine: np.ndarray, other_shape: tuple[int, ...], other_affine: np.ndarray
) -> str:
    """What distinguishes two canonical grids, "" if no corner is further off than a tenth of the smallest spacing."""
    if shape != other_shape:
        return f"shape {'x'.join(map(str, other_shape))}, not {'x'.join(map(str, shape))}"
    corners = np.array(np.meshgrid(*[(0, length - 1) for length in shape])).reshape(3, -1)
    apart = (other_affine - affine) @ np.vstack([corners, np.ones(8)])
    furthest = float(np.linalg.norm(apart[:3], axis=0).max())
    if furthest > 0.1 * np.linalg.norm(affine[:3, :3], axis=0).min():
        return f"affine, {furthest:.3g} mm apart at a corner"
    return ""


def refuse_irregular(file: Path) -> None:
    """Raise InputError unless this is a regular file that is not empty."""
    try:
        kind = file.stat()
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(kind.st_mode):
        raise InputError(f"{file}: not a regular file")
    if not kind.st_size:
        raise InputError(f"{file}: empty")


def _read(head: Path, body: Path) -> Volume:
    with _opened(head) as stream:
        block = stream.read(HEADER_SIZE)
    header = _parse_header(block, str(head))
    size = int(header["sizeof_hdr"])
    paired = head != body
    if bytes(header["magic"])[:3] != MAGIC[size][paired][:3]:
        raise InputError(f"{head}: no NIfTI of this kind of file (magic {bytes(header['magic'])!r})")
    shape = _shape(header, head)
    affine, stated = _affine(header)
    _refuse_affine(affine, head)
    voxels = _voxels(header, body, shape, 0 if paired else size + 4)
    orientation = io_orientation(affine)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    back = inv_ornt_aff(ornt_transform(orientation, CANONICAL), shape)
    order = np.argsort(orientation[:, 0])
    return Volume(
        apply_orientation(voxels, ornt_transform(orientation, CANONICAL)),
        affine @ back,
        (float(spacing[order[0]]), float(spacing[order[1]]), float(spacing[order[2]])),
        "".join(ornt2axcodes(orientation)),
        stated,
        bytes(header.binaryblock),
    )


def _opened(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path) if path.name.endswith(".gz") else path.open("rb")


def _parse_header(block: bytes, name: str = "header") -> Header:
    sizes = {int.from_bytes(block[:4], order): order for order in ("little", "big")}
    size = next((size for size in HEADERS if size in sizes), 0)
    if not size or len(block) < size:
        raise InputError(f"{name}: no NIfTI file (a header of 348 or 540 bytes is expected at its start)")
    header = HEADERS[size](block[:size], {"little": "<", "big": ">"}[sizes[size]], check=False)
    if not bytes(header["magic"]).startswith((b"n", b"N")):
        raise InputError(f"{name}: no NIfTI file (Analyze 7.5 states no orientation)")
    return header


def _text_fields(header: Header) -> list[str]:
    return [name for name in header if header[name].dtype.kind == "S" and name not in ("magic", "regular")]


def _shape(header: Header, file: Path) -> tuple[int, ...]:
    count = int(header["dim"][0])
    if not 1 <= count <= 7:
        raise InputError(f"{file}: damaged header (dim[0] is {count})")
    lengths = [int(length) for length in header["dim"][1 : count + 1]]
    if min(lengths) < 1:
        raise InputError(f"{file}: damaged header (axes of {'x'.join(map(str, lengths))} voxels)")
    if len(lengths) < 3 or math.prod(lengths[3:]) != 1:
        raise InputError(f"{file}: expected one volume with 3 axes, found {'x'.join(map(str, lengths))}")
    if math.prod(lengths) > MOST_VOXELS:
        raise InputError(f"{file}: expected at most {MOST_VOXELS} voxels, found {'x'.join(map(str, lengths))}")
    return tuple(lengths[:3])


def _affine(header: Header) -> tuple[np.ndarray, bool]:
    """From stored voxel to mm, and whether the header states it."""
    if header["pixdim"][0] == 0:  # the format's own rule: 0 stands for 1
        header = header.copy()
        header["pixdim"][0] = 1
    if header["sform_code"] > 0:
        affine = header.get_sform()
    elif header["qform_code"] > 0:
        affine = header.get_qform()
    else:
        affine = header.get_base_affine()
    unit = np.diag([*[UNIT_MM.get(int(header["xyzt_units"]) & 7, 1.0)] * 3, 1.0])
    return unit @ np.asarray(affine, np.float64), bool(header["sform_code"] > 0 or header["qform_code"] > 0)


def _refuse_affine(affine: np.ndarray, file: Path) -> None:
    if np.isfinite(affine).all():
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        # the volume of a voxel against that of a box of the same spacings: 0 if two axes are parallel
        if (spacing > 1e-6).all() and (spacing < 1e6).all():
            upright = abs(np.linalg.det(affine[:3, :3] / spacing))
            if upright > 1e-3 and not np.isnan(io_orientation(affine)).any():
                return
    raise InputError(f"{file}: no valid affine (its axes do not span a volume)")


def _voxels(header: Header, body: Path, shape: tuple[int, ...], least: int) -> np.ndarray:
    """Voxels (as stored) with the file's scaling applied; in the file's own type if there is none."""
    try:
        dtype = header.get_data_dtype()
    except KeyError as error:
        raise InputError(f"{body}: damaged header (no data type has the code {error})") from error
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise InputError(f"{body}: expected one number a voxel, found {header.get_value_label('datatype')}")
    offset = max(int(header["vox_offset"]), least)
    wanted = math.prod(shape) * dtype.itemsize
    data = _read_span(body, offset, wanted)
    voxels = np.frombuffer(data, dtype).reshape(shape, order="F").astype(dtype.newbyteorder("="), copy=False)
    slope, inter = header.get_slope_inter()
    if slope is not None and (slope, inter) != (1, 0):
        voxels = voxels * np.float64(slope) + np.float64(inter)
    if voxels.dtype.kind == "f" and not (finite := np.isfinite(voxels)).all():
        raise InputError(f"{body}: {finite.size - np.count_nonzero(finite)} voxels are NaN or infinite")
    return voxels


def _read_span(file: Path, offset: int, length: int) -> bytes:
    """Bytes from `offset` on; a .gz file is read to its end, so that its checksum is compared."""
    packed = file.name.endswith(".gz")
    there = file.stat().st_size * (DEFLATE_RATIO if packed else 1)
    if offset + length <= there:
        with _opened(file) as stream:
            stream.seek(offset, io.SEEK_SET)
            data = stream.read(length)
            if len(stream.read(SPARE_BYTES + 1)) > SPARE_BYTES:
                raise InputError(f"{file}: goes on behind the {length} bytes of voxels that its header states")
        if len(data) == length:
            return data
        there = offset + len(data)
    raise InputError(f"{file}: truncated (expected {offset + length} bytes, found {there})")
