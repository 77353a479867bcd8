from __future__ import annotations

from dataclasses import dataclass

import pytest

from bmd.errors import OptionError
from bmd.models._recipe import Recipe, override


@dataclass(frozen=True)
class Mine(Recipe):
    extra: float = 0.5


def test_override_keeps_types():
    recipe = override(Mine(), ["size=256", "extra=1", "resume=no", "data=here=there"])
    assert (recipe.size, recipe.extra, recipe.resume, recipe.data) == (256, 1.0, False, "here=there")


@pytest.mark.parametrize("word", ["nonsense=1", "size", "size=large", "resume=maybe", "size=1.5"])
def test_wrong_words_are_refused(word):
    with pytest.raises(OptionError):
        override(Mine(), [word])


def test_unknown_key_lists_the_known():
    with pytest.raises(OptionError, match="extra"):
        override(Mine(), ["sise=256"])
