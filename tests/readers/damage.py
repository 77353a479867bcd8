"""Healthy small files of every kind, and what becomes of them on bad disks and lines."""

from __future__ import annotations

import gzip
import random
from functools import cache

from tests.readers import enhanced, films, volumes

RLE = "1.2.840.10008.1.2.5"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
PICTURES = [("PNG", 8), ("PNG", 16), ("JPEG", 8), ("TIFF", 8), ("TIFF", 16)]
NASTY = [
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x80",
    b"\xfe\xff\x00\xe0",
    b"SQ",
    b"UN",
    b"XX",
]


@cache
def film_files() -> dict[str, bytes]:
    """One film per wrapping."""
    found = {syntax: films.dicom(syntax=syntax) for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99")}
    for syntax in [*films.ENCODERS, RLE]:
        bits = 8 if syntax.endswith(".50") else 12
        found[syntax] = films.compressed(syntax, films.film(bits=bits), bits=bits)
    found["nested"] = films.with_sequences(5)
    for kind, bits in PICTURES:
        found[f"{kind} {bits}"] = films.picture(films.film(bits=bits), kind)
    return found


@cache
def slices(syntax: str | None = None) -> list[bytes]:
    """The slices of one CT series."""
    return volumes.series(volumes.volume(), syntax=syntax)


@cache
def volume_files() -> dict[str, bytes]:
    """CT in one file: a single slice, NIfTI, and archives."""
    nifti = volumes.as_nifti(volumes.volume())
    return {
        "slice": slices()[0],
        "slice, compressed": slices(JPEG_LOSSLESS)[0],
        "NIfTI": nifti,
        "NIfTI, big-endian": volumes.as_nifti(volumes.volume(), order=">"),
        "NIfTI, gzip": gzip.compress(nifti),
        "zip": volumes.archive(slices()),
        "zip, stored": volumes.archive(slices(), method=0),
        "zip of NIfTI": volumes.archive([nifti], ["a.nii"]),
        "enhanced": enhanced.enhanced(volumes.volume()),
        "enhanced, compressed": enhanced.enhanced(volumes.volume(), syntax=JPEG_LOSSLESS),
    }


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Change, cut, repeat or drop a few pieces; headers are hit more often than pixels."""
    mutant = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(min(len(mutant), 700) if chance.random() < 0.7 else len(mutant))
        kind = chance.random()
        if kind < 0.5:
            mutant[at] = chance.randrange(256)
        elif kind < 0.8:
            piece = chance.choice(NASTY)
            mutant[at : at + len(piece)] = piece
        elif kind < 0.9:
            del mutant[at : at + chance.randint(1, 40)]
        else:
            mutant[at:at] = mutant[at : at + chance.randint(1, 40)]
        if len(mutant) < 2:
            break
    return bytes(mutant[: chance.randint(1, len(mutant))] if chance.random() < 0.1 else mutant)


def with_bad_vr(data: bytes, keyword: bytes, vr: bytes = b"CS") -> bytes:
    """A DICOM file in which the type (VR) of one element, given by its tag's four bytes, is none that exists."""
    assert keyword + vr in data
    return data.replace(keyword + vr, keyword + b"XX", 1)
