"""Which of several volumes to try first, by their headers alone. What a volume is, the pixels decide later."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import numpy as np

from bmd.findings import Finding, note
from bmd.readers.ct_series import Series, is_sharp, technique
from bmd.readers.grid import Plan
from bmd.readers.header import Header, stored, word

WANTED_MM = 350.0
"""Length of an abdomen with pelvis; a longer volume covers no more of it."""
NARROW_MM = 110.0
"""A volume that is narrower from right to left shows neither ribs nor the wings of the sacrum."""
SAME_SHARE = 0.9
"""Two volumes of one scan that share this much of their length show the same part of the body."""
_HERE = re.compile(
    r"abd|bauch|becken|pelv|lumb|lend|lws|l-?spine|(?:^|\W)(?:tap|cap|kub|aaa)(?:\W|$)|liver|leber|kidney|renal|nier"
)
_ELSEWHERE = re.compile(
    r"head|brain|skull|sch(?:ä|ae)del|kopf|crani|sinus|orbit|face|neck|hals|c-?spine|hws|cerv|chest|thora|lung|pulmo"
    r"|cardi|heart|herz|coron(?:ary|ar)\b|knee|knie|foot|fu(?:ß|ss)|hand|wrist|elbow|shoulder|schulter|ankle|leg\b|arm\b"
)
_PARTS_HERE = {"ABDOMEN", "PELVIS", "LSPINE", "ABDOMENPELVIS", "CHESTABDPELVIS", "ABDPELVIS", "LSSPINE", "SPINE"}
_PARTS_ELSEWHERE = {
    "HEAD", "BRAIN", "SKULL", "NECK", "HEADNECK", "CSPINE", "CHEST", "HEART", "LUNG", "EXTREMITY", "LEG", "ARM", "KNEE",
    "FOOT", "ANKLE", "HAND", "WRIST", "ELBOW", "SHOULDER", "JAW", "SINUS", "ORBIT",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a volume lies: a hash of the scanner's frame of reference, and its ends towards feet and head in mm."""

    frame: str
    low: float
    high: float
    width: float

    def same(self, other: Place | None) -> bool:
        """Whether another volume is of the same scan and shows the same length of the body."""
        if other is None or not self.frame or self.frame != other.frame:
            return False
        shared = min(self.high, other.high) - max(self.low, other.low)
        return shared >= SAME_SHARE * max(self.high - self.low, other.high - other.low)


def place(one: Series, plan: Plan) -> Place:
    """Where the slices that are used lie."""
    used = [one.slices[plan.first], one.slices[plan.last]]
    corners = []
    for part in used:
        down = np.array(part.orientation[3:]) * part.spacing[0] * int(part.header.Rows)
        right = np.array(part.orientation[:3]) * part.spacing[1] * int(part.header.Columns)
        corners += [part.position, part.position + down, part.position + right, part.position + down + right]
    low, high = np.min(corners, 0), np.max(corners, 0)
    uid = str(stored(one.own, "FrameOfReferenceUID") or "")
    frame = hashlib.sha256(uid.encode()).hexdigest()[:16] if uid else ""
    thick = plan.step_mm
    return Place(frame, float(low[2]), float(max(high[2], low[2] + thick)), float(max(high[0] - low[0], thick)))


def plane(one: Series) -> int:
    """0 where the slices are sagittal, 1 coronal, 2 axial, as they lie nearest to."""
    return int(np.argmax(np.abs(one.slices[0].normal)))


def suits(one: Series, plan: Plan, where: Place) -> float:
    """How well a series suits; the highest is tried first."""
    score = coverage(where.high - where.low) + (1.0 if plane(one) == 2 else 0.0) - (0.5 if is_sharp(one.own) else 0.0)
    score -= 0.1 * max(0.0, plan.step_mm - 3) + (0.3 if word(one.own, "ImageType", 0) == "DERIVED" else 0.0)
    score -= 0.1 if technique(one.slices[0]).contrast else 0.0
    score -= 1.0 if where.width < NARROW_MM else 0.0
    return score + hint(one.own)


def hint(header: Header) -> float:
    """What the header says of the part of the body: above 0 where it names the abdomen, below where another part.

    Words of the description are compared here and go no further.
    """
    part = word(header, "BodyPartExamined")
    said = " ".join(str(stored(header, tag) or "")[:64].lower() for tag in ("SeriesDescription", "ProtocolName"))
    here = part in _PARTS_HERE or bool(_HERE.search(said))
    elsewhere = part in _PARTS_ELSEWHERE or bool(_ELSEWHERE.search(said))
    return 0.5 * here - 1.0 * elsewhere


def coverage(length_mm: float) -> float:
    """How much of an abdomen a volume of this length may show, 0..2."""
    return float(2 * np.clip(length_mm / WANTED_MM, 0, 1))


def title(one: Series, plan: Plan) -> Finding:
    """What tells a series from the others: plane, slices, kernel, contrast; never text from the file."""
    names = ("read.ct.plane.sagittal", "read.ct.plane.coronal", "read.ct.plane.axial")
    parts: list[Finding | str] = [note(names[plane(one)])]
    parts += [note("read.ct.slices", count=plan.last - plan.first + 1, step_mm=plan.step_mm)]
    parts += [note("read.ct.sharp_kernel")] if is_sharp(one.own) else []
    parts += [note("read.ct.with_contrast")] if technique(one.slices[0]).contrast else []
    return note("read.ct.title", parts=tuple(parts))
