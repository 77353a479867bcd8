"""Figures of each sort of picture against what they should be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import average_precision_score
from torch import nn

from bmd.metrics import Boxes, auc, average_precision
from bmd.metrics.boxes import Masks, mask_iou
from bmd.reference import LEVELS, UNNAMED
from bmd.reproduction.measures import bodies, boxes, classes, dxa, masks, people
from bmd.reproduction.plan import Outcome


def test_two_classes_at_a_time_leave_the_third_out() -> None:
    truth = np.array([0, 0, 1, 1, 2, 2])
    share = np.array(
        [[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.2, 0.7, 0.1], [0.3, 0.2, 0.5], [0.1, 0.1, 0.8], [0, 0.4, 0.6]]
    )
    figures = classes.PAIRS["normal or osteopenia"]
    columns = {"truth": truth, "share": share}
    low, high = share[:4, 0], share[:4, 1]
    assert figures["auc"](columns) == auc(truth[:4] == 1, high / (low + high))
    assert figures["accuracy"](columns) == 0.5
    assert set(classes.PAIRS) == {"normal or osteopenia", "normal or osteoporosis", "osteopenia or osteoporosis"}


def test_accuracy_of_a_class_counts_its_own_items() -> None:
    truth = np.array([0, 0, 0, 1, 2])
    columns = {"truth": truth, "share": np.eye(3)[[0, 0, 1, 1, 0]]}
    assert classes.BY_CLASS["accuracy"](columns) == pytest.approx(60)
    assert classes.BY_CLASS["accuracy_normal"](columns) == pytest.approx(200 / 3)
    assert classes.BY_CLASS["accuracy_osteoporosis"](columns) == 0
    assert np.isnan(classes.BY_CLASS["accuracy_osteopenia"]({"truth": truth[:3], "share": np.eye(3)[:3]}))


def test_classes_of_bodies_part_where_the_who_parts_them() -> None:
    t = np.array([0.0, -1.0, -1.01, -2.49, -2.5, -3.0])
    assert bodies.class_of(t, bodies.BORDERS["three"]).tolist() == [0, 0, 1, 1, 2, 2]
    assert bodies.class_of(t, bodies.BORDERS["osteoporosis"]).tolist() == [0, 0, 0, 0, 1, 1]
    assert bodies.class_of(t, bodies.BORDERS["at_risk"]).tolist() == [0, 0, 1, 1, 1, 1]


def test_the_likeliest_class_is_that_of_most_mass() -> None:
    columns = {
        "t": np.array([-1.7, -1.7, -3.0]),
        "t_said": np.array([-1.7, -1.7, -1.7]),
        "t_spread": np.array([0.3, 5, 0.3]),
    }
    assert bodies.mass_accuracy("three")(columns) == pytest.approx(100 / 3)  # the wide one is likelier below -2.5
    assert bodies.mass_accuracy("at_risk")(columns) == 100


class Painted(nn.Module):
    """Gives the logits it was made with, whatever film comes."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"masks": self.logits.expand(len(x), -1, -1, -1)}


def test_pixel_figures_are_those_of_one_foreground(monkeypatch) -> None:
    from bmd.training.tasks import film

    rng = np.random.default_rng(0)
    labels = np.zeros((32, 32), np.uint8)
    labels[4:10, 8:20], labels[12:18, 8:20], labels[20:24, 8:20] = 4, 5, 1  # L1, L2, T10
    labels[26:30, 8:20] = UNNAMED
    logits = rng.normal(0, 1, (1, len(LEVELS) + 1, 32, 32)).astype(np.float32)
    logits[0, 4] += 4 * (labels == 4)

    class View:
        image = np.zeros((32, 32), np.float32)

    View.labels = labels
    monkeypatch.setattr(film, "view_batches", lambda films, size, count: [([None], [View])])
    monkeypatch.setattr(film, "image_tensor", lambda view: torch.zeros(1, 32, 32))
    where, found = film.pixel_figures(Painted(torch.from_numpy(logits)), [None], 32, masks.LUMBAR)
    share = np.exp(logits[0]) / np.exp(logits[0]).sum(0)
    judged = labels != UNNAMED
    said, truth = share[4:9].sum(0)[judged], np.isin(labels, range(4, 9))[judged]
    hit = ((said > 0.5) & truth).sum()
    assert where.tolist() == [0]
    assert found["dice"][0] == pytest.approx(2 * hit / ((said > 0.5).sum() + truth.sum()))
    assert found["pixel_accuracy"][0] == pytest.approx(((said > 0.5) == truth).mean())
    assert found["recall"][0] == pytest.approx(hit / truth.sum())
    assert found["auprc"][0] == pytest.approx(average_precision_score(truth, said), abs=0.005)
    none, _ = film.pixel_figures(Painted(torch.from_numpy(logits)), [None], 32, ("S1",))
    assert len(none) == 0


