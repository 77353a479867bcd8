"""A detector as localiser: one body a box, names in order, corners that lean, and the same report as with maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logit

from bmd.findings import note, warning
from bmd.inference.film import boxes
from bmd.inference.film.boxes import MARGIN, Bodies, as_vertebrae, by_boxes, chain, leaning, merged, names_hold
from bmd.inference.run import Networks
from bmd.modality import analyse
from bmd.reference import DENSITY_LEVELS, LUMBAR
from bmd.types import Image, Study
from tests.inference.spines import TruthEngine, as_film, toy_spine

DETECTOR = {"localiser": "retinanet_aploss"}
SIDE = 384


class Detector(TruthEngine):
    """Finds the true bodies of a spine on a square film of 384, each with a second, weaker name one level below."""

    def __init__(self, spine: Any, sure: float = 0.99, unsure: float = 0.75) -> None:
        super().__init__({"film_patient_scale": 1.2})
        quads = spine.quads[3:8]
        self.truth = np.concatenate([quads.min(1), quads.max(1) + 1], 1)
        self.scores = sure, unsure

    def run(self, network: str, *inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        if network != "retinanet_aploss":
            return super().run(network, *inputs)
        mirrored = self.truth[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [SIDE, 0, SIDE, 0]
        found = np.stack([np.concatenate([b, b[:4], [[1, 1, 30, 30]]]) for b in (self.truth, mirrored)])
        levels = np.array([1, 2, 3, 4, 5, 2, 3, 4, 5, 1])
        scores = np.array([self.scores[0]] * 5 + [self.scores[1]] * 4 + [0.3])
        return {"boxes": found, "labels": np.stack([levels] * 2), "scores": np.stack([scores] * 2)}

    def metadata(self, network: str) -> dict[str, Any]:
        return super().metadata(network) | {"options": {"size": SIDE}}


@pytest.mark.parametrize("seed", range(4))
def test_a_detector_gives_the_same_report_as_maps(seed: int) -> None:
    spine = toy_spine(seed)
    study = Study("test", (Image(as_film(spine.labels), "radiograph"),))
    report = analyse(study, engine=Detector(spine), models=DETECTOR)
    assert report.models == {"localiser": "retinanet_aploss", "view": "view_cnn", "density": "c5_gap_fc3"}
    assert [v.level for v in report.vertebrae] == list(LUMBAR)
    assert [p.level for p in report.measurements] == list(DENSITY_LEVELS)
    assert report.prediction is not None
    assert report.levels_certain
    assert report.warnings[:2] == (note("film.names_of_detector"), note("film.boxes_only"))
    for v, quad in zip(report.vertebrae, spine.quads[3:8], strict=True):
        assert v.corners_px is not None
        assert np.allclose(v.box_px, [*quad.min(0), *quad.max(0)], atol=0.51)
        assert np.allclose(v.contour_px.min(0), v.box_px[:2])
        height = np.linalg.norm(quad[0] - quad[3])
        assert np.linalg.norm(v.corners_px - quad, axis=1).mean() < 0.25 * height, "posterior first, as it faces"


def test_names_that_fit_one_level_off_are_uncertain() -> None:
    spine = toy_spine(1)
    found = by_boxes(as_film(spine.labels), Networks(Detector(spine, 0.95, 0.94), DETECTOR))
    assert not found.certain
    assert found.said[0] == warning("film.levels_uncertain", why=note("film.detector_unsure"))
    assert [v.level for v in found.vertebrae] == list(LUMBAR)


def test_nothing_found_is_no_spine() -> None:
    spine = toy_spine(1)
    study = Study("test", (Image(as_film(spine.labels), "radiograph"),))
    report = analyse(study, engine=Detector(spine, 0.2, 0.1), models=DETECTOR)
    assert [reason.code for reason in report.suitability.reasons] == ["film.no_spine"]
    assert report.vertebrae == ()
    assert report.suitability.scores["bodies"] == 0


def test_boxes_of_one_body_become_one() -> None:
    rows = np.array([[0, 100, 40, 130], [2, 101, 41, 131], [0, 60, 40, 90], [4, 60, 44, 90]], float)
    bodies = merged(rows, np.array([2, 3, 1, 1]), np.array([0.9, 0.8, 0.9, 0.8], np.float32), np.array([0, 0, 0, 1]), 2)
    assert np.allclose(bodies.boxes, [[2, 60, 42, 90], [0, 100, 40, 130]]), "the best of each look, averaged"
    assert bodies.scores[0, 1] == pytest.approx(0.85)
    assert bodies.scores[1, 2] == pytest.approx((0.9 + boxes.LEAST_SCORE) / 2), "seen in one of two looks"


def sorted_bodies(scores: NDArray[np.float64]) -> Bodies:
    top = 50.0 * np.arange(len(scores))
    return Bodies(np.stack([top * 0, top, top * 0 + 50, top + 40], 1), scores)


def test_one_wrong_name_gives_way_to_the_order() -> None:
    scores = np.full((5, 5), 0.7)
    scores[np.arange(5), np.arange(5)] = 0.95
    scores[2, 3] = 0.96  # the third body looks a little more like L4
    assert chain(sorted_bodies(scores)) == ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])


def test_a_gap_is_allowed_but_not_certain() -> None:
    scores = np.full((4, 5), 0.7)
    scores[np.arange(4), [0, 1, 3, 4]] = 0.999
    bodies = sorted_bodies(scores)
    rows, levels = chain(bodies)
    assert levels == [0, 1, 3, 4]
    assert not names_hold(bodies, rows, levels)
    whole = np.full((5, 5), 0.7)
    whole[np.arange(5), np.arange(5)] = 0.999
    assert names_hold(sorted_bodies(whole), *chain(sorted_bodies(whole)))
    close = 1 / (1 + np.exp(-(logit(0.999) - 0.9 * MARGIN)))
    whole[np.arange(4), np.arange(1, 5)] = close
    assert not names_hold(sorted_bodies(whole), *chain(sorted_bodies(whole)))


@pytest.mark.parametrize("degrees", [-30.0, -10.0, 0.0, 25.0])
def test_a_leaning_body_is_found_again_in_its_box(degrees: float) -> None:
    true = boxes.box_corners((100, 100, 160, 140), degrees)
    box = np.array([*true.min(0), *true.max(0)], float)
    assert np.allclose(leaning(box, np.deg2rad(degrees), True), true, atol=0.01)


def test_a_box_at_the_edge_is_not_measured() -> None:
    spine = toy_spine(1)
    engine = Detector(spine)
    engine.truth[0, 1] = 0.0
    found = by_boxes(as_film(spine.labels), Networks(engine, DETECTOR))
    assert found.cut == {"L1"}


def test_no_bodies_are_no_vertebrae() -> None:
    empty = Bodies(np.zeros((0, 4)), np.zeros((0, 5)))
    assert chain(empty) == ([], [])
    assert as_vertebrae(empty, [], []) == ()
