"""Every error a user can cause, with the rule, what was seen and what to do about it."""

from __future__ import annotations


class BmdError(Exception):
    """A problem the user can understand and act on.

    Parameters
    ----------
    rule : str
        The rule that was broken, one plain sentence.
    seen : str
        What was found instead. Never contains patient identifiers or pixel data.
    remedy : str
        What the user can do.
    """

    def __init__(self, rule: str, seen: str = "", remedy: str = "") -> None:
        self.rule, self.seen, self.remedy = rule, seen, remedy
        super().__init__(rule, seen, remedy)

    def __str__(self) -> str:
        parts = [self.rule]
        if self.seen:
            parts.append(f"Found: {self.seen}")
        if self.remedy:
            parts.append(self.remedy)
        return " ".join(part if part.endswith(".") else part + "." for part in parts)


class InputError(BmdError):
    """The uploaded bytes cannot be read as a supported picture."""


class LimitError(InputError):
    """The uploaded bytes break a size limit that is checked before decoding."""


class UnsuitableError(BmdError):
    """The picture can be read but is not one this tool can analyse."""


class WeightsError(BmdError):
    """Shipped or trained weights are missing, damaged or do not fit the network."""


class OptionError(BmdError):
    """A command-line option, recipe key or parameter is unknown or out of range."""
