"""Words that pages still look up here; everything else is in ``bmd/text/en.toml``."""

from __future__ import annotations

from bmd.modality import MODALITIES
from bmd.text import text

KINDS = {row.kind: text(row.title) for row in MODALITIES}
UNNAMED, EXPLAINING, UNKNOWN = text("app.unnamed"), text("app.explaining"), text("app.unknown")
AGE, SEX, SEXES = text("app.age"), text("app.sex"), {"F": text("app.F"), "M": text("app.M")}
AUC_MEANS, LEARNED_FROM, REFERENCE = text("app.auc_means"), "Learned from: {what}.", text("app.reference")
ROLES = {"demographics": text("app.role.demographics")}
AGE_NEEDS_SEX, AGE_NEEDS_AGE = text("app.age_needs_sex"), text("app.age_needs_age")
HEAT_MEANING = text("app.film.heat_meaning")
