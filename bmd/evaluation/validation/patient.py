"""One patient through the whole chain, as an upload would go, and what is kept of it: numbers and codes alone.

No name of a file, no identifier and no word of a header goes into a record; ages of 90 and over are kept as 90.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bmd.errors import BmdError, InputError, WeightsError
from bmd.evaluation.film.bias import reason
from bmd.evaluation.validation.files import kind, said_view
from bmd.evaluation.validation.table import Patient
from bmd.inference import view
from bmd.inference.ct.pipeline import analyse_ct
from bmd.inference.demographics.assess import assess_patient
from bmd.inference.engine import Engine
from bmd.inference.film.pipeline import analyse
from bmd.inference.film.reduced import reduced
from bmd.inference.run import Networks
from bmd.readers import read_study
from bmd.readers.limits import check_file_bytes
from bmd.readers.volume import VolumeChoice, read_paths
from bmd.reference import CATEGORIES, DENSITY_LEVELS
from bmd.types import Demographics, Prediction, Report, Study

Record = dict[str, Any]
Found = TypeVar("Found")
OUTCOMES = ("judged", "no_density", "refused", "unread", "no_lateral", "no_film")
"""What became of a patient's films, the first that holds: a T-score; vertebrae but no density; every lateral film
refused; none could be read; only frontal films; none at all."""
INPUTS = ("film", "demographics", "both")
"""What a T-score was told from: film alone; age, sex, height and weight alone; film with them."""
OLDEST_Y = 90.0
LATERAL_SCORE = "shows_lateral_lumbar"


@dataclass(frozen=True, eq=False)
class Seen:
    """One film of a patient: what is kept of it, and the study and report where it could be analysed."""

    kept: Record
    study: Study | None = None
    report: Report | None = None


def examine(patient: Patient, files: Sequence[Path], folder: Path, engine: Engine | None = None) -> Record:
    """Analyse all films and the CT of a patient, and the figures of the table alone.

    Returns
    -------
    dict
        ``row, age, sex, height, weight, bmd, t`` of the table; ``films``, one dict each: ``said`` and ``tag`` (view by
        name and by header), ``state`` ("analysed", "refused", "unread", "not_film"), ``code`` (why), ``lateral``
        (probability by its looks); ``outcome``, one of ``OUTCOMES``; for each of ``INPUTS`` an answer (``t, low, high,
        p``) or None with ``<input>_why``; ``levels`` (how many of L1-L4 were named), ``certain``; ``ct`` or None;
        ``others``, files that are neither film nor CT.

    Raises
    ------
    WeightsError
        A network without which nothing can be measured is missing.
    """
    kinds = {path: _tried(partial(kind, path), "other")[0] for path in files}
    films = [look(path, path.relative_to(folder), engine) for path in files if kinds[path] == "film"]
    best = chosen(films)
    record: Record = kept_of(patient) | {"films": [film.kept for film in films], "outcome": "", "levels": 0}
    record |= {"others": sum(found == "other" for found in kinds.values()), "certain": False}
    if best is not None and best.report is not None and best.study is not None:
        named = {vertebra.level for vertebra in best.report.vertebrae}
        record |= {"levels": len(named & set(DENSITY_LEVELS)), "certain": best.report.levels_certain}
        record |= _told("film", best.report)
        record |= _both(patient, best.study, engine)
    record |= _figures(patient, engine)
    record["outcome"] = outcome([film.kept for film in films], best is not None, record.get("film") is not None)
    slices = [path for path in files if kinds[path] == "ct"]
    return record | {"ct": scan(slices, patient.known, engine) if slices else None}


def kept_of(patient: Patient) -> Record:
    """What a record keeps of the table."""
    known, age = patient.known, patient.known.age_y
    figures = {"age": None if age is None else min(age, OLDEST_Y), "sex": known.sex}
    figures |= {"height": known.height_cm, "weight": known.weight_kg, "bmd": patient.bmd, "t": patient.t}
    return {"row": patient.row} | figures | dict.fromkeys((*INPUTS, *(f"{name}_why" for name in INPUTS)))


def look(path: Path, place: Path, engine: Engine | None) -> Seen:
    """Read and analyse one film without what is known of its patient."""
    kept: Record = {"said": said_view(place), "tag": None, "state": "unread", "code": "", "lateral": None}
    study, code = _tried(lambda: _read(path), None)
    if study is None:
        return Seen(kept | {"code": code})
    kept["tag"] = study.images[0].view
    if study.modality != "radiograph":
        return Seen(kept | {"state": "not_film", "code": f"modality.{study.modality}"})
    alone = replace(study, patient=Demographics())
    report, code = _tried(lambda: analyse(alone, engine=engine), None)
    if report is None:
        return Seen(kept | {"code": code})
    suits = report.suitability
    share = suits.scores.get(LATERAL_SCORE)
    if share is None:  # the header or the gate refused it first: what would its looks have said?
        shown, _ = _tried(lambda: view.look(reduced(alone.images[0].pixels)[0], Networks(engine)), None)
        share = None if shown is None else shown.share(view.LATERAL)
    kept |= {"state": "analysed" if suits.suitable else "refused"}
    kept |= {"lateral": None if share is None else round(share, 3)}
    return Seen(kept | {"code": "" if suits.suitable else suits.reasons[0].code}, alone, report)


def _read(path: Path) -> Study:
    check_file_bytes(path.stat().st_size)
    return read_study(path.name, path.read_bytes())


def view_of(kept: Record) -> str | None:
    """From which side a film was taken, as its header and its name say; None where they differ or are silent."""
    said = {one for one in (kept["tag"], kept["said"]) if one in ("lateral", "ap")}
    return said.pop() if len(said) == 1 else None


def chosen(films: Sequence[Seen]) -> Seen | None:
    """The film a patient is judged by: of those analysed and not said to be frontal the likeliest lateral one.

    A frontal film that was taken for a lateral one is counted as such and never used.
    """
    able = [film for film in films if film.kept["state"] == "analysed" and view_of(film.kept) != "ap"]
    return max(able, key=lambda film: (view_of(film.kept) == "lateral", film.kept["lateral"] or 0.0), default=None)


def outcome(films: Sequence[Record], used: bool, judged: bool) -> str:
    """What became of a patient's films; see ``OUTCOMES``."""
    if used:
        return "judged" if judged else "no_density"
    lateral = [film for film in films if view_of(film) != "ap" and film["state"] != "not_film"]
    for state in ("refused", "unread"):
        if any(film["state"] == state for film in lateral):
            return state
    return "no_lateral" if any(view_of(film) == "ap" for film in films) else "no_film"


