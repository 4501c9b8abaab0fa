"""One volume of a NIfTI or Analyze file in canonical orientation, and a mask written back on the grid it came from.

nibabel reads the header and the voxels. This module refuses in one line what no study can use, and looks at sizes
before it reads. Read are NIfTI-1 and NIfTI-2 (`.nii`, or pairs of `.hdr` and `.img`) and pairs of Analyze 7.5, in
either byte order, each also as `.gz`. Whether gzip has packed them is
seen from their content. The sform says how the axes lie, else the qform. A header without both, as
each of Analyze 7.5, states no orientation: the axes are then taken as left, anterior, superior, as most tools do.
"""

import gzip
import io
import math
import re
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.arrayproxy import ArrayProxy
from nibabel.funcs import as_closest_canonical
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.orientations import aff2axcodes, apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from nibabel.spatialimages import HeaderDataError, SpatialImage
from nibabel.spm2analyze import Spm2AnalyzeHeader

from reprise.data.nifti_grid import settle_orientation, spans_volume
from reprise.step.errors import InputError
from reprise.step.files import refuse_irregular

ENDINGS = (".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz")
HEADERS = {348: Nifti1Header, 540: Nifti2Header}  # by the size that the first field of the file states
HEADER_SIZE = max(HEADERS)
NIFTI = re.compile(rb"[nN]|.[i+][12]", re.DOTALL)  # the magic of a NIfTI file, perhaps damaged; Analyze has none
UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}  # metres, millimetres, micrometres
GZIP = b"\x1f\x8b"
DEFLATE_RATIO = 1032  # one byte of gzip's becomes at most this many
SPARE_BYTES = 2**20  # more than this behind the last voxel is no padding
LARGEST_BYTES = 2**30  # of one volume after scaling; a small .gz file can state any size
RAS = axcodes2ornt(("R", "A", "S"))
Header = Nifti1Header | Spm2AnalyzeHeader  # a Nifti2Header is a Nifti1Header, too


class Volume(NamedTuple):
    """A volume in canonical orientation, and what its file says of how it was stored.

    `voxels` (X, Y, Z): the axes run to the right, the front and the top; scaled values if the file scales them.
    `affine` (4, 4): from canonical voxel to the file's own coordinates, in mm.
    """

    voxels: np.ndarray
    affine: np.ndarray
    spacing_mm: tuple[float, float, float]
    orientation: str  # of the stored axes, such as LAS
    stated: bool  # whether the file states the orientation
    header: bytes  # NIfTI: 348 or 540 bytes, or made from an Analyze header
    oddity: str = ""  # what in the header contradicts itself
    spare_bytes: int = 0  # behind the voxels that the header states


def read_volume(path: str | Path) -> Volume:
    """Read one volume; trailing axes of length 1 are dropped.

    Raises:
        InputError: no such regular file, no NIfTI or Analyze, half of a pair missing, truncated, more than one volume
            or than 1 GB of voxels, voxels that are no numbers, NaN or infinite, or an affine that no grid can have.
    """
    head, body = volume_files(path)
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused
            return _read(head, body)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "damaged; gzip cannot unpack it"
        raise InputError(f"{path}: not readable ({reason})") from error
    except (HeaderDataError, ValueError, OverflowError, np.linalg.LinAlgError) as error:
        raise InputError(f"{path}: damaged header (its numbers contradict each other)") from error


def volume_files(path: str | Path) -> tuple[Path, Path]:
    """The file of the header and the file of the voxels (often the same), both of them regular files.

    Raises:
        InputError: another ending, no such file, half of a pair missing, a folder, a pipe or a loop of links.
    """
    path = Path(path)
    ending = ending_of(path)
    if not ending:
        raise InputError(f"{path}: expected a file that ends with {', '.join(ENDINGS[:4])}")
    head, body = (half_of(path, half) for half in ("hdr", "img"))
    refuse_irregular(head)
    refuse_irregular(body)
    return head, body


def ending_of(path: Path) -> str:
    """The one of `ENDINGS` that a file's name has, in capitals if the name has them, "" if none."""
    name = path.name.lower()
    return next((path.name[-len(ending) :] for ending in ENDINGS if name.endswith(ending)), "")


def half_of(path: Path, half: str) -> Path:
    """The `hdr` or `img` half of a pair, by the name of either; a single file is both."""
    ending = ending_of(path)
    first, *packed = ending.split(".")[1:]
    if first.lower() == "nii":
        return path
    named = [half.upper() if first.isupper() else half, *packed]
    return path.with_name(".".join([path.name.removesuffix(ending), *named]))


