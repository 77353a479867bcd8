"""What is said of a network, in words: its figures grouped and written, how it was trained, what made its weights.

The app's cards and the README's tables are both written from here, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bmd.findings import Value, note
from bmd.models import _metadata as stated
from bmd.reference import CATEGORIES
from bmd.text import codes, say, text

KEY_MEASURES = (
    *("osteoporosis_share", "share_osteoporosis", "found", "level_exact", "all_five"),
    *("names_right", "names_of_bodies", "certain", "certain_and_wrong", "dice", "sacrum", "refused"),
    *("same_verdict", "same_names", "certain_other", "t_moved", "t_moved_most", "ap", "ap50", "ap75"),
    *("analysed", "wrong_way", "wrong_way_turned", "others_refused", "others_certain", "others_refused_as_dxa"),
    *("lateral_kept", "dxa_kept", "auc", "osteoporosis_auc", "macro_auc", "mean_error", "mean_absolute_error"),
    *("mae_percent", "t_shift", "judged", "correlation", "r", "accuracy", "coverage", "calibration_error", "ece"),
    *("accuracy_gain", "macro_auc_gain", "osteoporosis_auc_gain", "metal_found", "metal_false"),
)
"""Shown at once, in this order; the others are folded away. Words: "app.measures"."""
COUNTS = {"patients", "films", "people", "n", "changes"}
NO_SHARES = {
    *("auc", "osteoporosis_auc", "macro_auc", "r", "correlation", "dice", "dice_median", "dice_any_bone", "dice_least"),
    *("mean_error", "mean_absolute_error", "bias", "t_shift", "t_moved", "t_moved_most", "spread", "gain", "r_gain"),
    *("vertebra_mean_error", "calibration_error", "ece", "ece_floor", "weighted_ece", "weighted_ece_floor"),
    *("brier_error", "accuracy_gain", "macro_auc_gain", "osteoporosis_auc_gain", "ap", "ap50", "ap75", "metal_auc"),
    *("mae_percent", "sd_percent", "moved"),
}
"""Measures that are numbers; all others are shares and shown as percentages."""
FINE = {
    *("calibration_error", "ece", "ece_floor", "weighted_ece", "weighted_ece_floor", "gain", "accuracy_gain"),
    *("macro_auc_gain", "osteoporosis_auc_gain", "r_gain", "dice", "dice_median", "dice_any_bone", "brier_error"),
}
"""Measures with three decimals; all others have two."""
ENDS = ("_low", "_high", "_of")
SHORT = 12
"""Characters of a hash that are shown."""


@dataclass(frozen=True)
class Figures:
    """Figures measured alike.

    Attributes
    ----------
    place : str
        On whom, with how many.
    real : bool
        On patients.
    columns : tuple of str
        What was given, or the site; one empty one where there is nothing to tell apart.
    rows : tuple
        Of measure and one value for each of ``columns``.
    stamp : str
        When, at which commit and by which command.
    """

    place: str
    real: bool
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    stamp: str


def figures(entries: Sequence[Mapping[str, Any]]) -> list[Figures]:
    """Group measurements: those of one cohort that differ in what was given or in the site stand side by side.

    Parameters
    ----------
    entries : sequence of mapping
        ``metrics`` of metadata.json; see ``bmd.models._metadata``. Parts of a cohort are left out (``parts``).
    """
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for entry in entries:
        if entry.get("group") is None:
            groups.setdefault((say(stated.where(entry)), entry["kind"], str(entry.get("site"))), []).append(entry)
    return [_group(place, members) for (place, _, _), members in groups.items()]


def _group(place: str, members: Sequence[Mapping[str, Any]]) -> Figures:
    names = [", ".join(say(part) for part in stated.given(entry)) for entry in members]
    sites = {entry.get("site") for entry in members}
    if len(members) > 1 and len(sites) == 1 and None not in sites:
        names = [say(note(f"network.given.{entry['inputs']}")) for entry in members]
        place = f"{place}, {say(note(f'network.site.{sites.pop()}'))}"
    elif len(members) == 1 and names[0]:
        place, names = f"{place}, {names[0]}", [""]
    keys = list(dict.fromkeys(key for entry in members for key in entry["values"] if shown(key)))
    rows = tuple((name_of(key, members[0]["values"]), *(value_of(key, one) for one in members)) for key in keys)
    return Figures(place, members[0]["kind"] in stated.REAL, tuple(names), rows, stamp_of(members[0]))


def shown(key: str) -> bool:
    """Whether a value is a figure of its own: no end of an interval, no count, no cell of a table of confusion."""
    return not key.endswith(ENDS) and "_said_" not in key


def brief(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with those of ``KEY_MEASURES`` only, in that order, with intervals; all where none is among them."""
    values = entry["values"]
    wanted = [f"{key}{end}" for key in KEY_MEASURES for end in ("", *ENDS)]
    return {**entry, "values": {key: values[key] for key in wanted if key in values} or values}


@dataclass(frozen=True)
class Parts:
    """Figures of parts of a cohort: a row for each part, a column for each measure."""

    place: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def parts(entries: Sequence[Mapping[str, Any]]) -> list[Parts]:
    """Subgroups of measurements, one table for each cohort and each thing that was given."""
    tables: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        if entry.get("group") is not None:
            plain = {**entry, "group": None, "n": None}
            tables.setdefault(stated.place(plain), []).append(entry)
    found = []
    for place, members in tables.items():
        keys = list(dict.fromkeys(key for entry in members for key in entry["values"] if shown(key)))
        keys = [key for key in keys if key not in COUNTS]
        head = (text("app.card.part"), text("app.card.count"), *(name_of(key, members[0]["values"]) for key in keys))
        rows = tuple(
            (text(f"network.group.{one['group']}"), str(one["n"]), *(value_of(key, one) for key in keys))
            for one in members
        )
        found.append(Parts(place, head, rows))
    return found


