"""What the Abdominal CT page says."""

from __future__ import annotations

LEAD = "An abdominal CT made for any reason in; vertebrae, their attenuation, both hips and what each network says out."
UPLOAD_TITLE = "Your CT"
HOW = {"files": "Files, zip or NIfTI", "folder": "A folder"}
HOW_LABEL = "What to choose"
UPLOAD_LABEL = {
    "files": "All slices of a series, a zip of them, or a NIfTI volume",
    "folder": "A folder with DICOM slices; subfolders are searched too",
}
UPLOAD_NOTE = "Read in memory only. Nothing is written to disk, and you can remove it at any time."
LISTING = "Looking at {count} files…"
CHOOSE = "Several volumes were found; the one that suits best stands first."
CHOOSE_LABEL = "Volume"
OPEN = "Read this volume"
FILES = "{count} files"
SAMPLES_NOTE = "Scanned by the built-in simulator, so bone density and levels are known. No patient is shown."
GET = (
    (":material/view_in_ar:", "**Three linked planes** with bone, soft tissue and the papers' windows"),
    (":material/straighten:", "**T11 to L5** outlined and named, with **HU** of the spongy bone measured in each body"),
    (":material/image_search:", "**Both hips** in the view the hip networks read, each with its own answer"),
    (":material/groups:", "**Image, patient data, and both** side by side, with what they agree on"),
)

TAB_LEVELS, TAB_HIPS, TAB_MAPS, TAB_METHOD = "Vertebrae", "Hips", "Heat maps", "Model and method"
LEVEL_HEAD = ("Level", "HU, mean ± SD", "Measured", "Slice network", "normal", "osteopenia", "osteoporosis")
HU_CAPTION = (
    "Measured, not learned: mean over the spongy bone inside each body. At L1, 160 HU or less found 90 % of people "
    "with osteoporosis, and 110 HU or less was more than 90 % specific (Pickhardt et al. 2013, 1,867 adults); other "
    "levels have no such cut-off here."
)
UNNAMED = "Bodies that could not be named are counted from above: #1 is the highest."
NO_ATTENUATION = "No level could be measured. The reason is given above."
NETWORK_CAPTION = (
    "The slice network looks at one axial slice per vertebra and answers for the whole lumbar spine; it gives "
    "probabilities, no T-score."
)
NO_SPINE = "The spine gave no estimate; the reason is given below. Other sources did:"
ANSWERS_TITLE = "What each source says"
SOURCES = {
    "pair_acm": "Vertebra slices",
    "femur_image": "Hip image",
    "femur_demographics": "Patient data",
    "femur_multimodal": "Hip image and patient data",
}
AGREE = "All {count} say {category}."
DISAGREE = "They do not agree: {parts}."
NEEDS_PATIENT = "Patient data can answer once age, sex, height or weight is given below."
SIDES = {"right": "Right hip", "left": "Left hip"}
NOT_READ = "Not read: {reason}"
NO_HIPS = "No hip was read: it lies outside the field, or the reason is given above."
HIP_CAPTION = (
    "Coronal pictures through head and neck, found automatically, as the networks see them. The patient's right is on "
    "the left of the page."
)
HIP_FIELD = "Label: the lower T-score of femoral neck and total hip."
MAPS_BUTTON = "Draw heat maps"
MAPS_HINT = (
    "Heat maps show which part of a slice or hip moved each network. Drawing them takes some seconds; they appear here "
    "and on the axial plane."
)
NO_SLICES = "No slice was classified, so none has a heat map; those of the hips are under “Hips”."
MAPS_LEVEL = "Slice of"
MAP_NUMBERS = "heat inside the bone {inside}, an even map would have {even}; correlation with random weights {random}"