def write_mask(path: str | Path, mask: np.ndarray, header: bytes) -> None:
    """Write a canonical mask (X, Y, Z) uint8 as a `.nii` or `.nii.gz` on the grid of the scan with this header.

    The header stays as it is except for what the voxels' type requires; header extensions are not carried over.

    Raises:
        InputError: the mask has another shape than the scan.
    """
    try:
        content = mask_content(mask, header, packed=Path(path).name.endswith(".gz"))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    Path(path).write_bytes(content)


def mask_content(mask: np.ndarray, header: bytes, packed: bool) -> bytes:
    """What `write_mask` writes, packed by gzip or not; the mask may also be one of several frames (X, Y, Z, T).

    Raises:
        InputError: the mask has another shape than the scan.
    """
    scan = _parse_header(header)
    shape = tuple(int(length) for length in scan.get_data_shape())
    stored = apply_orientation(mask, ornt_transform(RAS, io_orientation(scan.get_best_affine())))
    if stored.shape != shape[: max(3, mask.ndim)]:
        raise InputError(f"the scan's grid is {shape[: max(3, mask.ndim)]}, the mask's {stored.shape}")
    scan.set_data_dtype(np.uint8)
    scan["magic"] = b"n+1" if scan.sizeof_hdr == 348 else b"n+2\0\r\n\x1a\n"
    scan["vox_offset"] = scan.sizeof_hdr + 4
    scan["scl_slope"], scan["scl_inter"], scan["cal_min"], scan["cal_max"] = 1, 0, 0, 0
    data = scan.binaryblock + bytes(4) + stored.astype(np.uint8).tobytes(order="F")
    return gzip.compress(data, 6, mtime=0) if packed else data


def without_text(header: bytes) -> bytes:
    """The same header with its free text blank: a scanner or a converter may have left a name or a date in it."""
    blank = _parse_header(header)
    for field in _text_fields(blank):
        blank[field] = b""
    return bytes(blank.binaryblock)


def states_orientation(header: bytes) -> bool:
    """Whether the header of a volume says how its axes lie."""
    return _states_orientation(_parse_header(header))


def plain_header(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float] = (1, 1, 1)) -> bytes:
    """A header that states no orientation, for a volume of this shape that came without one."""
    header = Nifti1Header()
    header.set_data_shape(shape)
    header.set_zooms(spacing_mm)
    header["xyzt_units"] = 2
    return bytes(header.binaryblock)


def _opened(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path) if _is_packed(path) else path.open("rb")


def _is_packed(path: Path) -> bool:
    """Whether the content is gzip's, whatever the name says."""
    with path.open("rb") as stream:
        return stream.read(2) == GZIP


def _read(head: Path, body: Path) -> Volume:
    with _opened(head) as stream:
        block = stream.read(HEADER_SIZE)
    header = _parse_header(block, head)
    paired, analyze = head != body, isinstance(header, Spm2AnalyzeHeader)
    _refuse_other_kind(header, head, paired)
    shape = _shape(header, head)
    unit = UNIT_MM.get(int(header.get("xyzt_units", 0)) & 7, 1.0)
    oddity = settle_orientation(header) if isinstance(header, Nifti1Header) else ""
    affine = np.diag([unit, unit, unit, 1]) @ header.get_best_affine()
    if not spans_volume(affine):
        raise InputError(f"{head}: no valid affine (its axes do not span a volume)")
    voxels, spare = _voxels(header, body, 0 if paired else header.sizeof_hdr + 4)
    canonical = as_closest_canonical(SpatialImage(voxels.reshape(shape, order="F"), affine))
    x_mm, y_mm, z_mm = voxel_sizes(canonical.affine).tolist()
    return Volume(
        np.asanyarray(canonical.dataobj),
        canonical.affine,
        (x_mm, y_mm, z_mm),
        "".join(aff2axcodes(affine)),
        _states_orientation(header),
        plain_header(shape, header.get_zooms()[:3]) if analyze else bytes(header.binaryblock),
        oddity,
        spare,
    )


