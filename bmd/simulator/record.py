"""Named numbers that a kernel takes as one argument: ``p.half_width_mm`` in Python and in compiled code alike."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
"""Floating-point numbers of any width; the shape is said where it is used."""
F32 = NDArray[np.float32]
Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Record(np.void):
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
        made: Self = np.zeros((), cls.DTYPE)[()]
        return made.changed(**values)

    def changed(self, **values: float) -> Self:
        """A copy with some numbers changed."""
        other: Self = self.copy()
        for name, value in values.items():
            other[name] = value
        return other


def _field(name: str) -> property:
    def get(record: Record) -> Any:
        return record[name]

    def put(record: Record, value: float) -> None:
        record[name] = value

    return property(get, put)
