"""Shards say where they come from, and those of different code never mix."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmd.errors import InputError
from bmd.findings import Finding
from bmd.simulator.shards import film, store
from bmd.simulator.shards.store import Kind, Origin

KIND = Kind("films", 2)


def row(seed: int) -> dict[str, Any]:
    return {"image": np.full((2, 2), seed, np.uint8), "seed": np.int64(seed)}


def draw(folder: Path, first: int, count: int, command: str = "draw") -> list[str]:
    return store.write_all(str(folder), KIND, range(first, first + count), row, command)


def refused(folder: Path) -> Finding:
    with pytest.raises(InputError) as error:
        store.read(str(folder), KIND)
    assert error.value.parts["remedy"]
    return error.value.finding


def test_a_shard_says_which_code_seeds_and_command_drew_it(tmp_path: Path) -> None:
    paths = draw(tmp_path, 4, 3)
    assert [store.origin(Path(path)) for path in paths] == [
        Origin(store.CODE, (4, 5), "draw"),
        Origin(store.CODE, (6, 6), "draw"),
    ]
    rows = store.read(str(tmp_path), KIND)
    assert set(rows) == set(row(4)), "where a shard comes from is no row"
    assert rows["seed"].tolist() == [4, 5, 6]


def test_a_shorter_shard_is_drawn_to_its_length_and_a_whole_one_kept(tmp_path: Path) -> None:
    (short,) = draw(tmp_path, 0, 1)
    draw(tmp_path, 0, 4)
    assert store.read(str(tmp_path), KIND)["seed"].tolist() == [0, 1, 2, 3]
    before = Path(short).stat().st_mtime_ns
    draw(tmp_path, 0, 1)
    assert Path(short).stat().st_mtime_ns == before


def test_shards_of_two_versions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path, 0, 2)
    now = store.CODE
    monkeypatch.setattr(store, "CODE", "0ther")
    with pytest.raises(InputError) as older:
        draw(tmp_path, 2, 2)
    assert older.value.finding.code == "simulator.shards_older"
    assert older.value.finding.values["there"] == now
    other = tmp_path / "other"
    draw(other, 2, 2)
    (other / "films_0000002.npz").rename(tmp_path / "films_0000002.npz")
    mixed = refused(tmp_path)
    assert mixed.code == "simulator.shards_mixed"
    assert mixed.values["codes"] == tuple(sorted(["0ther", now]))


def test_a_seed_is_drawn_by_one_command(tmp_path: Path) -> None:
    draw(tmp_path, 0, 2)
    for first in (0, 1):
        with pytest.raises(InputError) as other:
            draw(tmp_path, first, 2, "draw --cohort young")
        assert other.value.finding.code == "simulator.shards_other"
    draw(tmp_path, 2, 2, "draw --cohort young")
    assert store.read(str(tmp_path), KIND)["seed"].tolist() == [0, 1, 2, 3], "two cohorts in one folder are wanted"


def test_shards_without_a_version_are_one_set_or_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for seed in (0, 2):
        np.savez(tmp_path / f"films_{seed:07d}.npz", **{key: np.stack([value]) for key, value in row(seed).items()})
    with caplog.at_level(logging.WARNING):
        assert store.read(str(tmp_path), KIND)["seed"].tolist() == [0, 2]
    assert len(caplog.records) == 1
    with pytest.raises(InputError) as older:
        draw(tmp_path, 4, 2)
    assert older.value.finding.code == "simulator.shards_older"
    draw(tmp_path / "new", 4, 2)
    (tmp_path / "new" / "films_0000004.npz").rename(tmp_path / "films_0000004.npz")
    assert refused(tmp_path).values["codes"] == ("-", store.CODE)


def test_an_unfinished_shard_is_no_shard(tmp_path: Path) -> None:
    draw(tmp_path, 0, 2)
    (tmp_path / "films_0000002.part.npz").write_bytes(b"being written")
    assert [path.name for path in store.finished(tmp_path, "films")] == ["films_0000000.npz"]


def test_films_carry_a_command_that_the_command_line_knows(tmp_path: Path) -> None:
    from bmd.cli import _parser

    (path,) = film.write_shards(str(tmp_path), 1, 7, size=96, cohort="enriched", ap_share=1.0)
    command = store.origin(Path(path)).command.partition("#")[0].split()
    assert command[:3] == ["python", "-m", "bmd"]
    options = _parser().parse_args(command[3:])
    assert (options.cohort, options.ap_share) == ("enriched", 1.0)
