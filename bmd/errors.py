"""Every error a user can cause: a code with its values; ``bmd.text`` has the rule, what was seen and what to do."""

from __future__ import annotations

from bmd import text
from bmd.findings import Finding, Value


class BmdError(Exception):
    """A problem the user can understand and act on.

    Parameters
    ----------
    code : str
        Code of the catalogue entry: a table of ``rule``, ``seen`` and ``remedy``, or one sentence.
    **values
        What the entry fills in. Never patient identifiers or pixel data.
    """

    def __init__(self, code: str, **values: Value) -> None:
        self.finding = Finding(code, values, "refusal")
        super().__init__(code, values)

    @property
    def parts(self) -> dict[str, str]:
        """``rule``, ``seen`` and ``remedy`` in the current language, as far as there are such."""
        words = text.entry(self.finding.code)
        return {"rule": text.say(self.finding)} if isinstance(words, str) else text.parts(words, self.finding.values)

    def __str__(self) -> str:
        return " ".join(text.stopped(part) for part in self.parts.values())


class InputError(BmdError):
    """The uploaded bytes cannot be read as a supported picture."""


class LimitError(InputError):
    """The uploaded bytes break a size limit that is checked before decoding."""


class WeightsError(BmdError):
    """Shipped or trained weights are missing, damaged or do not fit the network."""


class OptionError(BmdError):
    """A command-line option, recipe key or parameter is unknown or out of range."""


class TooLongError(BmdError):
    """The work took longer than the app allows, and was given up."""
