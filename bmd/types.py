"""The data that flows through OsteoLens: frozen, numpy only, bottom layer.

Pixel coordinates are always (x, y) = (column, row), float, in pixels of the input picture, with (0, 0) the
centre of the top left pixel. Boxes are ``(x1, y1, x2, y2)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bmd.ct_types import Attenuation, Region, Trabecular
from bmd.findings import Finding, note
from bmd.printed import PrintedRow, Word

Modality = str
"""What an image is or a report is of: the ``holds`` of a row of `bmd.modality`."""
View = Literal["lateral", "ap", "axial", "coronal", "sagittal"]
Sex = Literal["F", "M"]
SHOWN = (
    "lateral_lumbar", "lateral_thoracic", "lateral_cervical", "ap_spine", "chest", "other_part", "dxa", "dxa_other",
    "ct", "mr", "picture",
)  # fmt: skip
"""What an upload may show; "lateral_lumbar": a lumbar spine from the side; "dxa": a DXA image of one from the front."""
SpacingOf = Literal["patient", "detector", "scanner"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Demographics:
    """What is known of the patient. ``None`` is unknown and is never filled in."""

    age_y: float | None = None
    sex: Sex | None = None
    height_cm: float | None = None
    weight_kg: float | None = None

    @property
    def bmi(self) -> float | None:
        """Body mass index in kg/m2, or None when height or weight is unknown."""
        if self.height_cm is None or self.weight_kg is None:
            return None
        return self.weight_kg / (self.height_cm / 100) ** 2


@dataclass(frozen=True)
class Acquisition:
    """How a picture was taken and how it was read, as far as the file says. ``None`` is unknown, never filled in.

    Attributes
    ----------
    transfer_syntax : str or None
        DICOM UID of the encoding.
    bits : int or None
        Bits stored per pixel.
    lossy : bool or None
        Compressed with loss, now or before.
    inverted : bool
        Stored with bone dark and turned over in reading.
    processed : bool or None
        False: the detector's raw image, "FOR PROCESSING".
    spacing_of : SpacingOf or None
        Where the pixel spacing holds: calibrated in the body, at the detector (so the body is enlarged), on the film.
    kvp : float or None
        CT: tube voltage.
    contrast : bool or None
        CT: a contrast agent was given; DICOM names one when it was, and silence is no proof that it was not.
    kernel : {"soft", "sharp"} or None
        CT: reconstruction kernel, sharp being those for bone and lung.
    slice_thickness_mm : float or None
        CT: nominal; the distance of the slices is the spacing.
    tilt_deg : float
        CT: tilt of the gantry, undone in reading.
    turned_deg : float
        CT: angle of the slices against the patient, left as it is.
    filled_slices : int
        CT: missing or damaged slices computed from their neighbours.
    resampled_mm : float or None
        CT: distance to which unevenly spaced slices were resampled.
    """

    transfer_syntax: str | None = None
    bits: int | None = None
    lossy: bool | None = None
    inverted: bool = False
    processed: bool | None = None
    spacing_of: SpacingOf | None = None
    kvp: float | None = None
    contrast: bool | None = None
    kernel: Literal["soft", "sharp"] | None = None
    slice_thickness_mm: float | None = None
    tilt_deg: float = 0.0
    turned_deg: float = 0.0
    filled_slices: int = 0
    resampled_mm: float | None = None


@dataclass(frozen=True, eq=False)
class Image:
    """One picture.

    Attributes
    ----------
    pixels : ndarray
        float32 (H, W) in 0..1, bone bright, as the film would be displayed; g/cm2 where ``unit`` says so.
    spacing_mm : tuple of float or None
        Pixel spacing (row, column); None when the file does not say.
    acquisition : Acquisition
        How it was taken and read.
    """

    pixels: NDArray[np.float32]
    modality: Modality
    view: View | None = None
    spacing_mm: tuple[float, ...] | None = None
    unit: str = "display"
    acquisition: Acquisition = Acquisition()


@dataclass(frozen=True, eq=False)
class Volume:
    """One CT volume, upright in the patient. Everything measured in it is in mm, so none is without a spacing.

    Attributes
    ----------
    voxels : ndarray
        int16 (D, H, W) in HU. Axis 0 runs from head to feet, axis 1 from front to back, axis 2 from the patient's
        right to the left, so that every plane is displayed upright and in the radiological habit.
    spacing_mm : tuple of float
        (slice, row, column), positive.
    acquisition : Acquisition
        How it was taken and read.

    Raises
    ------
    ValueError
        Another type or shape of ``voxels``, or a spacing that is not three positive numbers. Readers refuse such a file
        before.
    """

    voxels: NDArray[np.int16]
    spacing_mm: tuple[float, float, float]
    acquisition: Acquisition = Acquisition()

    def __post_init__(self) -> None:
        if self.voxels.ndim != 3 or self.voxels.dtype != np.int16:
            raise ValueError(f"voxels must be int16 (D, H, W), not {self.voxels.dtype} {self.voxels.shape}")
        if len(self.spacing_mm) != 3 or not all(0 < step < math.inf for step in self.spacing_mm):
            raise ValueError(f"spacing_mm must be three positive numbers, not {self.spacing_mm}")


@dataclass(frozen=True, eq=False)
class Study:
    """One patient's input, whatever it came from: a file, an upload or the simulator.

    ``uid`` is a hash of the content, never an identifier of the patient. ``images`` are films or DXA images; a CT is
    the one ``volume`` and has no images, so that what reads a film never meets three axes. ``origin`` is a plain word
    for what it was ("DICOM DX", "PNG", "simulated"). ``notes`` are about how it was read (inverted, 16 bit...).
    ``words`` are those of each image, where a document holds them as letters; they leave the program nowhere.
    """

    uid: str
    images: tuple[Image, ...] = ()
    patient: Demographics = Demographics()
    origin: str = ""
    notes: tuple[Finding, ...] = ()
    volume: Volume | None = None
    words: tuple[tuple[Word, ...], ...] = ()

    @property
    def modality(self) -> Modality | None:
        """Modality of the volume ("ct"), else of the first image; None of a study that holds no picture (a form)."""
        if self.volume is not None:
            return "ct"
        return self.images[0].modality if self.images else None

    @property
    def nbytes(self) -> int:
        """Memory of all pixels and voxels."""
        return sum(image.pixels.nbytes for image in self.images) + (self.volume.voxels.nbytes if self.volume else 0)


def volume_of(study: Study) -> Volume:
    """The volume of a study that is known to be a CT.

    Raises
    ------
    ValueError
        It is none.
    """
    if study.volume is None:
        raise ValueError(f"a CT is needed, not a study of modality {study.modality}")
    return study.volume


@dataclass(frozen=True)
class Suitability:
    """What the gate says: may this picture be analysed, and if not, why."""

    suitable: bool
    reasons: tuple[Finding, ...] = ()
    inverted: bool = False
    scores: dict[str, float] = field(default_factory=dict)
    upside_down: bool = False


@dataclass(frozen=True, eq=False)
class Vertebra:
    """One found vertebral body. On a CT the pixels are those of the sagittal plane: x = row, y = slice of the volume.

    Attributes
    ----------
    level : str or None
        One of ``reference.LEVELS``; None when bodies were found but could not be named.
    box_px : tuple of float
        Bounding box of the contour and the corners.
    corners_px : ndarray or None
        (4, 2): superior posterior, superior anterior, inferior anterior, inferior posterior.
    contour_px : ndarray
        (n, 2) outline of the body, closed implicitly.
    score : float
        Confidence of the finding in 0..1.
    flaw : {"doubted", "metal"} or None
        Why it is drawn dashed and not measured: the localiser does not believe it, or an implant lies over it.
    """

    level: str | None
    box_px: Box
    contour_px: NDArray[np.floating]
    score: float
    corners_px: NDArray[np.floating] | None = None
    body: Region | None = None  # CT: the voxels of the vertebral body
    flaw: Literal["doubted", "metal"] | None = None


@dataclass(frozen=True)
class Prediction:
    """Bone density of one vertebra or skeletal site (``level``) or of the patient (``level=None``).

    ``t_score`` and the ends of ``interval`` are as reported, to 0.1 (``reference.reported_t``): what is shown, exported
    and classified is one number. The interval has the coverage stated in the model's metadata; ``probabilities``
    follow ``reference.CATEGORIES`` and are calibrated; ``category`` always follows from ``t_score`` by the WHO rule.
    """

    level: str | None
    bmd_g_cm2: float | None
    t_score: float | None
    interval: tuple[float, float] | None
    probabilities: dict[str, float]
    category: str | None
    model: str
    z_score: float | None = None
    """Under 50 in place of T-score and category: SDs from the mean of the same age and sex, to 0.1."""
    z_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class LevelDensity:
    """What a densitometer's own map says of one vertebra, or of several together ("L1-L4", "L1, L3"): content g, area
    cm2, content over area, and the T-score, unrounded. Measured, not learned.
    """

    level: str
    bmc_g: float
    area_cm2: float
    bmd_g_cm2: float
    t_score: float


@dataclass(frozen=True, eq=False)
class Hip:
    """One proximal femur on CT.

    Attributes
    ----------
    side : {"right", "left"}
        The patient's.
    reason : Finding or None
        Why it was not read (metal, out of the field); None when it was.
    crop : ndarray or None
        float32 (250, 250) in 0..1: the coronal reformat through head and neck as the network sees it.
    centre_zyx : tuple of float or None
        Centre of the femoral head in voxels.
    prediction : Prediction or None
        What the networks say of this hip.
    """

    side: Literal["right", "left"]
    reason: Finding | None = None
    crop: NDArray[np.float32] | None = None
    centre_zyx: tuple[float, float, float] | None = None
    prediction: Prediction | None = None


@dataclass(frozen=True)
class ScreeningScore:
    """A published screening score: ``value``, its ``cutoff``, what that means in ``verdict`` (None when a field is
    missing), who says so in ``source``; ``missing`` are the fields it needs and has not got: "age", "sex", "weight".
    """

    name: str
    value: float | None
    cutoff: Finding
    verdict: Finding | None
    source: Finding
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Explanation:
    """A heat map and the numbers that say how far to trust it.

    ``heat`` is float32 (h, w) in 0..1 covering ``box_px`` of the picture; ``target`` is what is shown, ``method`` how;
    ``fidelity`` holds at least ``inside_share`` (share of heat inside the vertebra) and ``random_correlation`` (with
    randomised weights); ``window_hu`` are the HU shown black and white in the picture the network saw, on a CT slice.
    """

    level: str
    heat: NDArray[np.float32]
    box_px: Box
    target: Finding
    method: Finding
    fidelity: dict[str, float]
    window_hu: tuple[float, float] | None = None

    @property
    def verdict(self) -> Finding:
        """What the map is worth, in words, since one that means nothing looks just as warm as one that does.

        Not to be used: "heat.empty"; "heat.outside", less than half of it on the bone or no more than an even map would
        have; "heat.as_random", at least half of its pattern is there with random weights too. Else "heat.on_bone".
        """
        if not self.heat.any():
            return note("heat.empty")
        inside = self.fidelity.get("inside_share", 0.0)
        if inside < 0.5 or inside <= self.fidelity.get("area_share", 0.0):
            return note("heat.outside")
        return note("heat.as_random" if self.fidelity.get("random_correlation", 0.0) >= 0.5 else "heat.on_bone")


@dataclass(frozen=True, eq=False)
class Report:
    """Everything shown, exported and printed for one study."""

    file: str
    modality: Modality
    suitability: Suitability
    vertebrae: tuple[Vertebra, ...] = ()
    measurements: tuple[Prediction, ...] = ()
    prediction: Prediction | None = None
    explanations: tuple[Explanation, ...] = ()
    patient: Demographics = Demographics()
    levels_certain: bool = False
    warnings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    """How the input was read."""
    models: dict[str, str] = field(default_factory=dict)
    device: str = ""
    seconds: float = 0.0
    attenuation: tuple[Attenuation, ...] = ()
    """CT: per vertebra."""
    trabecular: Trabecular | None = None
    """CT: the primary answer. ``prediction`` repeats its chance of osteoporosis; networks stand in ``answers``."""
    densities: tuple[LevelDensity, ...] = ()
    """DXA: per vertebra, where the file holds the scan's own map."""
    printed: tuple[PrintedRow, ...] = ()
    """DXA: results that the densitometer printed on the picture or page."""
    hips: tuple[Hip, ...] = ()
    """CT: both proximal femora, when in the field."""
    answers: tuple[Prediction, ...] = ()
    """What each network or source says of the patient (image, demographics, both; or one per skeletal site)."""
    reference: str = "hologic"
    """Whom T-scores compare with: a key of ``reference.REFERENCES``."""
    scores: tuple[ScreeningScore, ...] = ()
    """Demographics: OST, OSTA, ORAI."""

    def attenuation_of(self, vertebra: int) -> Attenuation | None:
        """What was measured in the vertebra of this place in ``vertebrae``; None where nothing was."""
        return next((found for found in self.attenuation if found.vertebra == vertebra), None)
