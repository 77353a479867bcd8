"""What the demographics page says."""

from __future__ import annotations

LEAD = "What age, sex, height and weight alone say of bone density: fitted and measured on real people, not simulated."
FORM_TITLE = "Patient"
FORM_NOTE = "Leave empty what is not known. Nothing is assumed: the answer rests on what is given."
HEIGHT, WEIGHT, UNIT = "Height", "Weight", "Unit"
BMI = "Body mass index {bmi:.1f} kg/m²"
BMI_NEEDS = "Body mass index: needs height and weight"
CLEAR = "Clear the form"
REFERENCE = "T-scores compare with"
REFERENCES = {"hologic": "Hologic spine, NHANES III hip (default)", "nhanes_2005_2010": "NHANES 2005–2010, aged 20–29"}
REFERENCE_HELP = (
    "Young white women, whatever the patient's sex and origin, as ISCD says. The reference moves T-scores and classes; "
    "the density stays the same. Z-scores always compare with Americans of the same age and sex (NHANES 2005–2010)."
)
WAITING = "Loading the network…"

EMPTY_TITLE = "What you get"
EMPTY = (
    (":material/bar_chart:", "**How likely** normal, osteopenia and osteoporosis are at spine, neck and hip"),
    (":material/speed:", "**T-score with its interval**, or a Z-score under 50 years"),
    (":material/checklist:", "**OST, OSTA and ORAI** beside it, with their cut-offs and sources"),
    (":material/tune:", "**What if** age or weight were different, and how each field moved the answer"),
    (":material/download:", "**CSV and JSON** to keep"),
)
EMPTY_NOTE = "Give at least one of age, sex, height and weight."
REFUSED, REFUSED_DO = "No answer for these values", "Check the values, or clear the field that is out of range."

SITES = {
    "lumbar": "Lumbar spine",
    "femoral_neck": "Femoral neck",
    "total_hip": "Total hip",
    "lowest": "Lowest of three",
}
LOWEST_OF = "Lowest of lumbar spine, femoral neck and total hip"
Z_OF = "{site}, the lowest of three."
Z_RULE = "Z ≤ −2.0 is below the expected range for age. Compared with Americans of this age and sex."
DENSITY_ONLY = "{site}. A Z-score needs the sex."
Z_BELOW = "Chance of a Z-score of −2.0 or lower: {share}"
MEANING = "Half of such people lie below this T-score; for whom to scan, look at the probabilities and the scores."
TABS = ("Sites", "What if", "Each field's part", "Age curve", "Model and method")
SITE_HEAD = ("Site", "Category", "T-score", "{coverage} interval", "BMD, g/cm²")
Z_HEAD = ("Site", "Z-score", "{coverage} interval", "Z ≤ −2.0", "BMD, g/cm²")
SCORES_TITLE = "Published screening scores"
SCORES_NOTE = "Rules of thumb for whom to scan. They are made for people from 50 years (women after the menopause)."
NEEDS = "Needs: {fields}"
CUTOFF, SOURCE = "Cut-off: {cutoff}.", "Source: {source}."

WHAT_IF_NOTE = "Move a slider: what the network would say of such a person. The form keeps its values."
WHAT_IF_RESET = "Back to the patient"
WHAT_IF_HEAD = ("", "This patient", "What if")
WHAT_IF_NONE = "Give age, height or weight to move it."
AGE, HEIGHT_CM, WEIGHT_KG = "Age (years)", "Height (cm)", "Weight (kg)"

FIELDS_T = "How each field moved the T-score of the lowest site, from knowing nothing to this patient."
FIELDS_BMD = "How each field moved the density (g/cm²) of the {site}, from knowing nothing to this patient."
FIELDS_HOW = (
    "Exact Shapley values: the network is asked about every combination of the known fields, and each field gets its "
    "fair share of the difference. They describe the network, not what changing a habit would do."
)
FIELD_NAMES = {"age_y": "Age", "sex": "Sex", "height_cm": "Height", "weight_kg": "Weight", "start": "Nothing known"}
FIELD_UNITS = {"age_y": "years", "height_cm": "cm", "weight_kg": "kg"}
THIS_PATIENT = "This patient"

AGE_NEEDS = "The age curve needs the sex; the patient appears on it when the age is given too."
AGE_SOURCE = "Mean and spread of Americans of this sex by age, NHANES 2005–2010 (CDC, survey weighted)."
AGE_CUTS = "Cut-offs: {name}."
AGE_SITE = "Site"

METHOD = (
    "Measured on real people: NHANES 2017–March 2020 (USA), a survey cycle that took no part in training or "
    "calibration. The survey scanned people of 50 years and over only in that cycle; for younger adults the figures in "
    "the documentation come from an earlier one. Race and ethnicity are not used."
)
FIGURE_HEAD = (
    *("Site", "People", "Category mix", "AUC, mean of three (95% interval)"),
    *("AUC, osteoporosis", "Right of three", "Calibration error", "Coverage"),
)
FIGURE_NOTE = (
    "Category mix: normal / osteopenia / osteoporosis; always naming the commonest would be right that often. "
    "Calibration error: in brackets what perfectly calibrated probabilities would show by chance with as many people. "
    "Coverage: measured T-score inside the interval."
)
