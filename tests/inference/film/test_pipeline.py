"""A study in, a report out, with a network that reads the truth off the film."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from bmd.findings import Finding, note, refusal, warning
from bmd.inference.film.found import Found
from bmd.inference.film.measure import measure
from bmd.inference.film.pipeline import analyse as analyse_film
from bmd.inference.film.warnings import warnings
from bmd.inference.run import Networks
from bmd.modality import analyse
from bmd.reference import DENSITY_LEVELS, LUMBAR, bmd, category, reported_t, t_score, z_score
from bmd.text import say
from bmd.types import Demographics, Image, Report, Study, Volume
from tests.inference.spines import TruthEngine, as_film, centroid, maps_of, plain_tensor, toy_spine, unstretched

CALIBRATION = {
    "coverage": 0.9,
    "film_patient_offset": 0.1,
    "film_patient_slope": 1.1,
    "film_patient_scale": 1.0,
    "film_vertebra_scale": 1.2,
    "aged_patient_scale": 0.9,
    "both_patient_scale": 0.7,
    "both_vertebra_scale": 0.8,
}


@pytest.fixture(autouse=True)
def _plain_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bmd.inference.spine.looks.film_tensor", plain_tensor)
    monkeypatch.setattr("bmd.inference.spine.localise.every_way", unstretched)


def study(film: np.ndarray, patient: Demographics | None = None, **image: object) -> Study:
    return Study("test", (Image(film, "radiograph", **image),), patient or Demographics())  # type: ignore[arg-type]


def check_is_complete(report: Report, spine_seed: int) -> None:
    spine = toy_spine(spine_seed)
    boxes = {v.level: v.box_px for v in report.vertebrae}
    for level in LUMBAR:
        x1, y1, x2, y2 = boxes[level]
        assert np.linalg.norm(centroid(spine, level) - [(x1 + x2) / 2, (y1 + y2) / 2]) < 5


def test_a_film_gives_five_lumbar_vertebrae_and_a_patient_value() -> None:
    report = analyse(study(as_film(toy_spine(1).labels)), "a.png", engine=TruthEngine(CALIBRATION))
    assert report.suitability.suitable
    assert report.levels_certain
    check_is_complete(report, 1)
    assert [p.level for p in report.measurements] == list(DENSITY_LEVELS)
    assert note("film.no_l5") in report.warnings
    assert report.prediction is not None
    assert report.prediction.level is None
    assert report.file == "a.png"
    assert report.device == "test"
    assert report.seconds > 0
    for p in (*report.measurements, report.prediction):
        assert p.t_score is not None
        assert p.interval is not None
        assert p.interval[0] < p.t_score < p.interval[1]
        assert p.category == category(p.t_score)
        assert sum(p.probabilities.values()) == pytest.approx(1, abs=1e-3)
        spread = 0.8 * (1.0 if p.level is None else 1.2)
        assert p.interval[1] - p.interval[0] == pytest.approx(2 * 1.645 * spread, abs=0.2)


def test_calibration_follows_what_is_known_of_the_patient() -> None:
    film = as_film(toy_spine(1).labels)
    every = Demographics(70, "F", 160, 60)
    widths = []
    for patient in (Demographics(), Demographics(age_y=70), Demographics(age_y=70, sex="F"), every):
        report = analyse(study(film, patient), engine=TruthEngine(CALIBRATION))
        assert report.prediction is not None
        assert report.prediction.interval is not None
        widths.append(round(report.prediction.interval[1] - report.prediction.interval[0], 2))
    exact = [2 * 1.645 * 0.8 * scale for scale in (1.0, 1.0, 0.9, 0.7)]
    assert widths == pytest.approx(exact, abs=0.201), "rounded outwards"
    assert widths[0] == widths[1] > widths[2] > widths[3]
    plain = analyse(study(film), engine=TruthEngine())
    assert plain.prediction is not None
    assert plain.prediction.interval is None, "no interval is invented without calibration"
    assert plain.prediction.probabilities == {}


@pytest.mark.parametrize("t", np.arange(-4.0, 1.01, 0.25))
def test_category_is_the_likeliest_class_or_it_is_said_that_it_is_not(t: float) -> None:
    """Over many films and spreads: never a number, a class and probabilities that silently contradict each other."""
    film, silent, told = as_film(toy_spine(1).labels), 0, 0
    for spread in (0.3, 0.8, 1.5):
        report = analyse(study(film), engine=TruthEngine(CALIBRATION, t=t, spread=spread))
        predictions = [p for p in (report.prediction, *report.measurements) if p is not None]
        assert len(predictions) == 5
        said = {w.code: w.values for w in report.warnings}
        for p in predictions:
            top = max(p.probabilities, key=lambda name: p.probabilities[name])
            assert p.category == category(p.t_score)
            if p.probabilities[top] == p.probabilities[p.category]:
                silent += 1
            elif p.level is None:
                told += 1
                assert said["film.between"]["likeliest"] == note(f"category.{top}")
            else:
                told += 1
                assert p.level in said["film.between_levels"]["levels"]
    assert silent > told


def test_classes_are_not_said_to_differ_where_they_agree() -> None:
    film = as_film(toy_spine(1).labels)
    sure = analyse(study(film), engine=TruthEngine(CALIBRATION, t=-4.0))
    assert not {"film.between", "film.between_levels"} & {w.code for w in sure.warnings}
    wide = analyse(study(film), engine=TruthEngine(CALIBRATION, t=-1.3, spread=1.5))
    (found,) = [w for w in wide.warnings if w.code == "film.between"]
    assert "normal is more likely" in say(found).lower()


def test_a_film_unlike_those_simulated_gets_levels_and_no_number() -> None:
    film = as_film(toy_spine(1).labels)
    engine = TruthEngine(CALIBRATION)
    engine.region = {"mean": np.full(192, 0.5), "whiten": np.eye(192), "limit": np.array(8.0)}
    inside = analyse(study(film), engine=engine)
    assert inside.prediction is not None, "the distance is .5 x sqrt(192) = 6.9"
    engine.region = engine.region | {"limit": np.array(6.0)}
    outside = analyse(study(film), engine=engine)
    assert outside.suitability.suitable
    assert outside.prediction is None
    assert outside.measurements == ()
    check_is_complete(outside, 1)
    assert outside.levels_certain
    assert outside.warnings[0] == warning("film.density_unjudged", distance=1.15)
    assert not {"film.too_few", "film.rests_on"} & {w.code for w in outside.warnings}


@pytest.mark.parametrize("sex", ["F", None])
def test_under_50_there_is_no_who_class(sex: str | None) -> None:
    film = as_film(toy_spine(1).labels)
    young = analyse(study(film, Demographics(age_y=31, sex=sex)), engine=TruthEngine(CALIBRATION))  # type: ignore[arg-type]
    old = analyse(study(film, Demographics(age_y=61, sex=sex)), engine=TruthEngine(CALIBRATION))  # type: ignore[arg-type]
    assert old.prediction is not None
    assert old.prediction.category is not None
    assert old.prediction.z_score is None
    assert young.prediction is not None
    for p in (young.prediction, *young.measurements):
        assert (p.t_score, p.interval, p.category, p.probabilities) == (None, None, None, {})
        assert p.bmd_g_cm2 is not None
    z = young.prediction.z_score
    assert (z is None) == (sex is None)
    if z is not None:
        assert z == pytest.approx(z_score(young.prediction.bmd_g_cm2, 31, "F"), abs=0.051)
        assert young.prediction.z_interval is not None
        assert young.prediction.z_interval[0] < z < young.prediction.z_interval[1]
    assert "film.between" not in {w.code for w in young.warnings}


def test_the_patients_density_agrees_with_the_t_score() -> None:
    p = analyse(study(as_film(toy_spine(1).labels)), engine=TruthEngine(CALIBRATION)).prediction
    assert p is not None
    exact = 0.1 + 1.1 * (-1.7 + 0.15)  # the mean of L1-L4
    assert p.t_score == round(exact, 1)
    assert p.bmd_g_cm2 == pytest.approx(bmd(exact, "L1-L4"), abs=6e-4)
    assert reported_t(t_score(p.bmd_g_cm2, "L1-L4")) == p.t_score


def test_outlines_and_boxes_agree_and_lie_in_film_pixels() -> None:
    labels = np.kron(toy_spine(1).labels, np.ones((3, 3), np.uint8))
    report = analyse(study(as_film(labels)), engine=TruthEngine())
    for v in report.vertebrae:
        both = np.concatenate([v.contour_px, v.corners_px])
        low, high = both.min(0), both.max(0)
        assert np.allclose([*low, *high], v.box_px, atol=0.01)
        inside = labels[int(np.mean(v.box_px[1::2])), int(np.mean(v.box_px[::2]))]
        assert inside > 0


@pytest.mark.parametrize("rows", [0, 300])
def test_a_wide_film_is_looked_at_again_from_closer(rows: int) -> None:
    spine = toy_spine(3)
    wide = np.zeros((384 + rows, 1300), np.uint8)
    wide[:384, 400:784] = spine.labels
    engine = TruthEngine()
    report = analyse(study(as_film(wide)), engine=engine)
    assert [v.level for v in report.vertebrae if v.level in LUMBAR] == list(LUMBAR)
    assert sum(name == "cmnet" for name, _ in engine.calls) >= 2
    for v in report.vertebrae:
        x1, y1, x2, y2 = v.box_px
        assert np.linalg.norm(centroid(spine, v.level) - [(x1 + x2) / 2 - 400, (y1 + y2) / 2]) < 6


def test_an_inverted_film_is_turned_back() -> None:
    film = as_film(toy_spine(2).labels)
    report = analyse(study(1 - film), engine=TruthEngine())
    assert report.suitability.suitable
    assert report.suitability.inverted
    assert note("film.inverted") in report.warnings
    check_is_complete(report, 2)


def test_levels_without_a_sacrum_are_a_marked_guess() -> None:
    labels = toy_spine(4).labels
    labels[labels == 9] = 0
    report = analyse(study(as_film(labels)), engine=TruthEngine())
    assert not report.levels_certain
    assert report.warnings[0] == warning("film.levels_uncertain", why=note("film.sacrum_unseen"))
    assert {v.level for v in report.vertebrae} >= set(LUMBAR)


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        (np.zeros((90, 500), np.float32), refusal("film.too_small", width_px=500, height_px=90, least_px=100)),
        (np.full((400, 400), 0.5, np.float32), refusal("film.blank")),
        (np.zeros((120, 1200), np.float32), refusal("film.too_narrow", width_px=1200, height_px=120)),
        (np.random.default_rng(0).random((300, 300), np.float32), refusal("film.no_spine")),
    ],
)
def test_unusable_pictures_are_refused_with_a_reason(film: np.ndarray, reason: Finding) -> None:
    report = analyse(study(film), engine=TruthEngine())
    assert not report.suitability.suitable
    assert report.suitability.reasons == (reason,)
    assert report.vertebrae == ()
    assert report.prediction is None


def test_a_drawing_is_not_a_radiograph() -> None:
    film = np.full((300, 300), 0.9, np.float32)
    film[100:200, 50:250] = 0.4
    report = analyse(study(film), engine=TruthEngine())
    assert report.suitability.reasons == (refusal("film.drawn"),)


def test_other_modalities_and_declared_ap_views_are_refused() -> None:
    ct = Study("x", volume=Volume(np.zeros((3, 100, 100), np.int16), (1.0, 1.0, 1.0)))
    refused = analyse_film(ct, engine=TruthEngine()).suitability
    assert refused.reasons == (refusal("film.other_kind", kind="CT"),)
    assert analyse_film(Study("x", ()), engine=TruthEngine()).suitability.reasons == (refusal("film.nothing"),)
    ap = study(as_film(toy_spine(1).labels), view="ap")
    assert analyse(ap, engine=TruthEngine()).suitability.reasons == (refusal("film.from_front"),)


def test_young_age_gets_the_iscd_note_and_nothing_is_filled_in() -> None:
    film = as_film(toy_spine(1).labels)
    young = analyse(study(film, Demographics(age_y=31)), engine=TruthEngine())
    unknown = analyse(study(film), engine=TruthEngine())
    said = warning("patient.below_who_age", who_age_y=50)
    assert said in young.warnings
    assert said not in unknown.warnings
    assert unknown.patient == Demographics()


def test_a_body_under_metal_is_outlined_and_not_measured() -> None:
    film, calibration = as_film(toy_spine(1).labels), CALIBRATION | {"metal": {"film_from": 0.5, "body_from": 0.2}}
    plain = analyse(study(film), engine=TruthEngine(calibration))
    assert warning("film.metal") not in plain.warnings
    assert all(v.flaw is None for v in plain.vertebrae)
    covered = analyse(study(film), engine=TruthEngine(calibration, metal_on="L3"))
    assert {v.level for v in covered.vertebrae if v.flaw == "metal"} == {"L3"}
    assert {p.level for p in plain.measurements} - {p.level for p in covered.measurements} == {"L3"}
    assert {warning("film.metal"), warning("film.metal_levels", levels=("L3",))} <= set(covered.warnings)


class Faint(TruthEngine):
    """Sees one body only faintly."""

    def run(self, network: str, *inputs: np.ndarray) -> dict[str, np.ndarray]:
        out = super().run(network, *inputs)
        if network == "cmnet":
            body = out["masks"][:, 6] > -1  # L3
            out["masks"][:, 6] = np.where(body, -1.2, out["masks"][:, 6])
            out["masks"][:, 0] = np.where(body, -0.4, out["masks"][:, 0])
            out["centres"][:, 5] -= 4
            out["centres"][:, 9] -= np.where(out["centres"][:, 5] > -3.5, 3.5, 0)
        return out


def test_an_outline_that_is_not_believed_is_not_measured() -> None:
    report = analyse(study(as_film(toy_spine(1).labels)), engine=Faint(CALIBRATION))
    assert {v.level for v in report.vertebrae if v.flaw == "doubted"} == {"L3"}
    assert "L3" not in {p.level for p in report.measurements}
    assert "L2" in {p.level for p in report.measurements}
    assert warning("film.doubted_levels", levels=("L3",)) in report.warnings


def test_vertebrae_cut_by_the_edge_are_not_measured() -> None:
    labels = toy_spine(5).labels
    first = int(np.nonzero((labels == 4).any(1))[0].mean())  # the film begins in the middle of L1
    report = analyse(study(as_film(labels[first:])), engine=TruthEngine())
    assert "L1" not in {p.level for p in report.measurements}
    assert warning("film.cut", levels=("L1",)) in report.warnings


def test_a_single_vertebra_gives_no_patient_value() -> None:
    film = as_film(toy_spine(5).labels)
    whole = analyse(study(film), engine=TruthEngine())
    two = tuple(v for v in whole.vertebrae if v.level in ("L4", "L5"))
    measured = measure(film, two, Demographics(), Networks(TruthEngine()))
    assert [p.level for p in measured.each] == ["L4"]
    assert measured.patient is None
    found = Found(two, certain=True, enough=True, quality=1.0)
    said = warnings(found, measured, study(film), whole.suitability)
    expected = [warning("film.missing", levels=("L1", "L2", "L3")), warning("film.too_few", least=2)]
    assert said == (*expected, note("film.no_l5"))


def test_progress_rises_to_one() -> None:
    seen: list[tuple[float, Finding]] = []
    analyse(study(as_film(toy_spine(1).labels)), progress=lambda s, w: seen.append((s, w)), engine=TruthEngine())
    shares = [s for s, _ in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert [w.code for _, w in seen] == [
        "progress.checking_picture",
        "progress.finding_vertebrae",
        "progress.estimating_density",
        "progress.done",
    ]
    assert all(say(w) for _, w in seen)


def test_threads_get_the_same_answer() -> None:
    one = study(as_film(toy_spine(7).labels))
    engine = TruthEngine()
    reports: list[Report] = []
    threads = [threading.Thread(target=lambda: reports.append(analyse(one, engine=engine))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len({tuple(v.box_px for v in r.vertebrae) for r in reports}) == 1


def test_toy_maps_are_probabilities() -> None:
    maps = maps_of(toy_spine(0).labels)
    assert np.allclose(maps.masks.sum(0), 1, atol=1e-5)
