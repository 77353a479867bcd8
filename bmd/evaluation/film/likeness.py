"""Do real vertebrae look to the density network like simulated ones?

``python -m bmd evaluate likeness --folder REAL --data SIMULATED [--out FOLDER]``: the pooled features of real films are
compared with those of simulated films by a two-sample test, real films inside the region that may be judged are
counted, and the nearest simulated crops of real ones are drawn (only where asked, to be looked at; real crops belong
into no repository). Measuring only: nothing is fitted or chosen here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.errors import BmdError, InputError
from bmd.inference.engine import Engine, default_engine
from bmd.inference.film import region
from bmd.inference.film.measure import FEWEST, ROLE, Raw, run
from bmd.inference.film.pipeline import find
from bmd.inference.run import Networks
from bmd.inference.spine.localise import localise
from bmd.inputs.film import crop_tensor
from bmd.readers import read_study
from bmd.reference import DENSITY_LEVELS
from bmd.simulator.shards.film import read_shards
from bmd.types import Demographics, Suitability, Vertebra

Floats = NDArray[np.float64]
NEAREST = 5
"""Simulated crops drawn beside each real one."""
SIDE = 128
"""Pixels of a crop in the picture."""
PERMUTATIONS = 1000


@dataclass(frozen=True, eq=False)
class Seen:
    """Crops (n, 64, 64) and features (n, k) of the measured vertebrae of one film."""

    name: str
    crops: NDArray[np.float32]
    features: Floats


def mmd(one: Floats, other: Floats, permutations: int = PERMUTATIONS, seed: int = 0) -> tuple[float, float]:
    """Squared maximum mean discrepancy of two samples and its p-value (Gretton et al. 2012, JMLR 13:723).

    Gaussian kernel with the median distance as its width; unbiased estimate; p by permutation of the labels.

    Parameters
    ----------
    one, other : ndarray
        (n, k) and (m, k), two rows or more each.

    Returns
    -------
    float, float
        The statistic (near 0 where both are alike) and the share of permutations that reach it.
    """
    everyone, n = np.concatenate([one, other]), len(one)
    gram = everyone @ everyone.T
    squared = np.maximum(np.diag(gram)[:, None] + np.diag(gram) - 2 * gram, 0)
    width = max(float(np.median(squared[np.triu_indices(len(squared), 1)])), 1e-12)
    kernel = np.exp(-squared / width)
    rng, found = np.random.default_rng(seed), _statistic(kernel, np.arange(len(kernel)), n)
    drawn = [_statistic(kernel, rng.permutation(len(kernel)), n) for _ in range(permutations)]
    return found, (1 + sum(value >= found for value in drawn)) / (1 + permutations)


def _statistic(kernel: Floats, order: NDArray[np.integer], n: int) -> float:
    first, second = order[:n], order[n:]
    within = [_off_diagonal(kernel[np.ix_(part, part)]) for part in (first, second)]
    return float(sum(within) - 2 * kernel[np.ix_(first, second)].mean())


def _off_diagonal(kernel: Floats) -> float:
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))


def real_films(folder: Path, networks: Networks) -> Iterator[Seen]:
    """Films of a folder on which two or more of L1-L4 are found, as the film page would find them."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            study = read_study(path.name, path.read_bytes())
            seen, _ = find(study.images[0], Suitability(True), networks)
        except (BmdError, IndexError):
            continue
        if seen.found is not None:
            yield from _seen(path.name, seen.film, seen.found.vertebrae, seen.found.unmeasured, networks)


def simulated_films(data: str, count: int | None, networks: Networks) -> Iterator[Seen]:
    """The same of simulated films."""
    for k, image in enumerate(read_shards(data, count)["image"]):
        film = image.astype(np.float32) / np.float32(255)
        yield from _seen(f"simulated {k}", film, localise(film, networks.engine).vertebrae, frozenset(), networks)


def _seen(
    name: str, film: NDArray[np.float32], bodies: Sequence[Vertebra], skip: frozenset[str], networks: Networks
) -> Iterator[Seen]:
    corners = [np.asarray(v.corners_px) for v in bodies if v.level in DENSITY_LEVELS and v.level not in skip]
    if len(corners) >= FEWEST:
        raw: Raw = run(film, np.stack(corners), Demographics(), networks)
        yield Seen(name, crop_tensor(film, np.stack(corners)).numpy()[:, 0], np.asarray(raw.features, float))


def evaluate_likeness(
    folder: Path, data: str, count: int | None = None, out: Path | None = None, engine: Engine | None = None
) -> dict[str, Any]:
    """Compare the features of a folder's films with those of simulated ones.

    Parameters
    ----------
    folder : Path
        Real lateral films, searched with its subfolders.
    data : str
        Shards of simulated films.
    count : int, optional
        Simulated films at most.
    out : Path, optional
        Write "neighbours.png" there: a real crop and the nearest simulated ones, one row a film.
    engine : Engine, optional
        Runs the networks; by default the best one here.

    Returns
    -------
    dict
        ``real`` and ``simulated`` films; ``mmd`` and ``p``; ``inside``, share of real films that may be judged, and
        ``simulated_inside``; ``median_distance`` of both to the region's middle, 1 being its border (None without one);
        ``outside``, names of the films beyond it.

    Raises
    ------
    InputError
        "network.nothing_found": fewer than two films on either side.
    """
    networks = Networks(engine or default_engine())
    real, simulated = list(real_films(folder, networks)), list(simulated_films(data, count, networks))
    if min(len(real), len(simulated)) < FEWEST:
        raise InputError("network.nothing_found")
    first, second = (np.stack([region.pooled(film.features) for film in films]) for films in (real, simulated))
    statistic, p = mmd(first, second)
    whole: dict[str, Any] = {
        "real": len(real),
        "simulated": len(simulated),
        "mmd": round(statistic, 4),
        "p": round(p, 4),
    }
    known = region.of(networks, ROLE)
    if known is not None:
        far = known.distance(first), known.distance(second)
        whole |= {"inside": round(float((far[0] <= 1).mean()), 3)}
        whole |= {"simulated_inside": round(float((far[1] <= 1).mean()), 3)}
        whole |= {"median_distance": [round(float(np.median(d)), 3) for d in far]}
        whole |= {"outside": [film.name for film, d in zip(real, far[0], strict=True) if d > 1]}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(out / "neighbours.png"), neighbours(real, simulated))
    return whole


def neighbours(real: Sequence[Seen], simulated: Sequence[Seen]) -> NDArray[np.uint8]:
    """A picture (rows, columns) with one row a real film: its second crop and the nearest simulated crops."""
    features = np.concatenate([film.features for film in simulated])
    crops = np.concatenate([film.crops for film in simulated])
    rows = []
    for film in real:
        distance = np.linalg.norm(features - film.features[1], axis=1)
        nearest = [crops[k] for k in np.argsort(distance)[:NEAREST]]
        rows.append(np.hstack([_grey(crop) for crop in (film.crops[1], *nearest)]))
    return np.vstack(rows)


def _grey(crop: NDArray[np.float32]) -> NDArray[np.uint8]:
    shown = np.clip((crop + 2) / 4 * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(shown, (SIDE, SIDE)), np.uint8)
