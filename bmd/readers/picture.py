"""PNG, JPEG and TIFF pictures of films to `Study`."""

from __future__ import annotations

import hashlib
import warnings
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from bmd.errors import InputError, LimitError
from bmd.findings import Finding, note
from bmd.readers import display
from bmd.readers.limits import check_picture
from bmd.types import Acquisition, Image, Study

warnings.filterwarnings("ignore", category=Pillow.DecompressionBombWarning)  # `limits` is stricter

FORMATS = ("PNG", "JPEG", "TIFF")
MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I;16B", "I;16L", "I", "F"}
_BYTES = {"I": 4, "F": 4, "I;16": 2, "I;16B": 2, "I;16L": 2}
_MIN_IS_WHITE = 0
_PHOTOMETRIC = 262


def read_picture(data: bytes) -> Study:
    """Read one film saved as PNG (8 or 16 bit), JPEG or TIFF (8, 16 or 32 bit, grey, palette or colour).

    Parameters
    ----------
    data : bytes
        A whole file.

    Returns
    -------
    Study
        One film as displayed; nothing is known of the patient. A negative is not detected here but by the gate.

    Raises
    ------
    InputError
        Animated, several pages, or not readable.
    LimitError
        Too small or too large; checked before decoding.
    """
    try:
        picture = Pillow.open(BytesIO(data), formats=FORMATS)
    except Pillow.DecompressionBombError as error:
        raise LimitError("read.picture_far_too_large") from error
    with picture:
        _refuse_several(picture)
        if picture.mode not in MODES:
            raise InputError("read.unknown_mode", mode=picture.mode)
        check_picture(picture.height, picture.width, len(picture.getbands()), _BYTES.get(picture.mode, 1))
        notes: list[Finding] = []
        pixels = _shown(picture, notes)
        taken = Acquisition(
            bits=_bits(picture),
            lossy=True if picture.format in ("JPEG", "MPO") else None,
            inverted=picture.mode in _BYTES and _is_negative(picture),
        )
        return Study(
            uid=hashlib.sha256(data).hexdigest()[:16],
            images=(Image(pixels, "radiograph", acquisition=taken),),
            origin="JPEG" if picture.format == "MPO" else str(picture.format),
            notes=tuple(notes),
        )


def _refuse_several(picture: Pillow.Image) -> None:
    """Refuse animations and documents; a phone's JPEG may carry a second view, of which the first is read."""
    if picture.format == "MPO":
        return
    several = bool(getattr(picture, "is_animated", False)) if picture.format == "PNG" else _has_second(picture)
    if several:
        raise InputError("read.several_pictures")


def _has_second(picture: Pillow.Image) -> bool:
    try:
        picture.seek(1)
    except EOFError:
        picture.seek(0)
        return False
    return True


def _is_negative(picture: Pillow.Image) -> bool:
    return isinstance(picture, TiffImageFile) and picture.tag_v2.get(_PHOTOMETRIC) == _MIN_IS_WHITE


def _bits(picture: Pillow.Image) -> int:
    return 8 * _BYTES.get(picture.mode, 1)


def _shown(picture: Pillow.Image, notes: list[Finding]) -> NDArray[np.float32]:
    negative = _is_negative(picture)
    mode = picture.mode
    upright = ImageOps.exif_transpose(picture)
    if upright.size != picture.size or picture.getexif().get(0x0112, 1) not in (0, 1):
        notes.append(note("read.turned_upright"))
    if mode in _BYTES:
        values = np.asarray(upright)
        display.refuse_nan(values)
        notes += [note("read.stretched"), note("read.bits", count=_bits(picture))]
        shown = display.stretch(values)
        return 1 - shown if negative else shown
    if mode in ("1", "L", "LA"):
        notes.append(note("read.bits", count=8))
        return np.asarray(upright.convert("L")).astype(np.float32) / np.float32(255)
    luminance, variation = display.grey(np.asarray(upright.convert("RGB")))
    notes.append(note("read.colour"))
    if variation > display.COLOURFUL:
        notes.append(note("read.photograph"))
    return display.unit(luminance / np.float32(255))