def test_average_precision_of_draws_is_that_of_the_films(monkeypatch) -> None:
    from bmd.training.tasks import boxes as tasks_boxes

    rng = np.random.default_rng(3)
    truths, found = [], []
    for _ in range(6):
        corners = rng.uniform(0, 80, (5, 2))
        box = np.c_[corners, corners + 20]
        truths.append(Boxes(box, np.arange(1, 6)))
        noisy = np.concatenate([box + rng.normal(0, 3, box.shape), rng.uniform(0, 99, (4, 4))])
        found.append(Boxes(noisy, np.r_[np.arange(1, 6), rng.integers(1, 6, 4)], rng.random(9)))
    monkeypatch.setattr(tasks_boxes, "found_boxes", lambda network, films, size: (truths, found))
    monkeypatch.setattr("bmd.training.films.Films", lambda folder: None)
    outcome = boxes.films(None, "", 384)
    pick = np.array([0, 0, 3, 5])
    for rows in (np.arange(6), pick):
        expected = average_precision([truths[i] for i in rows], [found[i] for i in rows])
        columns = {key: column[rows] for key, column in outcome.columns.items()}
        for name, figure in boxes.FIGURES.items():
            assert figure(columns) == pytest.approx(expected[name]), name


def test_masks_are_judged_by_their_own_overlap(monkeypatch) -> None:
    from bmd.training.tasks import boxes as tasks_boxes

    masks = np.zeros((2, 16, 16), bool)
    masks[0, 2:8, 2:14], masks[1, 9:14, 2:14] = True, True
    worse = masks.copy()
    worse[1, 11:14] = False  # 2 of 5 rows: an overlap of .4
    said = Masks.of_stack(worse, np.array([1, 2]), np.array([0.9, 0.8]))
    pairs = [(Masks.of_stack(masks, np.array([1, 2])), said)]
    monkeypatch.setattr(tasks_boxes, "each_mask", lambda network, films, size: iter(pairs))
    monkeypatch.setattr("bmd.training.films.Films", lambda folder: None)
    outcome = boxes.masks(None, "", 384)
    assert boxes.FIGURES["ap50"](outcome.columns) == pytest.approx(50)
    expected = average_precision([pairs[0][0]], [said], mask_iou)
    assert boxes.FIGURES["ap"](outcome.columns) == pytest.approx(expected["ap"])


def test_tests_of_the_people_are_scipys() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [60, 50, 55])
    columns = {
        name: rng.normal(truth * shift, 1 + truth)
        for name, shift in zip(people.VARIABLES, (2, 0, 0.2, 0.1), strict=True)
    }
    columns |= {"truth": truth, "male": (rng.random(165) < 0.3 + 0.2 * truth).astype(float)}
    found = people.tests(columns)
    parts = [columns["age"][truth == k] for k in range(3)]
    assert found["age"]["levene_p"] == stats.levene(*parts).pvalue < 0.01
    assert found["age"]["welch_p"] < 1e-6 < 0.05 < found["height"]["welch_p"]
    assert found["age"]["games_howell_p"]["normal or osteoporosis"] < 1e-6
    men = [int(columns["male"][truth == k].sum()) for k in range(3)]
    assert [row[0] for row in found["sex"]["counts"]] == men


def test_errors_of_density_are_in_percent_of_it() -> None:
    outcome = Outcome(
        np.arange(4), {"truth": np.array([1.0, 0.8, 1.2, 0.5]), "said": np.array([1.1, 0.8, 1.08, 0.45])}, "people"
    )
    assert dxa.FIGURES["percent_error"](outcome.columns) == pytest.approx(7.5)
    assert dxa.FIGURES["percent_error_sd"](outcome.columns) == pytest.approx(np.std([10, 0, 10, 10]))
    assert 0.9 < dxa.FIGURES["r"](outcome.columns) < 1
