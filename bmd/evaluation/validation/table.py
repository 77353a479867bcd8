"""The clinical table of a cohort: columns by their usual names, values as people type them, every fault counted.

Identifiers are compared and forgotten: what leaves this module tells a patient by the row of the table alone.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bmd.errors import InputError
from bmd.types import Demographics, Sex

NAMES: dict[str, tuple[str, ...]] = {
    "id": ("patientid", "studyid", "subjectid", "caseid", "id", "patient", "subject", "case", "patientno", "caseno",
           "number", "no", "index", "编号", "序号"),
    "age": ("age", "agey", "ageyears", "years", "年龄"),
    "sex": ("sex", "gender", "性别"),
    "height": ("height", "heightcm", "stature", "ht", "h", "身高"),
    "weight": ("weight", "weightkg", "bodyweight", "wt", "w", "体重"),
    "bmd": ("l1l4bmd", "bmdl1l4", "lumbarbmd", "bmdlumbar", "lumbarl1l4bmd", "lumbarspinebmd", "spinebmd", "bmd",
            "bonemineraldensity", "骨密度", "l1l4"),
    "t": ("l1l4tscore", "tscorel1l4", "l1l4t", "tl1l4", "lumbartscore", "lumbarspinetscore", "spinetscore", "lumbart",
          "tscore", "t", "tvalue", "t值"),
}  # fmt: skip
"""Headings by what they hold, the most telling first; in small letters, without units, blanks and signs."""
RANGES = {"age": (1, 120), "height": (100, 230), "weight": (25, 250), "bmd": (0.2, 2.5), "t": (-8, 8)}
"""What is taken for years, cm, kg, g/cm2 and a T-score; anything else is a fault of the table."""
UNITS = {"height": ((1.0, 2.3), 100.0), "bmd": ((200, 2500), 0.001)}
"""Ranges of the same in metres and mg/cm2, and what brings them to cm and g/cm2."""
NOTHING = {"", "na", "n/a", "nan", "none", "null", "-", "--", "?", "/", "unknown", "missing", "未知", "无"}
SEXES: dict[str, Sex] = dict.fromkeys(("f", "female", "woman", "w", "女"), "F")
SEXES |= dict.fromkeys(("m", "male", "man", "男"), "M")
ENDINGS = (".csv", ".tsv", ".xlsx", ".xls")
_NUMBER = re.compile(r"(?P<number>[+-]?\d+(?:[.,]\d+)?)\s*(?:y|yrs?|years?|岁|cm|m|kg|g/cm2|g/cm²)?")
_PREFIX = re.compile(r"^(?:patient|subject|case|pat|sub|lumos|id|p)[\s_-]*(?=\d)")
_HEADING_ROWS = 10
Grid = list[list[str]]


@dataclass(frozen=True)
class Patient:
    """One patient of the table.

    Attributes
    ----------
    row : int
        First row of the table that speaks of this patient, from 1 on, headings not counted.
    key : str or None
        Identifier, normalised; None where the row has none. Never written anywhere.
    known : Demographics
        What of age (years), sex, height (cm) and weight (kg) is known.
    bmd : float or None
        L1-L4, g/cm2, as the table has it.
    t : float or None
        T-score as the table has it.
    """

    row: int
    key: str | None
    known: Demographics
    bmd: float | None = None
    t: float | None = None


@dataclass(frozen=True)
class Table:
    """A read table: its patients, in its order; ``faults`` by field and kind; the heading each field was read from.

    Kinds: "missing", "unread" (no number), "range", "unit" (converted), "coded" (a number for the sex), "conflict"
    (rows of one patient that differ: not used); of the field "row": "blank", "without_id" and "repeated"; of the field
    "file": "unread".
    """

    patients: tuple[Patient, ...]
    faults: Counter[tuple[str, str]]
    headings: dict[str, str]
    rows: int
    files: tuple[Path, ...] = ()


@dataclass
class _Reader:
    """What reading one table needs beside the cells."""

    male: str | None
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)

    def value(self, name: str, cell: str) -> float | str | None:
        """One cell as a number in its unit or as a sex; None where there is none or it is a fault."""
        written = cell.strip().lower().replace("−", "-").replace("–", "-")
        if written in NOTHING:
            self.faults[name, "missing"] += 1
            return None
        return self._sex(written) if name == "sex" else self._number(name, written)

    def _sex(self, written: str) -> str | None:
        if written in SEXES:
            return SEXES[written]
        if re.fullmatch(r"\d+(\.0)?", written):
            if self.male is not None:
                return "M" if written.removesuffix(".0") == self.male else "F"
            self.faults["sex", "coded"] += 1
            return None
        self.faults["sex", "unread"] += 1
        return None

    def _number(self, name: str, written: str) -> float | None:
        found = _NUMBER.fullmatch(written)
        if found is None:
            self.faults[name, "unread"] += 1
            return None
        number = float(found["number"].replace(",", "."))
        low, high = RANGES[name]
        if low <= number <= high:
            return number
        (least, most), factor = UNITS.get(name, ((0, -1), 1.0))
        if least <= number <= most:
            self.faults[name, "unit"] += 1
            return number * factor
        self.faults[name, "range"] += 1
        return None


def key_of(cell: str) -> str | None:
    """An identifier as it is compared: "Patient_007", "7" and "7.0" are one; None of an empty cell.

    >>> key_of("Patient_007"), key_of(" 7.0 "), key_of("N/A")
    ('7', '7', None)
    """
    written = cell.strip().lower()
    if written in NOTHING:
        return None
    bare = re.sub(r"\.0+$", "", _PREFIX.sub("", written))
    return (bare.lstrip("0") or "0") if bare.isdigit() else bare


def read_table(folder: Path, table: Path | None = None, male: str | None = None) -> Table:
    """Read the clinical table of a cohort's folder.

    Parameters
    ----------
    folder : Path
        Where tables are looked for (CSV, TSV, Excel), with its subfolders; several that fit are taken together.
    table : Path, optional
        The one to read in place of that.
    male : str, optional
        The number that stands for men where the sex is a number.

    Raises
    ------
    InputError
        No table with an identifier and a density or T-score, or it cannot be read.
    """
    paths = [table] if table is not None else sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS)
    reader, headings = _Reader(male), dict[str, str]()
    lines: list[dict[str, str]] = []
    found, wrong = [], []
    for path in paths:
        try:
            found += [(path, head, rows) for head, rows in _fitting(path)]
        except InputError as error:
            wrong.append(error)
    if not found:
        raise wrong[0] if wrong else InputError("validation.no_table", folder=(table or folder).name)
    reader.faults["file", "unread"] += len(wrong)
    for _, (columns, names), rows in found:
        headings |= {name: names[name] for name in columns if name not in headings}
        lines += [{name: row[k] if k < len(row) else "" for name, k in columns.items()} for row in rows]
    patients = tuple(_patients(lines, reader))
    return Table(patients, +reader.faults, headings, len(lines), tuple(dict.fromkeys(path for path, _, _ in found)))


def _fitting(path: Path) -> Iterator[tuple[tuple[dict[str, int], dict[str, str]], Grid]]:
    """Columns by field, their headings, and the rows below, of every sheet that names patients and densities."""
    for grid in _grids(path):
        best = max(range(min(len(grid), _HEADING_ROWS)), key=lambda k: len(_columns(grid[k])), default=None)
        if best is None:
            continue
        columns = _columns(grid[best])
        if "id" in columns and {"bmd", "t"} & set(columns):
            yield (columns, {name: grid[best][k].strip() for name, k in columns.items()}), grid[best + 1 :]


def _grids(path: Path) -> Iterator[Grid]:
    if path.suffix.lower() in (".xlsx", ".xls"):
        yield from _sheets(path)
        return
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError("read.cannot_open", reason=error.strerror or "") from error
    words = _decoded(data)
    grids = [list(csv.reader(io.StringIO(words), delimiter=sign)) for sign in ",;\t|"]
    yield max(grids, key=lambda grid: max((len(_columns(row)) for row in grid[:_HEADING_ROWS]), default=0))


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _sheets(path: Path) -> Iterator[Grid]:
    """Every sheet of an Excel file."""
    import pandas

    try:
        sheets = pandas.read_excel(path, sheet_name=None, header=None, dtype=str)
    except ImportError as error:
        raise InputError("validation.excel", file=path.name) from error
    except Exception as error:  # noqa: BLE001  damaged files raise everything from BadZipFile to KeyError
        raise InputError("validation.table_unreadable", file=path.name, problem=type(error).__name__) from None
    for sheet in sheets.values():
        yield [["" if isinstance(cell, float) else str(cell) for cell in row] for row in sheet.to_numpy().tolist()]


def _columns(headings: Sequence[str]) -> dict[str, int]:
    """Which column holds which field; of several that may, the one whose heading tells most."""
    bare = [_bare(one) for one in headings]
    return {
        name: bare.index(next(word for word in words if word in bare))
        for name, words in NAMES.items()
        if set(words) & set(bare)
    }


def _bare(heading: str) -> str:
    written = re.sub(r"\(.*?\)|\[.*?\]|（.*?）", "", heading.lower())
    return re.sub(r"[^a-z0-9\u4e00-\u9fff]", "", written)


def _patients(lines: Iterable[dict[str, str]], reader: _Reader) -> Iterator[Patient]:
    """One patient for each identifier, and for each row that has none."""
    groups: dict[str | int, list[tuple[int, dict[str, str]]]] = defaultdict(list)
    for row, line in enumerate(lines, 1):
        if not any(cell.strip() for cell in line.values()):
            reader.faults["row", "blank"] += 1
            continue
        key = key_of(line["id"])
        reader.faults["row", "without_id"] += key is None
        groups[row if key is None else key].append((row, line))
    for name, rows in groups.items():
        reader.faults["row", "repeated"] += len(rows) - 1
        found = {part: _agreed(part, [line for _, line in rows], reader) for part in NAMES if part != "id"}
        age, sex, height, weight, bmd, t = (found[part] for part in ("age", "sex", "height", "weight", "bmd", "t"))
        known = Demographics(_float(age), sex if sex in ("F", "M") else None, _float(height), _float(weight))  # type: ignore[arg-type]
        yield Patient(rows[0][0], name if isinstance(name, str) else None, known, _float(bmd), _float(t))


def _agreed(name: str, lines: Sequence[dict[str, str]], reader: _Reader) -> float | str | None:
    """What the rows of one patient say together; rows that differ say nothing, since neither can be told right."""
    values = [reader.value(name, line[name]) for line in lines if name in line]
    told = {value for value in values if value is not None}
    if len(told) > 1:
        reader.faults[name, "conflict"] += 1
    return told.pop() if len(told) == 1 else None


def _float(value: float | str | None) -> float | None:
    return float(value) if isinstance(value, float | int) else None
