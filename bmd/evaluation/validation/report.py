"""The results of a validation as a page to read: counts first, then figures, then what was stated beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bmd.evaluation.tables import markdown as table_of
from bmd.evaluation.tables import mix_text
from bmd.evaluation.validation.patient import INPUTS, OUTCOMES
from bmd.reference import MINIMUM_AGE_FOR_T
from bmd.text import codes, entry, text

Results = Mapping[str, Any]
ANSWER = ("r", "auc_osteoporosis", "auc_at_risk", "bias", "agreement", "coverage", "ece")


def markdown(results: Results) -> str:
    """The page of what ``run.summary`` found."""
    parts = [*_who(results), *_table(results), *_films(results["films"]), *_answers(results)]
    if "own_t" in results:
        parts += [_head("own", 3), _compared(results["own_t"])]
    parts += [*_ct(results["ct"]), *_annotated(results), *_criteria(results["criteria"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(code: str, level: int = 2, /, **values: Any) -> str:
    return f"{'#' * level} {text(f'validation.head.{code}', **values)}"


def _row(code: str, count: Any, /, **values: Any) -> list[str]:
    return [text(f"validation.row.{code}", **values), str(count)]


def _counts(rows: Sequence[Sequence[str]]) -> str:
    """A table of what was counted."""
    head = [text("validation.column.what"), text("validation.column.count")]
    return table_of([head, *map(list, rows)]) if rows else text("validation.none")


def _who(results: Results) -> Iterator[str]:
    yield "# " + text("validation.title", patients=results["patients"], whole=results["table"]["patients"])
    measured = results["measured"]
    yield text("validation.made", version=results["version"], **{k: measured[k] for k in ("date", "commit", "command")})
    yield text("validation.disclaimer")
    scale = results["scale"]
    yield text(f"validation.scale_{scale['scale']}")
    if scale["asked"]:
        yield text("validation.scale_given")
    if scale["sd"] is not None:
        yield text("validation.scale_found", pairs=scale["pairs"], mean=scale["mean"], sd=scale["sd"])


def _table(results: Results) -> Iterator[str]:
    found = results["table"]
    rows = [_row(name, found[name]) for name in ("rows", "patients", "with_files", "nobodys")]
    rows += [_row("read_from", f"`{name}`", field=_field(key)) for key, name in found["headings"].items()]
    if found["shapes"]:
        rows.append(_row("looks", ", ".join(f"`{one}`" for one in found["shapes"])))
    for name, faults in found["faults"].items():
        rows += [_row(f"fault_{what}", count, field=_field(name)) for what, count in faults.items()]
    rows.append(_row("compared", results["compared"]))
    rows += [_row(f"left_{why}", count) for why, count in results["left_out"].items()]
    yield _head("table")
    yield _counts(rows)


def _field(name: str) -> str:
    return text(f"validation.field.{name}")


def _films(films: Results) -> Iterator[str]:
    yield _head("films")
    rows = [_row(f"outcome_{name}", films["outcomes"][name]) for name in OUTCOMES]
    rows += [[f"– {_why(code)}", str(count)] for code, count in films["without_t"].items()]
    yield _counts(rows)
    named = films["named"]
    yield text("validation.row.named", **named)
    for view in ("lateral", "ap", "unknown"):
        some, word = films[view], text(f"validation.row.view_{view}")
        if not some["films"]:
            continue
        share = _share(some, "share_refused")
        yield text(
            "validation.row.refused", view=word, share=share, **{k: some[k] for k in ("films", "refused", "read")}
        )
        rows = [[_why(code), str(count)] for code, count in some["reasons"].items()]
        rows.append(_row("frontal_looks", some["frontal_looks"], view=word))
        unread = text("validation.row.unread", view=word)
        rows += [[f"{unread}: {_why(code)}", str(count)] for code, count in some["unread"].items()]
        yield _counts(rows)
    if films["said_otherwise"]:
        yield _counts([_row("said_otherwise", films["said_otherwise"])])


def _why(code: str) -> str:
    """The words of a reason, where they stand without the values of one patient; else its code."""
    if code in OUTCOMES:
        return text(f"validation.row.outcome_{code}")
    words = entry(code) if code in codes() else None
    words = words.get("rule") if isinstance(words, dict) else words
    return words if isinstance(words, str) and "{" not in words else f"`{code}`"


def _answers(results: Results) -> Iterator[str]:
    answers = results["answers"]
    yield _head("answers", age=MINIMUM_AGE_FOR_T, n=results["compared"])
    yield _compared(answers)
    for name in INPUTS:
        whys = answers[name]["without"]
        if whys:
            yield text("validation.row.left", given=_given(name))
            yield _counts([[_why(code), str(count)] for code, count in whys.items()])
    yield _head("alike", 3)
    yield _figures([(_given(name), answers["alike"][name]) for name in INPUTS])
    yield _gains(answers)
    for name in INPUTS:
        parts = [key for key in answers[name] if key not in ("all", "without")]
        yield _head("parts", 3, given=_given(name))
        yield _figures([(text(f"network.group.{key}"), answers[name][key]) for key in parts])
    yield from _reliable([(_given(name), answers[name]["all"]) for name in INPUTS])


def _compared(answers: Results) -> str:
    return _figures([(_given(name), answers[name]["all"]) for name in INPUTS])


def _given(name: str) -> str:
    return text(f"validation.given.{name}")


def _figures(rows: Sequence[tuple[str, Results]]) -> str:
    if not rows:
        return text("validation.none")
    head = [text(f"validation.column.{name}") for name in ("given", "n", "mix", *ANSWER)]
    return table_of([head, *([name, str(found["n"]), _mix(found), *_cells(found)] for name, found in rows)])


def _mix(found: Results) -> str:
    return mix_text(found["mix"]) if "mix" in found else text("validation.no")


def _cells(found: Results) -> list[str]:
    return [_cell(found, name) for name in ANSWER]


def _cell(found: Results, name: str) -> str:
    if name == "agreement" and "agreement_low" in found:
        return f"{found['agreement_low']:+.2f} – {found['agreement_high']:+.2f}"
    if name not in found:
        return text("validation.no")
    if name == "coverage":
        return _share(found, name)
    if name == "ece":
        return f"{found[name]:.3f} ({found['ece_floor']:.3f})"
    return f"{found[name]:.2f}" + _ends(found, name, ".2f")


def _ends(found: Results, name: str, form: str) -> str:
    if f"{name}_low" not in found:
        return ""
    return f" ({found[f'{name}_low']:{form}} – {found[f'{name}_high']:{form}})"


def _share(found: Results, name: str) -> str:
    return f"{found[name]:.1%}" + _ends(found, name, ".1%") if name in found else text("validation.no")


def _gains(answers: Results) -> str:
    rows = []
    for other in ("demographics", "film"):
        for code, found in answers["gains"][f"both_over_{other}"].items():
            shown = f"{found['difference']:+.3f}" + _ends(found, "difference", "+.3f") if "difference" in found else "-"
            rows.append(_row("gain", shown, what=_given(code), other=_given(other)))
    ost = answers["ost"]
    rows.append(_row("ost", _cell(ost, "auc_osteoporosis")))
    return _counts(rows)


def _reliable(rows: Sequence[tuple[str, Results]]) -> Iterator[str]:
    """Chance told beside the share measured, one line a bin."""
    lines = [
        [name, str(n), f"{told:.1%}", f"{seen:.1%}"]
        for name, found in rows
        for n, told, seen in found.get("reliability", ())
    ]
    if lines:
        yield _head("reliability", 3)
        yield table_of([[text(f"validation.column.{key}") for key in ("given", "n", "told", "measured")], *lines])


def _ct(scans: Results) -> Iterator[str]:
    yield _head("ct")
    if not scans["scans"]:
        yield text("validation.none")
        return
    states = tuple(f"{text(f'validation.state.{name}')} {count}" for name, count in scans["states"].items())
    yield text("validation.row.scans", scans=scans["scans"], states=", ".join(states))
    rows = [_row("certain", scans["certain"]), _row("compared", scans["n"])]
    rows += [_row(f"left_{why}", count) for why, count in scans["left_out"].items()]
    rows += [[_why(code), str(count)] for code, count in scans["reasons"].items()]
    yield _counts(rows)
    if "r" in scans:
        names = ("r", "auc_osteoporosis", "auc_at_risk")
        head = [text(f"validation.column.{name}") for name in ("given", "n", *names)]
        yield table_of([head, [_given("ct"), str(scans["n"]), *(_cell(scans, name) for name in names)]])
        yield from _reliable([(_given("ct"), scans)])


def _annotated(results: Results) -> Iterator[str]:
    if "annotated" in results:
        yield _head("annotated")
        yield _counts([[f"`{name}`", str(value)] for name, value in results["annotated"].items()])


def _criteria(rows: Sequence[Results]) -> Iterator[str]:
    yield _head("criteria")
    head = [text(f"validation.column.{name}") for name in ("criterion", "asked", "found", "verdict")]
    yield table_of([head, *([_criterion(row), _asked(row), _found(row), _verdict(row)] for row in rows)])


def _criterion(row: Results) -> str:
    return text(f"validation.criterion.{row['code']}")


def _verdict(row: Results) -> str:
    return text(f"validation.verdict.{row['verdict']}")


def _asked(row: Results) -> str:
    low, high = row["from"], row["to"]
    if low is not None and high is not None:
        return f"{low:g} – {high:g}"
    return f"≥ {low:g}" if low is not None else f"≤ {high:g}"


def _found(row: Results) -> str:
    if "value" not in row:
        return text("validation.no")
    return f"{row['value']:.3f}" + (f" ({row['low']:.3f} – {row['high']:.3f})" if "low" in row else "")