def answer(found: Prediction | None) -> Record | None:
    """A prediction with a T-score, ends of its 90 % interval and the probabilities of the WHO classes; else None."""
    if found is None or found.t_score is None:
        return None
    low, high = found.interval or (None, None)
    shares = [round(found.probabilities[name], 4) for name in CATEGORIES] if found.probabilities else None
    return {"t": found.t_score, "low": low, "high": high, "p": shares}


def _told(name: str, report: Report) -> Record:
    found = answer(report.prediction)
    return {name: found, f"{name}_why": None if found else reason(report) or "patient.below_who_age"}


def _both(patient: Patient, study: Study, engine: Engine | None) -> Record:
    """The same film with what the table knows of its patient."""
    if patient.known == Demographics():
        return {"both_why": "demographics.nothing_given"}
    report, code = _tried(lambda: analyse(replace(study, patient=patient.known), engine=engine), None)
    return {"both_why": code} if report is None else _told("both", report)


def _figures(patient: Patient, engine: Engine | None) -> Record:
    """Age, sex, height and weight alone, at the lumbar spine."""
    report, code = _tried(lambda: assess_patient(patient.known, engine=engine), None)
    if report is None:
        return {"demographics_why": code}
    if not report.suitability.suitable:
        return {"demographics_why": report.suitability.reasons[0].code}
    found = answer(next((one for one in report.answers if one.level == "lumbar"), None))
    return {"demographics": found, "demographics_why": None if found else "patient.below_who_age"}


def scan(paths: Sequence[Path], known: Demographics, engine: Engine | None) -> Record:
    """The CT of a patient that suits best by its headers.

    Returns
    -------
    dict
        ``state`` ("measured", "unmeasured", "refused", "unread"), ``code``, ``hu``, ``level``, ``mean_hu``,
        ``chance`` (of osteoporosis, 0..1), ``certain``, ``series`` (volumes in the files).
    """
    kept: Record = dict.fromkeys(("hu", "level", "mean_hu", "chance"))
    kept |= {"state": "unread", "code": "", "certain": False, "series": 0}
    nothing: tuple[VolumeChoice, ...] = ()
    choices, code = _tried(lambda: read_paths(paths), nothing)
    kept |= {"series": len(choices), "code": code}
    for choice in choices[:1]:
        study, code = _tried(choice.load, None)
        if study is None:
            return kept | {"code": code}
        told = replace(study, patient=known)
        report, code = _tried(partial(analyse_ct, told, engine=engine), None)
        return kept | ({"code": code} if report is None else _measured(report))
    return kept


def _measured(report: Report) -> Record:
    suits, bone = report.suitability, report.trabecular
    if not suits.suitable:
        return {"state": "refused", "code": suits.reasons[0].code}
    if bone is None:
        return {"state": "unmeasured", "code": "", "certain": report.levels_certain}
    chance = None if bone.chance is None else round(bone.chance.share, 4)
    values = {"hu": round(bone.hu, 1), "level": bone.level, "mean_hu": round(bone.mean_hu, 1), "chance": chance}
    return {"state": "measured", "code": "", "certain": report.levels_certain} | values


def _tried(work: Callable[[], Found], otherwise: Found) -> tuple[Found, str]:
    """Do something for one file: what cannot be done is a code, and stops nothing but itself."""
    try:
        return work(), ""
    except WeightsError:
        raise
    except BmdError as error:
        return otherwise, error.finding.code
    except OSError as error:
        return otherwise, InputError("read.cannot_open", reason=error.strerror or "").finding.code
    except Exception as error:  # noqa: BLE001  a fault of ours in one patient must not end a night's work
        return otherwise, f"unexpected.{type(error).__name__}"
