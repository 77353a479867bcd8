"""metadata.json and the model card beside shipped weights: what they must say, one reader, one writer.

``metrics`` is a list of measurements, each with keys that programs read and no sentence:

========  =====================================================================================================
cohort    on whom: a code below ``network.cohort`` of the words
n         how many ``unit`` were measured; null where it was not written down
unit      "films", "scans", "slices", "hips" or "people"
people    of how many people they are, where that is another number; else null
inputs    what the network was given, a code below ``network.given``; null for the only thing it takes
site      for answers at several sites: which one; else null
kind      "validation" (the training's own check on held-out cases, shown nowhere), "test" (held out of calibration
          too), "pipeline" (the same through the whole chain), "survey" (people of a survey that was only measured on)
          or "real" (pictures of patients through the whole chain)
group     part of the cohort that these figures are of, a code below ``network.group``; null for all of it
measured  ``date``, ``commit`` and ``command`` of the measurement; null in the training's own check
values    the figures, by name; ``<name>_low`` and ``<name>_high`` are the 95 % interval, ``<name>_of`` is of how many
========  =====================================================================================================

``trained_on`` and ``calibration.fitted_on`` have ``cohort`` and ``n`` of the same meaning. ``provenance`` says what
made the weights: ``commit`` of the code, ``command``, ``data_sha256`` over the ``data_files`` read, and ``data_seeds``,
the first seed of each file of simulated cases (missing in weights of an earlier time). What was not
written down at the time is null, and ``reason`` says so; ``shipped_in`` is the commit that first held these files.
Arrays that belong to the weights but are no weights (``attach``) have a key of their own with their file and its hash.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.errors import WeightsError
from bmd.findings import Finding, Value, note
from bmd.text import say

REQUIRED = (
    "name",
    "title",
    "paper",
    "task",
    "modality",
    "options",
    "files",
    "preprocessing",
    "recipe",
    "seed",
    "provenance",
    "metrics",
    "calibration",
    "trained_on",
    "licence",
    "intended_use",
)
"""Keys that metadata must have."""
PROVENANCE = ("commit", "command", "data_sha256", "data_files")
"""Keys of ``provenance`` that a training must know; weights of an earlier time may have null and a ``reason``."""
MEASUREMENT = ("cohort", "n", "unit", "people", "inputs", "site", "kind", "group", "measured", "values")
OWN = "validation"
"""Kind of a training's own check: it chose the weights, so that its figures say little."""
REAL = ("real", "survey")
"""Kinds measured on patients."""
KINDS = (*REAL, "pipeline", "test", OWN)
"""In the order in which they are shown."""
FIRST = ("nhanes_2017_2020", "korea", "lumos", "public_films", "public_films_changed", "public_films_aged")
"""Cohorts in the order in which those of one kind are shown; others follow."""
STAMP = ("date", "commit", "command")
"""Keys of ``measured``."""


def read(folder: Path) -> dict[str, Any]:
    """Metadata of shipped weights; WeightsError when missing, unreadable ("network.not_installed") or incomplete."""
    try:
        metadata: dict[str, Any] = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError("network.not_installed", name=folder.name) from error
    _check(metadata)
    return metadata


def write(folder: Path, metadata: dict[str, Any]) -> None:
    """Write ``metadata.json`` and the model card ``README.md``.

    Raises
    ------
    WeightsError
        "network.metadata_incomplete", or "network.provenance" where what made the weights is neither known nor is
        there a reason.
    """
    _check(metadata)
    folder.mkdir(parents=True, exist_ok=True)
    words = json.dumps(metadata, indent=2, ensure_ascii=False)
    (folder / "metadata.json").write_text(words + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card(metadata), encoding="utf-8")


def update(folder: Path, measured: Iterable[dict[str, Any]], **changes: Any) -> None:
    """Put measurements, and other keys, into the metadata of shipped weights.

    A measurement takes the place of all older ones of its cohort and kind; real people come first, then simulated
    ones, then the training's own check.
    """
    metadata, new = read(folder), list(measured)
    again = {(entry["cohort"], entry["kind"]) for entry in new}
    kept = [entry for entry in metadata["metrics"] if (entry["cohort"], entry["kind"]) not in again]
    write(folder, metadata | changes | {"metrics": sorted([*new, *kept], key=_place)})


def _place(entry: Mapping[str, Any]) -> tuple[int, int]:
    cohort = entry["cohort"]
    return KINDS.index(entry["kind"]), FIRST.index(cohort) if cohort in FIRST else len(FIRST)


def attach(folder: Path, name: str, arrays: Mapping[str, NDArray[np.float32]], **facts: Any) -> None:
    """Write arrays beside weights as ``<name>.npz``; the metadata's key ``name`` has file, hash and ``facts``."""
    packed = io.BytesIO()
    whole: dict[str, Any] = dict(arrays)
    np.savez_compressed(packed, **whole)
    (folder / f"{name}.npz").write_bytes(packed.getvalue())
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    write(folder, read(folder) | {name: {"file": f"{name}.npz", "sha256": digest, **facts}})


