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
from bmd.readers import display
from bmd.readers.limits import check_picture
from bmd.types import Image, Study

warnings.filterwarnings("ignore", category=Pillow.DecompressionBombWarning)  # `limits` is stricter

FORMATS = ("PNG", "JPEG", "TIFF")
MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I;16B", "I;16L", "I", "F"}
_BYTES = {"I": 4, "F": 4, "I;16": 2, "I;16B": 2, "I;16L": 2}
_MIN_IS_WHITE = 0
_PHOTOMETRIC, _RESOLUTION_UNIT = 262, 296


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
        raise LimitError(
            "The picture is too large", "more than 178 million pixels", "Export it at a lower resolution"
        ) from error
    with picture:
        _refuse_several(picture)
        if picture.mode not in MODES:
            raise InputError("This kind of picture is not supported", picture.mode, "Save it as an 8 or 16 bit PNG")
        check_picture(picture.height, picture.width, len(picture.getbands()), _BYTES.get(picture.mode, 1))
        notes: list[str] = []
        pixels = _shown(picture, notes)
        return Study(
            uid=hashlib.sha256(data).hexdigest()[:16],
            images=(Image(pixels, "radiograph"),),
            origin="JPEG" if picture.format == "MPO" else str(picture.format),
            notes=tuple(notes),
        )


def _refuse_several(picture: Pillow.Image) -> None:
    """Refuse animations and documents; a phone's JPEG may carry a second view, of which the first is read."""
    if picture.format == "MPO":
        return
    several = bool(getattr(picture, "is_animated", False)) if picture.format == "PNG" else _has_second(picture)
    if several:
        raise InputError("A film is one picture", "several pictures in the file", "Save the film as a single picture")


def _has_second(picture: Pillow.Image) -> bool:
    try:
        picture.seek(1)
    except EOFError:
        picture.seek(0)
        return False
    return True


def _shown(picture: Pillow.Image, notes: list[str]) -> NDArray[np.float32]:
    negative = isinstance(picture, TiffImageFile) and picture.tag_v2.get(_PHOTOMETRIC) == _MIN_IS_WHITE
    mode = picture.mode
    upright = ImageOps.exif_transpose(picture)
    if upright.size != picture.size or picture.getexif().get(0x0112, 1) not in (0, 1):
        notes.append("Turned upright as the camera noted")
    if mode in _BYTES:
        values = np.asarray(upright)
        display.refuse_nan(values)
        notes.append("Brightness stretched to the range of the film")
        notes.append(f"{8 * _BYTES[mode]} bit")
        shown = display.stretch(values)
        return 1 - shown if negative else shown
    if mode in ("1", "L", "LA"):
        notes.append("8 bit")
        return np.asarray(upright.convert("L")).astype(np.float32) / np.float32(255)
    luminance, variation = display.grey(np.asarray(upright.convert("RGB")))
    notes.append("Colour picture, read as grey")
    if variation > display.COLOURFUL:
        notes.append("The colours vary as in a photograph")
    return np.clip(luminance / np.float32(255), 0, 1)
