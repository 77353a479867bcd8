"""Whether an uploaded picture is a DXA image, so that it goes that way and not the film's.

A header that names a densitometer or an ordinary radiograph decides, whatever the picture looks like; else what the
picture shows (``inference.view``), or that a densitometer's table is printed on it. In doubt it stays a film, whose
gate then says what it lacks.
"""

from __future__ import annotations

import numpy as np

from bmd.inference import view
from bmd.inference.dxa.result_page import has_table
from bmd.inference.film.gate import BLANK_RANGE, MIN_SIDE
from bmd.inference.run import Networks
from bmd.readers.dxa import header_says
from bmd.types import Study


def is_dxa(study: Study, networks: Networks | None = None) -> bool:
    """Whether a study that was read as a film or DXA image is a DXA image, by its header, else by its content.

    Raises
    ------
    WeightsError
        The weights of the view network are missing or damaged; only where the content has to tell.
    """
    if not study.images:
        return False
    image = study.images[0]
    if image.modality == "dxa":
        return True
    if header_says(study) == "film":
        return False
    pixels = np.clip(np.asarray(image.pixels, np.float32), 0, 1)
    plain = image.modality == "radiograph" and image.view is None and pixels.ndim == 2 and min(pixels.shape) >= MIN_SIDE
    if not plain or float(np.ptp(pixels)) < BLANK_RANGE:
        return False
    shown = view.look(pixels, networks or Networks())
    return shown.scanned or (shown.share(view.LATERAL) < view.LIKELY and has_table(study))
