"""From a DXA image to a report: gate, regions, measured and estimated density, with an engine that knows the truth."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from io import StringIO
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from bmd.cli_predict import line
from bmd.errors import WeightsError
from bmd.findings import Finding, warning
from bmd.inference.dxa import without
from bmd.inference.dxa.pipeline import analyse_dxa, estimate
from bmd.inference.run import Networks
from bmd.inputs.dxa import Way, region_input
from bmd.inputs.film import letterbox
from bmd.modality import analyse
from bmd.report.csv_json import as_object, to_csv
from bmd.simulator.case import simulate_dxa
from bmd.text import say, text
from bmd.truth import Case
from bmd.types import SHOWN, Demographics


@cache
def _case(seed: int = 7, **options: Any) -> Case:
    return simulate_dxa(seed, finding="osteopenia", calibrated=True, **options)


class Knowing:
    """An engine whose region network answers with the true labels of the picture the right way round, else with none.

    Its CNN answers with a given density.
    """

    device = "test"

    def __init__(
        self, labels: NDArray, pixels: NDArray, bmd: float = 0.85, metadata: dict[str, Any] | None = None
    ) -> None:
        self.right = region_input(pixels)[0][0]
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
            self.estimated = inputs[0]
            return {"bmd": np.array([self.bmd], np.float32)}
        return {"masks": np.stack([self.masks(one[0]) for one in inputs[0]]).astype(np.float32)}

    def masks(self, view: NDArray) -> NDArray:
        one = np.stack([(self.labels == k) * 9.0 for k in range(10)])
        for shown, found in ((self.right, one), (self.right[:, ::-1], one[..., ::-1])):
            if np.corrcoef(view.ravel(), shown.ravel())[0, 1] > 0.9:
                return found
        return np.eye(10, 1)[..., None] * 9.0 + np.zeros((10, 128, 128))

    def metadata(self, network: str) -> dict[str, Any]:
        return {"calibration": self.numbers}


def codes(findings: Sequence[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def _engine(case: Case, **options: Any) -> Any:
    return Knowing(case.truth.labels, case.study.images[0].pixels, **options)


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


def test_a_picture_without_a_scale_has_no_density_anywhere() -> None:
    case = _case()
    study = replace(case.study, images=case.study.images[:1])
    report = analyse(study, engine=_engine(case))
    assert report.suitability.suitable
    assert [v.level for v in report.vertebrae] == ["L1", "L2", "L3", "L4"]
    assert (report.measurements, report.prediction, report.answers, report.densities) == ((), None, (), ())
    assert not report.levels_certain
    assert "dxa.levels_uncertain" in codes(report.warnings)
    assert "density" not in report.models
    assert "dxa.no_unit" in codes(report.warnings)
    written = as_object(report)
    assert (written["prediction"], written["answers"]) == (None, [])
    assert all(v["t_score"] is None and v["bmd_g_cm2"] is None and not v["category"] for v in written["vertebrae"])
    table = list(csv.DictReader(StringIO(to_csv([report]))))
    assert [row["level"] for row in table] == ["L1", "L2", "L3", "L4"]
    assert not any(row[name] for row in table for name in ("t_score", "bmd_g_cm2", "category", "p_osteoporosis"))
    assert text("command.no_density") in line(report)


def test_the_estimate_of_a_measured_scan_and_its_interval() -> None:
    case = _case()
    report = analyse(case.study, engine=_engine(case))
    one = report.answers[1]
    assert one.t_score == pytest.approx((0.85 - 1.047) / 0.110, abs=0.051)
    low, high = one.interval or (0, 0)
    assert high - low == pytest.approx(2.6, abs=0.21)
    assert "dxa.estimate_simulated" in codes(report.warnings)


@pytest.mark.parametrize(("dark", "down"), [(True, False), (False, True), (True, True)])
def test_a_picture_the_wrong_way_round_is_turned_and_said_to_be(dark: bool, down: bool) -> None:
    case, way = _case(), Way(dark, down)
    plain = replace(case.study, images=case.study.images[:1])
    upright = analyse(plain, engine=_engine(case))
    pixels = way.turn(case.study.images[0].pixels)
    turned = replace(plain, images=(replace(plain.images[0], pixels=pixels),))
    report = analyse(turned, engine=_engine(case))
    assert report.suitability.suitable
    assert (report.suitability.inverted, report.suitability.upside_down) == (dark, down)
    assert codes(report.warnings)[: dark + down] == ["dxa.bone_dark"] * dark + ["dxa.upside_down"] * down
    height = pixels.shape[0]
    for one, other in zip(upright.vertebrae, report.vertebrae, strict=True):
        x1, y1, x2, y2 = one.box_px
        assert one.level == other.level
        assert other.box_px == pytest.approx((x1, height - 1 - y2, x2, height - 1 - y1) if down else one.box_px)
        rows = np.asarray(other.contour_px)[:, 1]
        assert rows.min() == pytest.approx(other.box_px[1], abs=0.01)
        assert rows.max() == pytest.approx(other.box_px[3], abs=0.01)
    written = as_object(report)
    assert (written["inverted"], written["upside_down"]) == (dark, down)


def test_the_estimate_sees_the_picture_the_right_way_round() -> None:
    case = _case()
    engine, other = _engine(case), _engine(case)
    analyse(case.study, engine=engine)
    image = replace(case.study.images[0], pixels=1 - case.study.images[0].pixels)
    dark = analyse(replace(case.study, images=(image, case.study.images[1])), engine=other)
    assert dark.suitability.inverted
    assert np.allclose(engine.estimated, other.estimated, atol=1e-5)


def test_a_picture_of_which_no_way_is_clearly_right_is_read_as_it_is_with_uncertain_names() -> None:
    case = _case()
    engine = _engine(case)

    def blind(network: str, *inputs: NDArray) -> dict[str, NDArray]:
        found = Knowing.run(engine, network, *inputs)
        return {"masks": 0 * found["masks"]} if network == "dxa_ways" else found

    engine.run = blind
    report = analyse(case.study, engine=engine)
    assert report.suitability.suitable
    assert not report.suitability.inverted
    assert not report.suitability.upside_down
    assert report.warnings[0].code == "dxa.way_doubtful"
    assert not report.levels_certain
    assert report.prediction is not None
    assert report.prediction.t_score is None


def test_a_picture_that_is_rather_not_the_right_way_round_is_refused() -> None:
    case = _case()
    engine = _engine(case)

    def rather_dark(network: str, *inputs: NDArray) -> dict[str, NDArray]:
        found = Knowing.run(engine, network, *inputs)
        if network == "dxa_ways":
            found = {"masks": np.zeros_like(found["masks"])}
            found["masks"][[1, 5], 4] = 1.0  # a little more of a spine in the negative and in its mirror image
        return found

    engine.run = rather_dark
    assert codes(analyse(case.study, engine=engine).suitability.reasons) == ["dxa.way_unclear"]


def test_names_on_which_two_networks_differ_are_uncertain() -> None:
    case = _case()
    engine = _engine(case)

    def shifted(network: str, *inputs: NDArray) -> dict[str, NDArray]:
        found = Knowing.run(engine, network, *inputs)
        if network == "dxa_ways":
            found["masks"][:, 2:] = np.roll(found["masks"][:, 2:], -1, axis=1)  # every name one too high
        return found

    assert analyse(case.study, engine=engine).levels_certain
    engine.run = shifted
    report = analyse(case.study, engine=engine)
    assert not report.levels_certain
    assert "dxa.levels_uncertain" in codes(report.warnings)


def test_uncertain_names_leave_the_density_and_no_t_score_class_or_estimate() -> None:
    case = _case()
    labels = np.where(case.truth.labels == 4, 0, case.truth.labels).astype(np.uint8)  # L1 is not found
    report = analyse(case.study, engine=Knowing(labels, case.study.images[0].pixels))
    assert report.suitability.suitable
    assert not report.levels_certain
    assert len(report.densities) == 3
    assert report.prediction is not None
    assert report.prediction.bmd_g_cm2 is not None
    assert (report.prediction.t_score, report.prediction.category, report.prediction.z_score) == (None, None, None)
    assert [one.t_score for one in report.measurements] == [None] * 3
    assert [one.model for one in report.answers] == ["measured"]
    assert {"dxa.levels_uncertain", "dxa.no_t_unnamed"} <= set(codes(report.warnings))
    assert "dxa.differs" not in codes(report.warnings)
    rest = without(report, ["L2"]).prediction
    assert rest is not None
    assert (rest.t_score, rest.category) == (None, None)
    assert f"{report.prediction.bmd_g_cm2:.3f}" in line(report)


def test_outlines_that_are_no_column_are_refused() -> None:
    case = _case()
    labels = case.truth.labels.copy()
    rows = np.flatnonzero((labels == 6).any(1))
    upper = (labels == 6) & (np.arange(len(labels)) < rows[0] + 0.42 * len(rows))[:, None]
    labels[upper] = 5  # L2 takes a part of L3, and is more than twice as large as what is left of it
    report = analyse(case.study, engine=Knowing(labels, case.study.images[0].pixels))
    assert codes(report.suitability.reasons) == ["dxa.absurd_outlines"]


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
    report = analyse(case.study, engine=Knowing(labels, case.study.images[0].pixels))
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
    assert asked == ["dxa_ways", "dxa_regions", "other_cnn"]
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
