"""Named numbers that a kernel takes as one argument: ``p.half_width_mm`` in Python and in compiled code alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
"""Floating-point numbers of any width; the shape is said where it is used."""
F32 = NDArray[np.float32]
Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


if TYPE_CHECKING:

    class _Scalar:
        """What ``numpy.void`` gives to a record; numpy's type stubs let nobody inherit from it."""

        def __getitem__(self, name: str) -> Any: ...
        def __setitem__(self, name: str, value: float) -> None: ...
        def copy(self) -> Self: ...

else:
    _Scalar = np.void


class Record(_Scalar):
    """Base of records of float32 numbers; a subclass names its fields by annotations.

    It is a scalar of a structured dtype, which numba passes to kernels by reference. Numbers are rounded to float32 as
    they are set, so Python and kernels see the same ones. Units are in the names; what has none is a share or a factor.
    """

    DTYPE: ClassVar[np.dtype[Any]]
    FIELDS: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        cls.FIELDS = tuple(name for name in cls.__annotations__ if name.islower())
        cls.DTYPE = np.dtype((cls, [(name, np.float32) for name in cls.FIELDS]))
        for name in cls.FIELDS:
            setattr(cls, name, _field(name))

    @classmethod
    def of(cls, **values: float) -> Self:
        """A record with these numbers, 0 where none is given."""
        made: Self = np.zeros(1, cls.DTYPE)[0]
        return made.changed(**values)

    @classmethod
    def mixed(cls, first: Self, second: Self, share: float) -> Self:
        """Straight between two records, ``share`` (0..1) of the way to the second; unrounded (float64)."""
        wide = np.dtype((cls, [(name, np.float64) for name in cls.FIELDS]))
        made: Self = np.zeros(1, wide)[0]
        for name in cls.FIELDS:
            made[name] = float(first[name]) * (1 - share) + float(second[name]) * share
        return made

    def changed(self, **values: float) -> Self:
        """A copy with some numbers changed."""
        other = self.copy()
        for name, value in values.items():
            other[name] = value
        return other


def _field(name: str) -> property:
    def get(record: Record) -> Any:
        return record[name]

    def put(record: Record, value: float) -> None:
        record[name] = value

    return property(get, put)


class Window(NamedTuple):
    """Rows and columns of a picture, the ends not included."""

    row: int
    end_row: int
    column: int
    end_column: int


class Pose(NamedTuple):
    """Where a bone is: its centre (3,) and the rotation (3, 3) from world to its own axes, float32."""

    centre_mm: F32
    turn: F32

    @classmethod
    def of(cls, centre_mm: Array, turn: Array) -> Pose:
        """Rounded to float32."""
        return cls(centre_mm.astype(np.float32), turn.astype(np.float32))
