"""Numbers that a densitometer printed on a picture or a report page, as far as they can be read for certain."""

from bmd.inference.dxa.printed.page import read_printed

__all__ = ["read_printed"]
