"""What the app says, in one place: the seam for other languages."""

from __future__ import annotations

from bmd import INTENDED_USE as INTENDED_USE

NAME = "OsteoLens"

SPINE_XRAY = "Spine X-ray"
ABDOMINAL_CT = "Abdominal CT"
DXA = "DXA image"
DEMOGRAPHICS = "Demographics"
TOGETHER = "Together"
ABOUT = "About"
KINDS = {"film": SPINE_XRAY, "ct": ABDOMINAL_CT, "dxa": DXA, "demographics": DEMOGRAPHICS}

SOMETHING_WRONG = (
    "Something went wrong on our side and this step could not be finished. Your file was not stored. "
    "Try again, or try another one; the fault has been noted in the server's log."
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
ANOTHER = {"film": "Another film", "ct": "Another CT", "dxa": "Another image", "demographics": "Start again"}
ANOTHER_HELP = "Removes this one and its result from memory"
STARTING = "Loading the networks…"
WAITING = "Waiting for the networks to be free…"
AGAIN = "Try again"
HOW_READ = {"film": "How the film was read", "ct": "How the CT was read", "dxa": "How the image was read"}
NOT_SUITABLE = {
    "film": "This film was not analysed",
    "ct": "This CT was not analysed",
    "dxa": "This image was not analysed",
}
NOT_SUITABLE_DO = {
    "film": "What helps: a lateral (side) view of the lumbar spine, not cropped tightly, with the sacrum in the "
    "picture. The film stays on the left so that you can check it.",
    "ct": "What helps: an abdominal CT with the lumbar spine down to the sacrum. The CT stays on the left so that "
    "you can check it.",
    "dxa": "What helps: the front (AP) image of a lumbar spine scan with L1 to L4. The image stays on the left so that "
    "you can check it.",
}
LEVELS_UNCERTAIN = "Check the level names."
LEVELS_DO = "Compare them with the picture before you use a number for one level."

# Patient
PATIENT_TITLE = "Patient (optional)"
PATIENT_NOTE = (
    "Sharpens the estimate and places the patient on the age curve. Empty fields stay unknown; nothing is assumed."
)
PATIENT_FROM_FILE = "Filled in from the film's own tags where it had them."
AGE, SEX, HEIGHT, WEIGHT = "Age (years)", "Sex", "Height (cm)", "Weight (kg)"
SEXES = {"F": "Female", "M": "Male"}
UNKNOWN = "Unknown"
USE_VALUES = "Update the result"
OFFER = "Use the values given on the {page} page: {values}"

# Result
HEAT_TOGGLE = "Heat maps"
HEAT_HELP = "Shows which pixels moved the estimate for each vertebra. Takes a moment."
EXPLAINING = "Drawing heat maps…"
HEAT_HEAD = ("Level", "Shows", "Heat inside", "Even map", "Random weights")
HEAT_MEANING = (
    "Warm colours mark what moved the network towards the category it gave; trust a map more when clearly more of its "
    "heat lies inside the vertebra than an even map would have there, and when it changes once the network's weights "
    "are randomised (correlation near 0)."
)
NO_ESTIMATE = "No estimate of bone density for the patient. The reason is given below."
NO_T_SCORE = "No T-score"
SHARE_ONLY = "Probability {share}"
TRUTH = "True value of this simulated case: T-score {t}"
ALSO_OUTLINED = "Also outlined, not measured: {levels}."
UNNAMED = "one without a name"
TAB_LEVELS, TAB_AGE, TAB_METHOD = "Vertebrae", "Age curve", "Model and method"
AGE_NEEDS_SEX = (
    "Say the patient's sex and age under “Patient” to see the estimate on the age curve. Neither is assumed."
)
AGE_NEEDS_AGE = "Say the patient's age under “Patient” to see the estimate on the curve."
REFERENCE = "T-scores refer to"

WARNINGS = "What limits this result"

# Model and method
ROLES = {
    "localiser": "Vertebrae found by",
    "density": "Bone density by",
    "slices": "Vertebra slices by",
    "femur_image": "Hip image by",
    "femur_demographics": "Patient data by",
    "femur_multimodal": "Hip image and patient data by",
}
TASKS = {
    "masks": "finds, names and outlines vertebrae",
    "boxes": "finds vertebrae as boxes",
    "measure": "estimates bone density of one vertebra",
}
RAN_ON = "Ran on"
MEASURE, VALUE, MEASURED_ON = "Measure", "Value", "Measured on"
MEASURES = {
    "patients": "Patients",
    "osteoporosis_share": "With osteoporosis",
    "auc": "AUC, T ≤ −2.5 (95 % interval)",
    "mean_error": "Mean error of T",
    "correlation": "Correlation with true T",
    "accuracy": "Right category of three",
    "coverage": "True T inside the interval",
    "vertebra_coverage": "… for single vertebrae",
    "vertebra_mean_error": "Mean error of T, single vertebra",
    "calibration_error": "Calibration error",
    "dice": "Dice, L1 to L5",
    "dice_any_bone": "Dice, any vertebra",
    "level_exact": "Right level",
    "found": "Vertebrae found",
    "sacrum": "Sacrum found",
    "level": "Right level from one crop",
    "film_mae": "Mean error of T, film only",
    "film_r": "Correlation, film only",
    "film_auc": "AUC, film only",
    "known_mae": "Mean error of T, patient data only",
    "known_r": "Correlation, patient data only",
    "known_auc": "AUC, patient data only",
    "both_mae": "Mean error of T, both",
    "both_r": "Correlation, both",
    "both_auc": "AUC, both",
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
}
SHARES = {"osteoporosis_share", "accuracy", "coverage", "vertebra_coverage", "level_exact", "found", "sacrum", "level"}
COUNTS = {"patients", "films"}
NOT_MEASURED = "No figures are stored with these weights yet."
NO_WEIGHTS = "Its weights are not installed."
DETAILS = "Training, input, calibration, licence"
SIMULATED_ONLY = (
    "All image networks were trained on simulated images only. Figures measured on a simulated cohort are not "
    "comparable with figures from studies of patients. The demographics network was fitted and measured on real people."
)
PICTURE = "Annotated picture"

# About
ABOUT_LEAD = (
    "OsteoLens shows how published networks read bone density from images made for other reasons. It runs where it was "
    "started, keeps nothing, and comes with a physics simulator whose true answers are known."
)
INTENDED_TITLE = "Intended use"
INTENDED = (
    "- Not a medical device. Do not use a result to decide anything about a patient.",
    "- The image networks have seen simulated images only. On those of patients they can be wrong without any sign.",
    "- Bone density is diagnosed by DXA. A lateral film carries far less information, and the interval says so.",
    "- WHO categories are meant for postmenopausal women and men from 50 years.",
)
PRIVACY_TITLE = "Privacy"
PRIVACY = (
    "- A file is read in the memory of the computer that runs this app. Nothing is written to disk or sent elsewhere.",
    "- Of a DICOM file only the picture, its spacing and view, and age, sex, height and weight are kept. Names, "
    "numbers and dates are never shown, logged or exported.",
    "- It is held until you choose another, remove it here, or close the page; it is then gone within two minutes.",
)
HELD = "Held now in this session: {what}."
HELD_ONE = "{what} ({mb:.1f} MB) and {result}"
HELD_KINDS = {"film": "one film", "ct": "one CT", "dxa": "one DXA image", "demographics": "one form"}
HELD_RESULT, HELD_NO_RESULT = "its result", "no result yet"
HELD_NOTHING = "Held now in this session: nothing."
PURGE = "Remove everything now"
PURGED = "Everything was removed."
MODELS_TITLE = "Models and what they were measured on"
SOURCES_TITLE = "Papers and data behind them"
SOURCES = (
    "- **Reference for T-scores**: {reference}.",
    "- **Simulated patients**: NHANES (CDC, USA), public-use files; only fitted numbers are shipped.",
    "- **Categories**: WHO: normal T ≥ −1.0; osteopenia −2.5 < T < −1.0; osteoporosis T\u00a0≤\u00a0−2.5.",
)
