"""Training examples of the DXA networks, from the shards of ``python -m bmd simulate --modality dxa``.

Shards have the keys of film shards, so ``film.Films`` reads them; regions take the place of bodies.
"""

from __future__ import annotations

import numpy as np
import torch

from bmd.training.tasks.film import Example, Film, View, encode_masks

TASKS = ("dxa", "regions")


def encode_dxa(film: Film, view: View, rng: np.random.Generator) -> Example:
    """Example for the DXA CNN: picture (1, S, S) and the density of L1-L4; weight 0 where no spine is shown."""
    spine = float(bool((film.labels > 0).any()))
    targets = {"bmd": torch.tensor(film.bmd_l1l4, dtype=torch.float32), "weight": torch.tensor(spine)}
    return torch.from_numpy(view.image)[None], targets


ENCODERS = {"dxa": encode_dxa, "regions": encode_masks}
