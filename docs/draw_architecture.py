"""Draw the house from its imports: ``python docs/draw_architecture.py`` writes ``docs/images/architecture.svg``.

A row is a layer, a column a way in. A box is what a layer holds for that way in, with its files and lines; a line is at
least one import, thicker for more. Lines within a column show how that way in flows; a dashed line crosses from one way
in to another. What every box may use is not drawn: the ground floor, and the shared boxes of its own layer and below.
"""

from __future__ import annotations

import ast
import html
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "architecture.svg"

COLUMNS = {
    "film": ("Lateral film", "#2563eb"),
    "ct": ("Abdominal CT", "#0f766e"),
    "dxa": ("DXA image", "#b45309"),
    "demographics": ("Demographics", "#9333ea"),
    "": ("shared by all", "#64748b"),
}
ROWS = (
    (
        ("pages", "streamlit_app", "app", "cli", "cli_evaluate", "cli_predict", "cli_reproduce", "__main__"),
        "screen, commands",
    ),
    (("modality",), "one row per way in"),
    (("reproduction",), "the papers' tables"),
    (("evaluation",), "figures measured"),
    (("report",), "Report to files"),
    (("explanation",), "heat maps"),
    (("training",), "examples to weights"),
    (("inference",), "Study to Report"),
    (("figures",), "charts"),
    (("models",), "one file per paper"),
    (("population",), "people of the survey"),
    (("simulator",), "seed to Case"),
    (("inputs", "metrics"), "what networks see"),
    (("readers",), "bytes to Study"),
)
GROUND = ("types", "ct_types", "printed", "truth", "findings", "text", "errors", "reference", "geometry")
PLACES = {
    "readers/ct_dicom": "ct",
    "readers/nifti": "ct",
    "readers/volume": "ct",
    "readers/grid": "ct",
    "inference/spine": "",
    "models/cmnet": "film",
    "models/retinanet": "film",
    "models/ap_loss": "film",
    "models/c5_gap_fc3": "film",
    "models/pair_acm": "ct",
    "models/femur": "ct",
    "models/dxa": "dxa",
    "pages/spine_xray": "film",
    "pages/abdominal_ct": "ct",
}
"""Where a file's name or folder does not say its way in; the longest prefix decides."""
WIDTH, LEFT, TOP, CELL, HIGH, GAP = 1180, 170, 84, 190, 44, 14


@dataclass(frozen=True)
class Room:
    """One box: row (0 at the top) and way in."""

    row: int
    way: str


def room(module: str) -> Room | None:
    """The box a module belongs to; None for the ground floor and for what is not drawn."""
    parts = module.split(".")
    parts = parts[1:] if parts[0] == "bmd" else parts
    row = next((k for k, (names, _) in enumerate(ROWS) if parts and parts[0] in names), None)
    if row is None:
        return None
    path = "/".join(parts)
    placed = max((prefix for prefix in PLACES if path.startswith(prefix)), key=len, default=None)
    if placed is not None:
        return Room(row, PLACES[placed])
    return Room(row, next((part for part in parts[1:] if part in COLUMNS), ""))


def sources() -> dict[str, str]:
    """Text of every module of the product by dotted name."""
    files = [ROOT / "streamlit_app.py", *ROOT.glob("pages/*.py"), *ROOT.glob("bmd/**/*.py")]
    found = {}
    for path in sorted(files):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text("utf-8")
    return found


def imported(source: str, known: set[str]) -> Iterator[str]:
    """Modules of the product that a source imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in known or node.module in known:
                    yield full if full in known else node.module


def arrows(texts: dict[str, str]) -> Counter[tuple[Room, Room]]:
    """Number of imports between each two boxes."""
    found: Counter[tuple[Room, Room]] = Counter()
    for module, source in texts.items():
        here = room(module)
        for target in imported(source, set(texts)):
            there = room(target)
            if here is None or there is None or here == there:
                continue
            if here.way == there.way or (here.way and there.way):
                found[here, there] += 1
    return found


def _corner(box: Room) -> tuple[float, float]:
    return LEFT + list(COLUMNS).index(box.way) * (CELL + GAP), TOP + box.row * (HIGH + GAP)


def _line(one: Room, other: Room, count: int) -> str:
    (x1, y1), (x2, y2) = _corner(one), _corner(other)
    if one.way == other.way:  # each layer's lines at their own distance from the edge, behind the boxes between
        x1 = x2 = x1 + CELL - 14 - 12 * one.row
    else:
        x1, x2 = x1 + CELL / 2, x2 + CELL / 2
    dashed = "" if one.way == other.way else ' stroke-dasharray="5 4"'
    return (
        f'<path d="M{x1:.0f},{y1 + HIGH} L{x2:.0f},{y2}" stroke="{COLUMNS[one.way][1]}" '
        f'stroke-width="{min(5.0, 1 + 0.5 * count):.1f}" fill="none" opacity="0.45"{dashed}/>'
    )


def _box(box: Room, files: int, lines: int) -> str:
    x, y = _corner(box)
    colour = COLUMNS[box.way][1]
    names, _ = ROWS[box.row]
    folder = names[-1] if names[0] == "inputs" and not box.way else names[0]
    title = {"pages": "app, cli" if not box.way else "app"}.get(folder, folder)
    return (
        f'<rect x="{x}" y="{y}" width="{CELL}" height="{HIGH}" rx="7" fill="#ffffff" stroke="{colour}"/>'
        f'<text x="{x + 12}" y="{y + 19}" font-weight="600" fill="{colour}">{html.escape(title)}</text>'
        f'<text x="{x + 12}" y="{y + 35}" fill="#475569" font-size="11">'
        f"{files} file{'s' * (files > 1)}, {lines:,} lines</text>"
    )


def draw(texts: dict[str, str]) -> str:
    """The picture as SVG."""
    files: Counter[Room] = Counter()
    lines: Counter[Room] = Counter()
    for module, source in texts.items():
        if (box := room(module)) is not None:
            files[box] += 1
            lines[box] += len(source.splitlines())
    bottom = TOP + len(ROWS) * (HIGH + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + HIGH + 24}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{bottom + HIGH + 24}" fill="#f8fafc"/>',
        '<text x="16" y="30" font-size="18" font-weight="700" fill="#0f172a">OsteoLens: imports point down only</text>',
    ]
    for k, (_, meaning) in enumerate(ROWS):
        parts.append(f'<text x="16" y="{TOP + k * (HIGH + GAP) + 27}" fill="#334155">{html.escape(meaning)}</text>')
    for way, (title, colour) in COLUMNS.items():
        x = _corner(Room(0, way))[0]
        parts.append(f'<text x="{x + 12}" y="66" font-weight="700" font-size="14" fill="{colour}">{title}</text>')
    drawn = sorted(
        arrows(texts).items(), key=lambda item: (item[0][0].row, item[0][0].way, item[0][1].row, item[0][1].way)
    )
    parts += [_line(one, other, count) for (one, other), count in drawn]
    parts += [_box(box, files[box], lines[box]) for box in sorted(files, key=lambda b: (b.row, b.way))]
    ground = ", ".join(name for name in GROUND if f"bmd.{name}" in texts)
    parts.append(
        f'<rect x="{LEFT}" y="{bottom}" width="{5 * CELL + 4 * GAP}" height="{HIGH}" rx="7" fill="#e2e8f0"/>'
        f'<text x="{LEFT + 12}" y="{bottom + 27}" font-weight="600" fill="#0f172a">{ground}</text>'
        f'<text x="16" y="{bottom + 27}" fill="#334155">ground floor, for all</text></svg>'
    )
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(draw(sources()), "utf-8")
