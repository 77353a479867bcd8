"""PNG, JPEG and TIFF films."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow

from bmd.findings import note
from bmd.readers import read_study
from bmd.types import Acquisition
from tests.readers import films
from tests.readers.films import codes, refused

STRETCH = 0.08  # the outermost half per cent is cut off at either end
EIGHT, SIXTEEN = films.film(bits=8), films.film(bits=16)


def shown(data: bytes) -> np.ndarray:
    return read_study("film", data).images[0].pixels


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_eight_bit_is_kept(kind: str) -> None:
    np.testing.assert_allclose(shown(films.picture(EIGHT, kind)), EIGHT / 255, atol=1e-6)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_is_stretched_to_its_range(kind: str) -> None:
    study = read_study("", films.picture(SIXTEEN // 16, kind))
    assert study.images[0].pixels.max() == 1
    np.testing.assert_allclose(study.images[0].pixels, SIXTEEN / 65535, atol=STRETCH)
    assert note("read.bits", count=16) in study.notes
    assert study.images[0].acquisition == Acquisition(bits=16)


def test_jpeg_is_close() -> None:
    np.testing.assert_allclose(shown(films.picture(EIGHT, "JPEG", quality=95)), EIGHT / 255, atol=0.03)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "CMYK"])
def test_modes_agree_with_grey(mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    np.testing.assert_allclose(shown(films.picture(EIGHT, kind, mode)), EIGHT / 255, atol=0.03)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_compressed_tiff(compression: str) -> None:
    got = shown(films.picture(EIGHT, "TIFF", compression=compression))
    np.testing.assert_allclose(got, EIGHT / 255, atol=0.03)


def test_float_tiff_and_its_nan() -> None:
    values = EIGHT.astype(np.float32) * 3 - 100
    np.testing.assert_allclose(shown(films.picture(values, "TIFF")), EIGHT / 255, atol=STRETCH)
    values[3, 4] = np.nan
    with refused("read.not_numbers"):
        shown(films.picture(values, "TIFF"))


def test_tiff_where_zero_is_white() -> None:
    """Pillow turns 8 bits over when it writes and reads them, and leaves 16 bits as they are."""
    np.testing.assert_allclose(shown(films.picture(EIGHT, "TIFF", tiffinfo={262: 0})), EIGHT / 255, atol=1e-6)
    study = read_study("", films.picture(SIXTEEN, "TIFF", tiffinfo={262: 0}))
    np.testing.assert_allclose(study.images[0].pixels, 1 - SIXTEEN / 65535, atol=STRETCH)
    assert study.images[0].acquisition.inverted


def test_a_photograph_is_noted_and_a_tint_is_not() -> None:
    tint = np.stack([EIGHT * 0.7, EIGHT * 0.85, EIGHT * 1.0], 2).astype(np.uint8)
    assert "read.photograph" not in codes(read_study("", films.picture(tint, "PNG")))
    motley = np.random.default_rng(0).integers(0, 255, (90, 90, 3)).astype(np.uint8)
    assert "read.photograph" in codes(read_study("", films.picture(motley, "PNG")))


def test_camera_orientation_is_applied() -> None:
    information = Pillow.Exif()
    information[0x0112] = 6  # turned by 90 degrees
    got = shown(films.picture(EIGHT, "JPEG", quality=95, exif=information))
    np.testing.assert_allclose(got, np.rot90(EIGHT, -1) / 255, atol=0.03)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_several_pictures_in_a_file_are_refused(kind: str) -> None:
    second = Pillow.fromarray(EIGHT[::-1].copy())
    with refused("read.several_pictures"):
        shown(films.picture(EIGHT, kind, save_all=True, append_images=[second]))


def test_animated_gif_is_refused() -> None:
    second = Pillow.fromarray(EIGHT[::-1].copy())
    with refused("read.not_a_film") as caught:
        shown(films.picture(EIGHT, "GIF", save_all=True, append_images=[second]))
    assert caught.value.finding.values["found"] == note("read.kind.gif")
