"""What the page "DXA image" says."""

from __future__ import annotations

LEAD = "The front image of a lumbar spine scan in; regions L1 to L4, bone density and T-score out."
UPLOAD_TITLE = "Your image"
UPLOAD_LABEL = "AP lumbar DXA image: DICOM, PNG, JPEG or TIFF"
UPLOAD_NOTE = "Read in memory only. Nothing is written to disk, and you can remove it at any time."
READING = "Reading the image…"
SAMPLES_NOTE = "Scanned by the built-in physics simulator, so the true bone density is known. No patient is shown."
GET = (
    (":material/view_agenda:", "**Regions L1 to L4** found and drawn"),
    (
        ":material/calculate:",
        "**Measured density** where the file holds the scan's own map, and why not where it does not",
    ),
    (
        ":material/speed:",
        "**The network's estimate** from the picture alone, with its interval, beside the measurement",
    ),
    (":material/rule:", "**Vertebrae that may be left out** by ISCD: proposed, never done without you"),
)

PICTURE_ALT = "DXA image with {count} regions outlined: {names}. Press V to step through them."
PICTURE_ALT_EMPTY = "DXA image; nothing marked"

SOURCES_HEAD = ("Source", "BMD, g/cm²", "T-score", "Interval", "Category")
SOURCES = {"measured": "Measured: content over area", "dxa_cnn": "DXA CNN, from the picture alone"}
TRUE = "Truth of the simulation"
LEVELS_HEAD = ("Level", "Category", "T-score", "BMD, g/cm²", "BMC, g", "Area, cm²", "Detection")
PLAIN_HEAD = ("Level", "Detection")
NOT_CALIBRATED = "No density of single vertebrae: the picture has no scale."
LEAVE_OUT = "Leave out"
LEAVE_OUT_HELP = (
    "ISCD: a vertebra that differs by more than 1.0 T from its neighbours may be left out; never all but one."
)
PROPOSED = "May be left out by ISCD: **{levels}**. Nothing is left out until you choose it."
LEFT_OUT = "{levels} left out by you. The result above is that of {rest}."
TOO_FEW = "At least two vertebrae must remain: nothing was left out."
TAB_LEVELS, TAB_SOURCES, TAB_AGE, TAB_METHOD = "Regions", "Measured and estimated", "Age curve", "Model and method"
SCALE_NOTE = (
    "T-scores refer to {reference}. Densities of another maker's densitometer have another scale (spine: GE Lunar "
    "about 13 % higher); the file does not say which it is."
)
HEAT_TOGGLE = "Heat map"
HEAT_HELP = "Shows which pixels moved the network's estimate. Takes a moment."
HEAT_HEAD = ("Site", "Shows", "Heat in the regions", "Even map", "Random weights")
HEAT_MEANING = (
    "Warm colours mark what lowered the network's estimate. Trust the map more when clearly more of its heat lies in "
    "the regions than an even map would have there, and when it changes once the weights are randomised (correlation "
    "near 0)."
)
Z_LINE = "Z-score {z} (same age and sex; under 50 years in place of T-score and category)"