def read_attached(folder: Path, name: str) -> dict[str, NDArray[np.float32]]:
    """Arrays that ``attach`` wrote.

    Raises
    ------
    WeightsError
        "network.file_missing" or "network.file_damaged".
    """
    entry = read(folder).get(name) or {}
    path = folder / Path(entry.get("file", f"{name}.npz")).name
    if not entry or not path.is_file():
        raise WeightsError("network.file_missing", file=f"{folder.name}/{path.name}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise WeightsError("network.file_damaged", file=f"{folder.name}/{path.name}")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return {key: np.asarray(stored[key], np.float32) for key in stored.files}


def measurement(
    cohort: str,
    n: int | None,
    unit: str,
    kind: str,
    values: Mapping[str, float],
    *,
    people: int | None = None,
    inputs: str | None = None,
    site: str | None = None,
    group: str | None = None,
    measured: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One entry of ``metrics``; see the module's docstring."""
    where = {"cohort": cohort, "n": n, "unit": unit, "people": people, "inputs": inputs, "site": site, "kind": kind}
    stamp = None if measured is None else dict(measured)
    return where | {"group": group, "measured": stamp, "values": dict(values)}


def shown(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The measurements that may be shown: all but the training's own check."""
    return [entry for entry in metadata.get("metrics") or [] if entry["kind"] != OWN]


def _check(metadata: dict[str, Any]) -> None:
    missing = [key for key in REQUIRED if key not in metadata]
    missing += [f"metrics.{key}" for entry in metadata.get("metrics", []) for key in MEASUREMENT if key not in entry]
    if not missing:
        missing = [f"metrics.{key}" for entry in shown(metadata) for key in _unsaid(entry)]
    if missing:
        raise WeightsError("network.metadata_incomplete", missing=tuple(dict.fromkeys(missing)))
    known = metadata["provenance"]
    unknown = tuple(key for key in PROVENANCE if not known.get(key))
    if unknown and not known.get("reason"):
        raise WeightsError("network.provenance", missing=unknown)


def _unsaid(entry: Mapping[str, Any]) -> list[str]:
    """What a figure lacks that may not be shown without: of how many, and when and how it was measured."""
    stamp = entry.get("measured") or {}
    unsaid = [f"measured.{key}" for key in STAMP if not stamp.get(key)]
    return ["n", *unsaid] if entry.get("n") is None else unsaid


# --- in words ----------------------------------------------------------------------------------------------------
def where(entry: Mapping[str, Any]) -> Finding:
    """On whom a measurement was made: "900 simulated films held out of training and calibration"."""
    return note(f"network.kind.{entry['kind']}", who=who(entry))


def who(entry: Mapping[str, Any]) -> Finding:
    """How many of which cohort: "846 hips of 596 simulated people"; ``entry`` has ``cohort`` and perhaps more keys."""
    cohort = note(f"network.cohort.{entry['cohort']}")
    if entry.get("n") is None:
        return cohort
    if entry.get("people") is None:
        return note("network.who", n=int(entry["n"]), cohort=cohort)
    unit = note(f"network.unit.{entry['unit']}")
    return note("network.who_parts", n=int(entry["n"]), unit=unit, people=int(entry["people"]), cohort=cohort)


def given(entry: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What sets a measurement apart from others on the same cohort: what was given, the site, and the part of it."""
    keys = (("given", entry.get("inputs")), ("site", entry.get("site")), ("group", entry.get("group")))
    return tuple(note(f"network.{group}.{code}") for group, code in keys if code is not None)


def place(entry: Mapping[str, Any]) -> str:
    """The whole place of a measurement in words, ``where`` and ``given``."""
    return ", ".join(say(part) for part in (where(entry), *given(entry)))


def made(provenance: Mapping[str, Any]) -> Finding:
    """Commit, command and data of weights, or what is not known of them."""
    unknown = note("network.unknown_word")
    values: dict[str, Value] = {key: str(provenance.get(key) or "") or unknown for key in PROVENANCE}
    shipped: Value = provenance.get("shipped_in") or unknown
    return note(
        "network.made", reason=note(f"network.reason.{provenance.get('reason', 'none')}", shipped_in=shipped), **values
    )


def card(m: Mapping[str, Any]) -> str:
    """The model card in Markdown."""
    lines = [f"# {m['title']}", "", m["intended_use"], "", f"- Paper: {m['paper']}", f"- Task: {m['task']}"]
    lines += [f"- Input: {m['preprocessing']['steps']}; size {m['preprocessing']['size']}"]
    lines += [f"- Trained on: {say(learned_from(m))}"]
    lines += [f"- Training: {_words(m.get('training', {}))}; seed {m['seed']}", f"- Made: {say(made(m['provenance']))}"]
    lines += [f"- Licence: {m['licence']}", "", "## Measured", "", "| on | measure | value |", "|---|---|---|"]
    for entry in shown(m):
        lines += [f"| {place(entry)} | {key} | {_number(value)} |" for key, value in entry["values"].items()]
    stamps = {say(note("network.measured", **entry["measured"])): None for entry in shown(m)}
    lines += ["", *(f"- {stamp}" for stamp in stamps)]
    if "published" in m:
        paper = m["published"]
        lines += ["", f"In the paper ({paper['measured_on']}, other patients): {_words(paper['values'])}."]
    lines += ["", "## Calibration", "", _words(m["calibration"]) if m["calibration"] else "None yet.", ""]
    lines += ["## Files", ""] + [f"- `{name}` sha256 `{digest}`" for name, digest in m["files"].items()]
    return "\n".join(lines) + "\n"


def learned_from(metadata: Mapping[str, Any]) -> Finding:
    """What weights were trained on."""
    cohort = metadata["trained_on"]
    return note(f"network.trained_on.{_real(cohort)}", who=who(cohort))


def _real(cohort: Mapping[str, Any]) -> str:
    return "simulated" if str(cohort["cohort"]).startswith("simulated") else "real"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _words(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_said(value)}" for key, value in values.items())


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return say(who(value)) if "cohort" in value else f"({_words(value)})"
    return _number(value)
