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


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("nonsense=1", "unknown_option"),
        ("size", "option_form"),
        ("size=large", "option_type"),
        ("resume=maybe", "option_type"),
        ("size=1.5", "option_type"),
    ],
)
def test_wrong_words_are_refused(word, code):
    with pytest.raises(OptionError) as error:
        override(Mine(), [word])
    assert error.value.finding.code == f"network.{code}"


def test_unknown_key_lists_the_known():
    with pytest.raises(OptionError) as error:
        override(Mine(), ["sise=256"])
    assert error.value.finding.code == "network.unknown_option"
    assert {"extra", "size"} <= set(error.value.finding.values["known"])
