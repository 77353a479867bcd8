"""What the app says, in one place: the seam for other languages."""

from __future__ import annotations

NAME = "OsteoLens"
INTENDED_USE = "For teaching, demonstrations and qualitative checks. Not for diagnosis."

SPINE_XRAY = "Spine X-ray"
ABOUT = "About"

SOMETHING_WRONG = (
    "Something went wrong on our side and this step could not be finished. Your film was not stored. "
    "Try again, or try another film; the fault has been noted in the server's log."
)

# Choosing a film
LEAD = "A lateral film of the lumbar spine in; vertebrae, bone density and how sure the estimate is out."
UPLOAD_TITLE = "Your film"
UPLOAD_LABEL = "Lateral lumbar film: DICOM, PNG, JPEG or TIFF"
UPLOAD_NOTE = "Read in memory only. Nothing is written to disk, and you can remove it at any time."
READING = "Reading the film…"
SAMPLES_TITLE = "Or open a simulated case"
SAMPLES_NOTE = "Drawn by the built-in physics simulator, so the true bone density is known. No patient is shown."
OPEN = "Open"
GET_TITLE = "What you get"
GET = (
    (":material/straighten:", "**L1 to L5** found, outlined and named, counted up from the sacrum"),
    (":material/speed:", "**T-score with its interval**, bone density and WHO category, overall and for each vertebra"),
    (":material/local_fire_department:", "**Heat maps** with numbers that say how far to trust them"),
    (":material/download:", "**CSV, JSON and an annotated picture** to keep"),
)

# Looking at a film
ANOTHER = "Another film"
ANOTHER_HELP = "Removes this film and its result from memory"
STARTING = "Starting…"
AGAIN = "Try again"
HOW_READ = "How the film was read"
NOT_SUITABLE = "This film was not analysed"
NOT_SUITABLE_DO = (
    "What helps: a lateral (side) view of the lumbar spine, not cropped tightly, with the sacrum in the picture. "
    "The film stays on the left so that you can check it."
)
LEVELS_UNCERTAIN = (
    "**Levels uncertain.** The sacrum could not be relied on for counting, so the names L1 to L5 may be shifted by "
    "one or more. Check them on the film before you use any number for a level."
)

# Patient
PATIENT_TITLE = "Patient (optional)"
PATIENT_NOTE = (
    "Sharpens the estimate and places the patient on the age curve. Empty fields stay unknown; nothing is assumed."
)
PATIENT_FROM_FILE = "Filled in from the film's own tags where it had them."
AGE, SEX, HEIGHT, WEIGHT = "Age (years)", "Sex", "Height (cm)", "Weight (kg)"
SEXES = {"F": "Female", "M": "Male"}
USE_VALUES = "Update the result"

# Result
HEAT_TOGGLE = "Heat maps"
HEAT_HELP = "Shows which pixels moved the estimate for each vertebra. Takes a moment."
EXPLAINING = "Drawing heat maps…"
HEAT_MEANING = (
    "Warm colours mark the pixels that moved the network towards the category it gave. A map deserves attention when most "
    "of its heat lies inside the vertebra and when it changes once the network's weights are randomised (correlation near 0); "
    "a map that stays the same shows edges, not what the network learned."
)
NO_ESTIMATE = "Vertebrae were found, but none could be measured well enough for an estimate of bone density."
TAB_LEVELS, TAB_AGE, TAB_METHOD = "Vertebrae", "Age curve", "Model and method"
AGE_NEEDS_SEX = (
    "Say the patient's sex and age under “Patient” to see the estimate on the age curve. Neither is assumed."
)
AGE_NEEDS_AGE = "Say the patient's age under “Patient” to see the estimate on the curve."
REFERENCE = "T-scores refer to"
