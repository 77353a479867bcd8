"""Reports as files: JSON and CSV for programs, an annotated PNG for people, DICOM for other viewers."""

from bmd.report.csv_json import as_object, to_csv, to_json
from bmd.report.film.png import annotated_png

__all__ = ["annotated_png", "as_object", "to_csv", "to_json"]
