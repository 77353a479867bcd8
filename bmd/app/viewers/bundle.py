"""The viewers' files as Streamlit takes them: one string of JavaScript, of HTML with its words filled in, of CSS.

A component gets its script as text, so relative imports lead nowhere in the browser. The modules are therefore joined
here, each in a function of its own, so that their names cannot meet; there is no build step.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from bmd.text import entry, text

_IMPORT = re.compile(r'^import \{([\w,\s]+)\} from "(\.[\w./]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|const|class) (\w+))", re.MULTILINE)
_ANY = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_PART = re.compile(r"\[\[(\w+\.html)\]\]")
_PLACE = re.compile(r"\[\[(\w+)\]\]")
_SHARED = Path(__file__).with_name("shared")


def bundle(start: Path) -> str:
    """One ES module out of a file and all that it imports, each file once.

    Parameters
    ----------
    start : Path
        Its default export becomes that of the whole. Other files export by name: ``export function f``,
        ``export const C``; imports are ``import { f } from "./file.js";``.

    Raises
    ------
    ValueError
        Files import each other in a circle, or in a form that is not understood.
    """
    names: dict[Path, str] = {}
    parts: list[str] = []

    def add(file: Path, above: tuple[Path, ...]) -> None:
        if file in above:
            raise ValueError(f"a circle of imports: {' -> '.join(one.name for one in (*above, file))}")
        if file in names:
            return
        source = file.read_text("utf-8")
        for _, where in _IMPORT.findall(source):
            add((file.parent / where).resolve(), (*above, file))
        names[file] = f"module{len(names)}"
        parts.append(_module(file, source, names, is_start=not above))

    add(start.resolve(), ())
    return "\n".join(parts)


def _module(file: Path, source: str, names: dict[Path, str], is_start: bool) -> str:
    def bound(found: re.Match[str]) -> str:
        return f"const {{{found[1]}}} = {names[(file.parent / found[2]).resolve()]};\n"

    exported = _EXPORT.findall(source)
    body = _EXPORT.sub("", _IMPORT.sub(bound, source))
    if is_start:
        left = [line for line in _ANY.findall(body) if not line.startswith("export default ")]
    else:
        left = _ANY.findall(body)
        body = f"const {names[file]} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();"
    if left:
        raise ValueError(f"{file.name}: not understood: {left[0]}")
    return f"// {file.name}\n{body}"


def page(file: Path) -> str:
    """A viewer's HTML; ``[[zoom.html]]`` stands for that shared file, ``[[fit]]`` for the words of "app.viewer.fit"."""
    whole = _PART.sub(lambda found: (_SHARED / found[1]).read_text("utf-8").rstrip(), file.read_text("utf-8"))
    return _PLACE.sub(lambda found: html.escape(text(f"app.viewer.{found[1]}")), whole)


@cache
def component(name: str, folder: Path, language: str) -> ComponentRenderer:
    """The viewer of a folder, registered once for each language of the process.

    Parameters
    ----------
    name : str
        Of the component; the language is added to it.
    folder : Path
        Holds ``viewer.html``, ``viewer.js`` and, where the shared one is not enough, ``viewer.css``.
    language : str
        In which its words are shown now.
    """
    styles = [file for file in (_SHARED / "viewer.css", folder / "viewer.css") if file.exists()]
    return st.components.v2.component(
        f"{name}_{language}",
        html=page(folder / "viewer.html"),
        css="\n".join(file.read_text("utf-8") for file in styles),
        js=bundle(folder / "viewer.js"),
    )


def words(names: Iterable[str]) -> dict[str, str]:
    """Words that the viewer fills in itself, by name: "app.viewer.<name>" with its places left as they are."""
    return {name: str(entry(f"app.viewer.{name}")) for name in names}
