"""What the Together page says."""

from __future__ import annotations

LEAD = "What each input of this session says of one patient, side by side. Nothing is averaged or merged."
EMPTY_TITLE = "Nothing to compare yet"
EMPTY = (
    "Open at least two of the pages below with inputs of the same patient. Their results then appear here on one axis, "
    "with what they agree on, where they differ and by how much."
)
ONE = "One input so far. Add another of the same patient to compare:"
ADD = "Add another input of the same patient:"
WHAT = {
    "film": "a lateral film of the lumbar spine",
    "ct": "an abdominal CT",
    "dxa": "the image of a lumbar spine scan",
    "demographics": "age, sex, height and weight",
}
SAME_PATIENT = "Whether the inputs belong to one patient cannot be checked here: no names or numbers are read."
DIFFERENT = "**The pages know different things of the patient.** {parts}. Check that all inputs are of one patient."
FIELDS = {"age_y": "Age", "sex": "Sex", "height_cm": "Height", "weight_kg": "Weight"}
UNITS = {"age_y": " years", "sex": "", "height_cm": " cm", "weight_kg": " kg"}

T_TITLE = "T-score of each source"
T_CAPTION = (
    "A line is the source's own interval. Spine and hip may truly differ in one person, and the sources were not "
    "built to be combined."
)
P_TITLE = "Probability each source gives"
AGREEMENT = "Where they agree and differ"
ALL_SAY = "All {count} sources that name a category say **{category}**."
DIFFER = "They name different categories: {parts}."
ONE_SAYS = "One source names a category: {parts}."
NO_CATEGORY = "No source names a category."
APART = "At the {site} the T-scores lie up to **{gap}** apart ({low_name} {low}, {high_name} {high}); {overlap}."
OVERLAP, NO_OVERLAP = "their intervals overlap", "their intervals do not overlap, so at least one is wrong or unusual"
NO_INTERVAL = "one of them has no interval"
REFUSED = "{page}: not analysed. {reasons}"
WAITING = "{page}: held, but not analysed yet. Open the page."

TABLE_TITLE = "Every figure, and what it was learned from"
HEAD = ("Source", "Site", "Category", "T-score", "Interval", "Osteoporosis", "Learned from")
HU_HEAD = ("Level", "HU, mean ± SD", "Where from")
HU_TITLE = "Attenuation on CT"
HU_FROM = "measured in this CT, not learned"
MEASURED = "measured in this scan, not learned"
SITES = {
    "lumbar": "Lumbar spine",
    "femoral_neck": "Femoral neck",
    "total_hip": "Total hip",
    "lowest": "Lowest of three sites",
    "hip": "Hip",
    None: "Lumbar spine",
}
HIP_MODELS = ("femur_image", "femur_demographics", "femur_multimodal")
