"""From a DXA image to a report: gate, regions, measured and estimated density, with an engine that knows the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from bmd.errors import WeightsError
from bmd.findings import Finding, warning
from bmd.inference.dxa.pipeline import analyse_dxa, estimate
from bmd.inference.run import Networks
from bmd.inputs.film import letterbox
from bmd.modality import analyse
from bmd.simulator.case import simulate_dxa
from bmd.text import say
from bmd.truth import Case
from bmd.types import SHOWN, Demographics


@cache
def _case(seed: int = 7, **options: Any) -> Case:
    return simulate_dxa(seed, finding="osteopenia", calibrated=True, **options)


class Knowing:
    """An engine whose region network answers with the true labels, and whose CNN with a given density."""

    device = "test"

    def __init__(self, labels: NDArray, bmd: float = 0.85, metadata: dict[str, Any] | None = None) -> None:
        placement = letterbox(np.zeros(labels.shape, np.float32), 256)[1]
        (sx, sy), (x, y) = placement.scale, placement.offset
        matrix = np.array([[sx, 0, x + sx / 2 - 0.5], [0, sy, y + sy / 2 - 0.5]])
        self.labels = cv2.warpAffine(labels, matrix, (256, 256), flags=cv2.INTER_NEAREST)[::2, ::2]
        self.bmd = bmd
        self.numbers = metadata if metadata is not None else {"half_width": 1.3, "sigma_t": 0.8}
        self.shows = {"dxa": 0.97}

    def run(self, network: str, *inputs: NDArray) -> dict[str, NDArray]:
        if network == "view_cnn":
            rest = (1 - sum(self.shows.values())) / (len(SHOWN) - len(self.shows))
            return {"logits": np.tile(np.log([self.shows.get(kind, rest) for kind in SHOWN]), (len(inputs[0]), 1))}
        if network == "dxa_cnn":
            return {"bmd": np.array([self.bmd], np.float32)}
        one = np.stack([(self.labels == k) * 9.0 for k in range(10)]).astype(np.float32)
        return {"masks": np.stack([one, one[..., ::-1]]), "centres": np.zeros((2, 10, 64, 64), np.float32)}

    def metadata(self, network: str) -> dict[str, Any]:
        return {"calibration": self.numbers}


def codes(findings: Sequence[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def _engine(case: Case, **options: Any) -> Any:
    return Knowing(case.truth.labels, **options)


def test_regions_and_measured_density_of_a_calibrated_scan() -> None:
    case = _case()
    report = analyse(case.study, "scan.dcm", engine=_engine(case))
    assert report.suitability.suitable
    assert report.levels_certain
    assert [v.level for v in report.vertebrae] == ["L1", "L2", "L3", "L4"]
    for one in report.measurements:
        truth = case.truth.bmd_g_cm2[("T10", "T11", "T12", "L1", "L2", "L3", "L4").index(str(one.level))]
        assert one.bmd_g_cm2 == pytest.approx(truth, rel=0.03)
    assert report.prediction is not None
    assert report.prediction.model == "measured"
    assert report.prediction.bmd_g_cm2 == pytest.approx(case.truth.bmd_l1l4, rel=0.02)
    assert [a.model for a in report.answers] == ["measured", "dxa_cnn"]
    assert report.models == {"localiser": "dxa_regions", "density": "dxa_cnn"}


def test_boxes_lie_on_the_true_regions() -> None:
    case = _case()
    report = analyse(case.study, engine=_engine(case))
    for k, vertebra in enumerate(report.vertebrae):
        assert np.abs(np.array(vertebra.box_px) - case.truth.boxes_px[3 + k]).max() < 8


def test_a_plain_picture_is_estimated_and_says_why_it_is_not_measured() -> None:
    case = _case()
    study = replace(case.study, images=case.study.images[:1])
    report = analyse(study, engine=_engine(case))
    assert report.measurements == ()
    assert report.prediction is not None
    assert report.prediction.model == "dxa_cnn"
    assert report.prediction.t_score == pytest.approx((0.85 - 1.047) / 0.110, abs=0.051)
    low, high = report.prediction.interval or (0, 0)
    assert high - low == pytest.approx(2.6, abs=0.21)
    assert "dxa.no_unit" in codes(report.warnings)


def test_something_else_is_refused_with_a_reason() -> None:
    case = simulate_dxa(3, view="hip")
    report = analyse(case.study, engine=_engine(case))
    assert not report.suitability.suitable
    assert codes(report.suitability.reasons) == ["dxa.no_spine"]  # whatever the view network says
    assert report.vertebrae == ()


@pytest.mark.parametrize(
    ("shows", "code", "seems"),
    [
        ({"lateral_lumbar": 0.95}, "view.film_not_dxa", "view.kind.lateral_lumbar"),
        ({"dxa_other": 0.95}, "view.not_dxa", "view.kind.dxa_other"),
        ({"dxa": 0.5, "ap_spine": 0.45}, "view.unclear_dxa", None),
    ],
)
def test_what_is_no_scan_of_the_spine_is_refused_in_words_about_scans(
    shows: dict[str, float], code: str, seems: str | None
) -> None:
    case = _case()
    engine = _engine(case)
    engine.shows = shows
    plain = replace(case.study, images=case.study.images[:1])
    report = analyse(plain, engine=engine)
    assert codes(report.suitability.reasons) == [code]
    assert "DXA image of the lumbar spine" in say(report.suitability.reasons[0])
    if seems:
        assert report.suitability.reasons[0].values["seems"].code == seems  # type: ignore[union-attr]
    assert analyse(case.study, engine=engine).suitability.suitable  # a file with densities is a scan


def test_a_picture_that_is_only_probably_a_scan_is_doubted() -> None:
    case = _case()
    engine = _engine(case)
    engine.shows = {"dxa": 0.8}
    report = analyse(replace(case.study, images=case.study.images[:1]), engine=engine)
    assert report.suitability.suitable
    assert report.warnings[0].code == "view.doubtful_dxa"
    assert not report.levels_certain
    assert report.models["view"] == "view_cnn"


def test_a_scan_from_the_side_is_refused_by_its_header() -> None:
    case = simulate_dxa(3, view="lateral")
    report = analyse(case.study, engine=_engine(case))
    assert codes(report.suitability.reasons) == ["dxa.from_the_side"]


def test_one_vertebra_alone_is_no_result() -> None:
    case = _case()
    labels = np.where(case.truth.labels == 5, 5, 0).astype(np.uint8)
    report = analyse(case.study, engine=Knowing(labels))
    assert not report.suitability.suitable


def test_a_level_cut_off_is_named_and_not_measured() -> None:
    case = simulate_dxa(31, position="high", calibrated=True)
    report = analyse(case.study, engine=_engine(case))
    assert "L4" not in [m.level for m in report.measurements]
    cut = [w.values["levels"] for w in report.warnings if w.code == "dxa.cut_off"]
    assert cut == [("L4",)]


def test_an_outlier_is_proposed_and_nothing_is_left_out() -> None:
    case = _case()
    density = case.study.images[1]
    pixels = density.pixels.copy()
    pixels[case.truth.labels == 5] += 0.35  # L2
    study = replace(case.study, images=(case.study.images[0], replace(density, pixels=pixels)))
    report = analyse(study, engine=_engine(case))
    assert warning("dxa.differs", level="L2", by_t=1.0) in report.warnings
    assert [m.level for m in report.measurements] == ["L1", "L2", "L3", "L4"]


def test_metal_is_suspected() -> None:
    case = simulate_dxa(51, finding="implant", calibrated=True)
    assert "dxa.metal" in codes(analyse(case.study, engine=_engine(case)).warnings)
    clean = _case()
    assert "dxa.metal" not in codes(analyse(clean.study, engine=_engine(clean)).warnings)


def test_under_fifty_a_z_score_takes_the_place_of_class_and_t() -> None:
    case = _case()
    study = replace(case.study, patient=Demographics(35.0, "F", 165.0, 60.0))
    report = analyse(study, engine=_engine(case))
    assert report.prediction is not None
    assert report.prediction.t_score is None
    assert report.prediction.category is None
    assert report.prediction.z_score is not None
    assert "patient.below_who_age" in codes(report.warnings)


def test_missing_weights_of_the_estimate_leave_the_measurement() -> None:
    case = _case()
    engine = _engine(case)

    def broken(network: str, *inputs: NDArray) -> dict[str, NDArray]:
        if network == "dxa_cnn":
            raise WeightsError("dxa.blank")  # any code that has words
        return Knowing.run(engine, network, *inputs)

    engine.run = broken
    report = analyse(case.study, engine=engine)
    assert [a.model for a in report.answers] == ["measured"]
    (missing,) = [w for w in report.warnings if w.code == "dxa.estimate_missing"]
    assert missing.values["reason"] == WeightsError("dxa.blank").finding


def test_without_calibration_there_is_no_interval() -> None:
    case = _case()
    found = estimate(case.study.images[0].pixels, Demographics(), Networks(_engine(case, metadata={})))
    assert found.interval is None
    assert found.probabilities == {}


def test_another_network_of_a_role_can_be_named() -> None:
    case, asked = _case(), []
    engine = _engine(case)

    def noted(network: str, *inputs: NDArray) -> dict[str, NDArray]:
        asked.append(network)
        return Knowing.run(engine, {"other_cnn": "dxa_cnn"}.get(network, network), *inputs)

    engine.run = noted
    report = analyse_dxa(case.study, engine=engine, models={"dxa_density": "other_cnn"})
    assert asked == ["dxa_regions", "other_cnn"]
    assert report.models["density"] == report.answers[-1].model == "other_cnn"


def test_progress_is_told_in_codes_and_never_falls() -> None:
    case, told = _case(), []
    analyse(case.study, engine=_engine(case), progress=lambda share, what: told.append((share, what.code)))
    assert [code for _, code in told] == [
        "progress.checking_picture",
        "progress.finding_regions",
        "progress.estimating_density",
        "progress.done",
    ]
    assert [share for share, _ in told] == sorted(share for share, _ in told)
