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
LEVELS_HEAD = ("Level", "Category", "T-score", "Interval", "BMD, g/cm²", "Detection")
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
    "demographics": "Answered by",
    "slices": "Vertebra slices by",
    "femur_image": "Hip image by",
    "femur_demographics": "Patient data by",
    "femur_multimodal": "Hip image and patient data by",
}
TASKS = {
    "masks": "finds, names and outlines vertebrae",
    "boxes": "finds vertebrae as boxes",
    "measure": "estimates bone density of one vertebra",
    "slice": "names the category from one axial slice of a vertebra",
    "hip": "names the category from a picture of one hip",
    "hip_patient": "names the category from age, sex, height and weight",
    "hip_and_patient": "names the category from a hip and the patient's data",
    "dxa": "estimates bone density from the picture alone",
    "regions": "finds the regions L1 to L4",
    "survey": "estimates bone density from age, sex, height and weight",
}
RAN_ON = "Ran on"
MEASURE, VALUE, MEASURED_ON = "Measure", "Value", "Measured on"
INTERVAL_95 = "{name} (95% interval)"
SAID = "True category, by row; what the network said, by column"
MEASURES = {
    "patients": "Patients",
    "people": "People",
    "n": "Pictures",
    "osteoporosis_share": "With osteoporosis",
    "share_normal": "With normal density",
    "share_osteopenia": "With osteopenia",
    "share_osteoporosis": "With osteoporosis",
    "auc": "AUC, T ≤ −2.5",
    "osteoporosis_auc": "AUC, osteoporosis",
    "macro_auc": "AUC, mean of three categories",
    "accuracy": "Right category of three",
    "largest_class": "Right by always naming the commonest",
    "mean_error": "Mean error of T",
    "mean_absolute_error": "Mean error of T",
    "bias": "Mean shift of T",
    "correlation": "Correlation with true T",
    "r": "Correlation with the truth",
    "coverage": "True T inside the interval",
    "vertebra_coverage": "… for single vertebrae",
    "vertebra_mean_error": "Mean error of T, single vertebra",
    "mae_percent": "Mean error of density, %",
    "sd_percent": "… its spread, %",
    "calibration_error": "Calibration error",
    "ece": "Calibration error",
    "ece_floor": "… by chance, with as many people",
    "weighted_ece": "Calibration error, weighted as the survey",
    "weighted_ece_floor": "… by chance, with as many people",
    "brier_error": "Brier score (0 is perfect)",
    "gain": "AUC gained over a linear model",
    "sensitivity": "Sensitivity, mean of three",
    "sensitivity_normal": "Sensitivity, normal",
    "sensitivity_osteopenia": "Sensitivity, osteopenia",
    "sensitivity_osteoporosis": "Sensitivity, osteoporosis",
    "specificity": "Specificity, mean of three",
    "precision": "Precision, mean of three",
    "f1": "F1, mean of three",
    "dice": "Outline overlap (Dice), L1 to L5",
    "dice_any_bone": "Outline overlap (Dice), any vertebra",
    "level_exact": "Right level",
    "found": "Vertebrae found",
    "sacrum": "Sacrum found",
    "others_empty": "Other pictures left without regions",
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
KEY_MEASURES = (
    "patients",
    "people",
    "osteoporosis_share",
    "share_osteoporosis",
    "auc",
    "osteoporosis_auc",
    "macro_auc",
    "mean_error",
    "mean_absolute_error",
    "mae_percent",
    "correlation",
    "r",
    "accuracy",
    "coverage",
    "calibration_error",
    "ece",
    "dice",
    "level_exact",
    "found",
    "sacrum",
)
"""Shown at once, in this order; the others are folded away."""
SHARES = {
    *("osteoporosis_share", "share_normal", "share_osteopenia", "share_osteoporosis", "accuracy", "largest_class"),
    *("coverage", "vertebra_coverage", "level_exact", "found", "sacrum", "level", "others_empty"),
    *("sensitivity", "sensitivity_normal", "sensitivity_osteopenia", "sensitivity_osteoporosis", "specificity"),
    *("precision", "f1"),
}
COUNTS = {"patients", "films", "people", "n"}
EVERY_FIGURE = "Every figure"
PUBLISHED = "The paper itself reports, on {place}: {figures}. {warning}"
PUBLISHED_WARNING = "Those are other people and other images; the two cannot be compared."
AUC_MEANS = "AUC: how well cases are told apart; 0.5 is chance, 1 is perfect."
NOT_MEASURED = "No figures are stored with these weights yet."
NO_WEIGHTS = "Its weights are not installed."
DETAILS = "Training, input, calibration, licence"
SIMULATED_ONLY = (
    "All image networks were trained on simulated images only. Figures measured on simulated people are not "
    "comparable with figures from studies of patients. The demographics network was fitted and measured on real people."
)
LEARNED_FROM = "Learned from: {what}."
NOT_STATED = "not stated"
ESTIMATED = "{site}, estimated by {title}"
MEASURED_IN = "{site}, measured in the scan: bone mineral content over area"
PICTURE = "Annotated picture"

# About
ABOUT_LEAD = (
    "OsteoLens shows how published networks read bone density from images made for other reasons. It runs where it was "
    "started, keeps nothing, and comes with a physics simulator whose true answers are known."
)
WAYS_TITLE = "Four ways in"
WAYS = {
    "radiograph": (
        SPINE_XRAY,
        "A lateral film of the lumbar spine: vertebrae L1 to L5 are found and named, and a T-score with its interval "
        "is estimated for each and for the patient.",
    ),
    "ct": (
        ABDOMINAL_CT,
        "A CT made for any reason: the attenuation (HU) of each vertebral body is measured; networks name the category "
        "from vertebra slices, from the hips, from the patient's data, and from hip and data together. The film's "
        "localiser finds the vertebrae here too.",
    ),
    "dxa": (
        DXA,
        "The front image of a lumbar DXA scan: density is measured where the file holds the scan's own map, and "
        "estimated by a network from the picture alone.",
    ),
    "demographics": (
        DEMOGRAPHICS,
        "Age, sex, height and weight, without any image: probabilities, T- or Z-score, and published screening scores.",
    ),
}
WAYS_TOGETHER = "**Together** lays the answers of all four side by side; nothing is averaged or merged."
WAYS_HEAD = ("Way in", "Network", "Learned from", "Measured on")
INTENDED_TITLE = "Intended use"
INTENDED = (
    "- For teaching, demonstrations and qualitative checks. Not for diagnosis; not a medical device.",
    "- The image networks have seen simulated images only. On those of patients they can be wrong without any sign.",
    "- The demographics network knows surveyed Americans. It says what is usual, not what is so in one person.",
    "- Bone density is diagnosed by DXA. A film or CT carries less information, and the interval says so.",
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
    "- **Simulated patients and the demographics network**: NHANES (CDC, USA), public-use files of real people; only "
    "fitted numbers are shipped.",
    "- **Categories**: WHO: normal T ≥ −1.0; osteopenia −2.5 < T < −1.0; osteoporosis T\u00a0≤\u00a0−2.5.",
)