ANSWERED = ("network", "regression")
"""What was measured side by side on people of surveys; codes below ``network.given``."""


def beside(entries: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Rows of the table of surveys: the network and logistic regression on the same people at the same site.

    Columns are those of "app.demographics.figure_head".
    """
    found: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for entry in entries:
        if entry.get("site") is not None and entry.get("group") is None:
            found.setdefault((entry["cohort"], entry["site"]), {})[str(entry["inputs"])] = entry
    return [_beside(*(both[name] for name in ANSWERED)) for both in found.values() if set(both) == set(ANSWERED)]


def _beside(network: Mapping[str, Any], regression: Mapping[str, Any]) -> list[str]:
    ours, plainly = network["values"], regression["values"]
    whom, site = note(f"app.demographics.whom.{network['cohort']}"), note(f"network.site.{network['site']}")
    return [
        text("app.demographics.figure_of", whom=whom, site=site),
        f"{network['n']:,}",
        " / ".join(f"{ours[f'share_{name}']:.0%}" for name in CATEGORIES),
        value_of("macro_auc", network),
        value_of("gain", network),
        f"{ours['ece']:.3f} ({ours['ece_floor']:.3f})",
        f"{plainly['ece']:.3f}",
        value_of("coverage", network),
    ]


# --- numbers -----------------------------------------------------------------------------------------------------
def word(group: str, key: str) -> str:
    """The catalogue's word for a key of the metadata, or the key itself where it has none."""
    code = f"{group}.{key}"
    return text(code) if code in codes() else key


def name_of(key: str, values: Mapping[str, Any]) -> str:
    """What a measure is called, with whether an interval follows."""
    name = word("app.measures", key)
    return text("app.interval_95", name=name) if f"{key}_low" in values else name


def value_of(key: str, entry: Mapping[str, Any]) -> str:
    """A figure with its interval; a share with of how many wherever that is known or the share is all or none."""
    values = entry["values"]
    value = values.get(key)
    if not isinstance(value, int | float) or value != value:
        return "–"
    if is_share(key):
        return _share(key, float(value), values, entry.get("n"))
    said = _number(key, float(value))
    if f"{key}_low" in values:
        said += _between(*(_number(key, float(values[f"{key}{end}"])) for end in ("_low", "_high")))
    return said.replace("-", "−")


def is_share(key: str) -> bool:
    """Whether a measure is a share, shown in percent."""
    return key not in NO_SHARES and key not in COUNTS and not key.endswith("_percent")


def _share(key: str, value: float, values: Mapping[str, Any], n: int | None) -> str:
    of = values.get(f"{key}_of")
    said = f"{value:.1%}"
    if f"{key}_low" in values:
        said += _between(f"{values[f'{key}_low']:.1%}", f"{values[f'{key}_high']:.1%}")
    if of is not None:
        return text("app.share_of", share=said, count=round(value * int(of)), of=int(of))
    return text("app.share_of_all", share=said, of=int(n)) if n is not None and value in (0.0, 1.0) else said


def _between(low: str, high: str) -> str:
    return f" ({text('app.low_to_high', low=low, high=high)})"


def _number(key: str, value: float) -> str:
    if key in COUNTS:
        return f"{value:.0f}"
    if key.endswith("_percent") or key in ("ap", "ap50", "ap75"):
        return f"{value:.1f}"
    return f"{value:.3f}" if key in FINE else f"{value:.2f}"


# --- how it was made ---------------------------------------------------------------------------------------------
def stamp_of(entry: Mapping[str, Any]) -> str:
    """When, at which commit and by which command an entry was measured."""
    return say(note("network.measured", **entry["measured"])) if entry.get("measured") else ""


def recipe(card: Mapping[str, Any]) -> str:
    """How the network was trained, in a sentence or two."""
    own, done = card["recipe"], card.get("training") or {}
    seen = done.get("examples", done.get("people"))
    start = "warm" if own.get("init") else "fresh"
    unknown: Value = note("network.unknown_word")
    values: dict[str, Value] = {
        "seen": unknown if seen is None else f"{int(seen):,}",
        "steps": unknown if done.get("steps") is None else f"{int(done['steps']):,}",
        "batch": int(own["batch"]),
        "lr": float(own["lr"]),
        "weight_decay": float(own["weight_decay"]),
        "device": str(done.get("device", "cpu")),
        "seed": int(card["seed"]),
        "start": note(f"network.recipe.{start}"),
    }
    return text("network.recipe.words", **values)


def weights_hash(card: Mapping[str, Any]) -> str:
    """Beginning of the SHA-256 of each weights file."""
    return ", ".join(f"{name} {digest[:SHORT]}" for name, digest in card["files"].items())


def seeds(provenance: Mapping[str, Any]) -> str:
    """First seeds of the files trained on, the lowest and the highest; empty for people of a survey."""
    known = provenance.get("data_seeds")
    if known is None:
        return text("app.card.unknown")
    return text("app.card.seeds_from", low=min(known), high=max(known), count=len(known)) if known else ""