def _parse_header(block: bytes, name: str | Path = "header") -> Header:
    """The header at the start of a file, without nibabel's repairs: they drop an orientation whose code is unknown."""
    sizes = {int.from_bytes(block[:4], order): order for order in ("little", "big")}
    size = next((size for size in HEADERS if size in sizes), 0)
    if not size or len(block) < size:
        raise InputError(f"{name}: no NIfTI file (a header of 348 or 540 bytes is expected at its start)")
    kind = Spm2AnalyzeHeader if size == 348 and not NIFTI.match(block[344:348]) else HEADERS[size]
    header = kind(block[:size], {"little": "<", "big": ">"}[sizes[size]], check=False)
    if header["pixdim"][0] == 0:  # by the format's own rule this qfac stands for 1
        header["pixdim"][0] = 1
    return header


def _refuse_other_kind(header: Header, file: Path, paired: bool) -> None:
    """Raise InputError unless the header is one for a single file or, if `paired`, for a file of its own."""
    magic = bytes(header.get("magic", b""))
    if isinstance(header, Nifti1Header):
        fits = magic[:3] == (header.pair_magic if paired else header.single_magic)
    else:
        fits = paired
    if not fits:
        raise InputError(f"{file}: no NIfTI of this kind of file (magic {magic!r})")


def _states_orientation(header: Header) -> bool:
    return any(header.get(code, 0) != 0 for code in ("sform_code", "qform_code"))


def _text_fields(header: Header) -> list[str]:
    return [name for name in header if header[name].dtype.kind == "S" and name not in ("magic", "regular")]


def _shape(header: Header, file: Path) -> tuple[int, int, int]:
    count = int(header["dim"][0])
    if not 1 <= count <= 7:
        raise InputError(f"{file}: damaged header (dim[0] is {count})")
    lengths = [int(length) for length in header["dim"][1 : count + 1]]
    shown = "x".join(map(str, lengths))
    if min(lengths) < 1:
        raise InputError(f"{file}: damaged header (axes of {shown} voxels)")
    if len(lengths) < 3 or math.prod(lengths[3:]) != 1:
        several = ", a film or a series" if len(lengths) > 3 else ""
        raise InputError(f"{file}: expected one volume with 3 axes, found {shown}{several}")
    return lengths[0], lengths[1], lengths[2]


def _voxels(header: Header, body: Path, least: int) -> tuple[np.ndarray, int]:
    """Voxels with the file's scaling applied, in the file's own type if there is none, and the bytes behind them.

    `least` is where voxels may begin. A .gz file is read to its end, so that its checksum is compared.
    """
    try:
        dtype = header.get_data_dtype()
    except KeyError as error:
        raise InputError(f"{body}: damaged header (no data type has the code {error})") from error
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise InputError(f"{body}: expected one number for each voxel, found {header.get_value_label('datatype')}")
    shape = header.get_data_shape()
    slope, inter = header.get_slope_inter()
    scaling = (1.0 if slope is None else slope, 0.0 if inter is None else inter)
    in_memory = math.prod(shape) * (dtype.itemsize if scaling == (1, 0) else 8)
    if in_memory > LARGEST_BYTES:
        raise InputError(f"{body}: expected at most {LARGEST_BYTES >> 20} MB of voxels, found {in_memory >> 20} MB")
    offset = max(int(header["vox_offset"]), least)  # nibabel would take a header whose offset is 0 for voxels
    length = math.prod(shape) * dtype.itemsize
    there = body.stat().st_size * (DEFLATE_RATIO if _is_packed(body) else 1)
    if offset + length > there:
        raise InputError(f"{body}: truncated (expected {offset + length} bytes, found {there})")
    with _opened(body) as stream:
        try:
            stored = np.asanyarray(ArrayProxy(stream, (shape, dtype, offset, 1.0, 0.0), mmap=False))
        except OSError as error:
            if error.errno or isinstance(error, gzip.BadGzipFile):
                raise
            raise InputError(f"{body}: truncated (expected {offset + length} bytes, found {stream.tell()})") from error
        if (spare := len(stream.read(SPARE_BYTES + 1))) > SPARE_BYTES:
            raise InputError(f"{body}: goes on behind the {length} bytes of voxels that its header states")
    voxels = _scaled(stored.astype(dtype.newbyteorder("="), copy=False), *scaling)
    if voxels.dtype.kind == "f" and not (finite := np.isfinite(voxels)).all():
        raise InputError(f"{body}: {finite.size - np.count_nonzero(finite)} voxels are NaN or infinite")
    return voxels, spare


def _scaled(stored: np.ndarray, slope: float, inter: float) -> np.ndarray:
    """Scaled voxels as nibabel computes them, with one copy in memory instead of two."""
    if (slope, inter) == (1, 0):
        return stored
    voxels = stored.astype(np.float64)
    voxels *= slope
    voxels += inter
    return voxels
