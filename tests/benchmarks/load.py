"""Twenty visitors at once, twice: over the websocket, then in real browsers. ``python -m tests.benchmarks.load``.

Starts the app as ``make app`` does. One visitor uploads a film of 39 megapixels, one a CT of 300 slices (simulated once
and kept in the temporary folder), the others open built-in cases. For each: seconds until the card, and from the
server's log the seconds waited for networks of others, those networks' own seconds, and the seconds of its own. The log
names nobody, so its lines are given to the visitors of one kind in the order in which they were done.

Bars: nobody waits for longer than the networks before him ran, plus 3 s; at most 2.5 GB; within 300 MB of the start
after all have left. A line of JSON for each round, and one for the whole. ``--few`` is a quick look: three visitors, no
browsers, no waiting for the end. Twenty browsers need more of two cores than the app does, and on a machine that has
other work they are what is slow: the errands' own seconds stand beside those until the card.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import statistics
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import cycle
from pathlib import Path

from PIL import Image

from bmd.app.ct.samples import SAMPLES as CTS
from bmd.app.dxa.samples import SAMPLES as SCANS
from bmd.app.film.samples import SAMPLES as FILMS
from tests.benchmarks import ct, inference
from tests.benchmarks.stamp import stamp
from tests.benchmarks.visitors import MOST_S, Visitor
from tests.browser.server import ARGUMENTS, chromium, started

MEGAPIXELS = 39
BEYOND_S, PEAK_MB, EXCESS_MB = 3.0, 2500, 300
FORGOTTEN_S = 145.0
"""A closed page is kept for two minutes, for who comes back; then it is swept away."""
FILM = ""
"""The first page has no name in the address: at "/spine_xray" a page says first that there is none such."""
KINDS = {FILM: "film", "abdominal_ct": "ct", "dxa": "dxa"}
"""What an errand on each page is called in the log."""


@dataclass(frozen=True)
class Wish:
    """What one visitor does: opens a built-in case by its title, or uploads a file."""

    page: str
    case: str = ""
    file: Path | None = None

    @property
    def name(self) -> str:
        """For the record."""
        return self.case or f"upload {self.file.name}"


def wishes(count: int, uploads: Sequence[Wish]) -> list[Wish]:
    """The uploads, then built-in cases: of each three films one CT and one DXA image."""
    opened = [Wish(FILM, case.title) for case in FILMS.shipped()]
    volumes = [Wish("abdominal_ct", case.title) for case in CTS.shipped()]
    scans = [Wish("dxa", case.title) for case in SCANS.shipped()]
    turns = [cycle(cases) for cases in (opened, volumes, opened, scans, opened)]
    return [*uploads, *(next(turns[k % len(turns)]) for k in range(count))][:count]


def files() -> list[Wish]:
    """The film and the CT, made the first time."""
    folder = Path(tempfile.gettempdir()) / "osteolens_load"
    folder.mkdir(exist_ok=True)
    film, series = folder / f"film_{MEGAPIXELS}_mpx.png", folder / f"ct_{ct.SLICES}_slices.zip"
    if not film.exists():
        grey = (inference.film(megapixels=MEGAPIXELS).images[0].pixels * 255).round().astype("u1")
        out = BytesIO()
        Image.fromarray(grey).save(out, "PNG", compress_level=1)
        _write(film, out.getvalue())
    if not series.exists():
        out = BytesIO()
        with (
            tempfile.TemporaryDirectory() as place,
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, True, 1) as archive,
        ):
            ct.write_series(Path(place))
            for path in sorted(Path(place).iterdir()):
                archive.write(path, path.name)
        _write(series, out.getvalue())
    return [Wish(FILM, file=film), Wish("abdominal_ct", file=series)]


def _write(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.rename(path)  # a run that was broken off leaves no half file


class Server:
    """What the running app says of itself: memory, processor and log."""

    def __init__(self, process_id: int, log: Path) -> None:
        self._id, self._log, self._read = process_id, log, 0
        self.peak_mb = 0.0

    def rss_mb(self) -> float:
        """Memory now."""
        lines = Path(f"/proc/{self._id}/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def cpu_s(self) -> float:
        """Processor seconds of all its threads so far."""
        parts = Path(f"/proc/{self._id}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    def new_lines(self) -> list[str]:
        """Of the log, since the last look."""
        lines = self._log.read_text("utf-8").splitlines()
        new, self._read = lines[self._read :], len(lines)
        return new

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note the largest memory meanwhile."""
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(0.1):
                self.peak_mb = max(self.peak_mb, self.rss_mb())

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


# --- both ways of visiting give one record for each wish: what came of it, and after how many seconds --------------
def by_websocket(address: str, wanted: Sequence[Wish]) -> list[dict[str, object]]:
    """All open their pages; then all ask at once."""
    ready = threading.Barrier(len(wanted))
    records: list[dict[str, object]] = [{} for _ in wanted]

    def visit(index: int) -> None:
        wish, start = wanted[index], time.perf_counter()
        try:
            with Visitor(address, wish.page) as visitor:
                ready.wait(MOST_S)
                start = time.perf_counter()
                if wish.file is None:
                    visitor.click(wish.case)
                else:
                    visitor.upload(wish.file.name, wish.file.read_bytes())
                came = visitor.wait_for_card()
        except Exception as error:  # noqa: BLE001  one visitor's failure is a finding, not the end of the others
            ready.abort()
            came = f"{type(error).__name__}: {error}"
        records[index] = _record(wish, came, start)

    threads = [threading.Thread(target=visit, args=(index,)) for index in range(len(wanted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return records


def _record(wish: Wish, came: str, start: float) -> dict[str, object]:
    return {"wish": wish.name, "page": wish.page, "came": came, "card_s": round(time.perf_counter() - start, 2)}


def by_browser(address: str, wanted: Sequence[Wish]) -> list[dict[str, object]]:
    """The same in one Chromium, a context of its own for each visitor."""
    return asyncio.run(_browsers(address, wanted))


async def _browsers(address: str, wanted: Sequence[Wish]) -> list[dict[str, object]]:
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        window = await driver.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        pages = [await (await window.new_context()).new_page() for _ in wanted]
        both = list(zip(pages, wanted, strict=True))
        await asyncio.gather(*(_open(page, address, wish) for page, wish in both), return_exceptions=True)
        records = await asyncio.gather(*(_ask(page, wish) for page, wish in both))
        await window.close()
        return list(records)


async def _open(page, address: str, wish: Wish) -> None:
    page.set_default_timeout(1000 * MOST_S)
    await page.goto(f"{address}/{wish.page}", wait_until="commit")
    await page.locator("input[type=file]").first.wait_for(state="attached")


async def _ask(page, wish: Wish) -> dict[str, object]:
    start = time.perf_counter()
    try:
        if wish.file is None:
            await page.get_by_role("button", name=wish.case, exact=True).click()
        else:
            await page.locator("input[type=file]").first.set_input_files(wish.file)
        await page.locator(".ol-refusal, .ol-headline").first.wait_for()
        came = "card" if await page.locator(".ol-headline").count() else "refused"
    except Exception as error:  # noqa: BLE001  as above
        came = f"{type(error).__name__}: {error}"[:200]
    return _record(wish, came, start)


# --- a record of the whole ---------------------------------------------------------------------------------------
def of_all(server: Server, visit, address: str, wanted: Sequence[Wish]) -> dict[str, object]:
    """One round of visitors and what it cost the server."""
    busy, start = server.cpu_s(), time.perf_counter()
    records = visit(address, wanted)
    wall, busy = time.perf_counter() - start, server.cpu_s() - busy
    time.sleep(1)  # the log's last lines
    lines = server.new_lines()
    served = [json.loads(line.partition("served ")[2]) for line in lines if "served {" in line]
    joined = join(records, served)
    beyond = [errand["waited_s"] - errand["earlier_s"] - errand["later_s"] for errand in served]
    seconds = [record["card_s"] for record in records]
    return {
        "served": sum(record["came"] in ("card", "refused") for record in records),
        "of": len(records),
        "card_s": {"median": statistics.median(seconds), "longest": max(seconds)},
        "waited_s": max((errand["waited_s"] for errand in served), default=None),
        "waited_beyond_networks_s": {"measured": round(max(beyond, default=0.0), 2), "bar": BEYOND_S},
        "of_that_for_later_visitors_s": max((errand["later_s"] for errand in served), default=None),
        "network_s": round(sum(errand["network_s"] for errand in served), 2),
        "wall_s": round(wall, 1),
        "server_cpu_s": round(busy, 1),
        "faults_in_log": sum("Traceback" in line or "Unexpected" in line or "ERROR" in line for line in lines),
        "visitors": joined,
    }


def join(records: list[dict[str, object]], served: list[dict[str, object]]) -> list[dict[str, object]]:
    """Each visitor's record with the errand of its kind that was done in the same place of the order."""
    joined: list[dict[str, object]] = []
    for page, kind in KINDS.items():
        mine = sorted((record for record in records if record["page"] == page), key=lambda record: record["card_s"])
        theirs = [errand for errand in served if errand["kind"] == kind]
        rows = [*theirs, *({} for _ in mine[len(theirs) :])]
        joined += [record | row for record, row in zip(mine, rows, strict=False)]
    return joined


def settled_mb(server: Server, most_s: float, until_mb: float) -> float:
    """Memory after all have left: at once where it is back, else what is left when the time is over."""
    end = time.monotonic() + most_s
    while time.monotonic() < end and server.rss_mb() > until_mb:
        time.sleep(1)
    return server.rss_mb()


def one_round(server: Server, name: str, visit, address: str, wanted: Sequence[Wish]) -> None:
    """One round, its record printed at once: what follows may be broken off."""
    print(json.dumps({"round": name, **of_all(server, visit, address, wanted)}), flush=True)


def tell(what: str, server: Server) -> None:
    """How far it is, for who waits; the record alone goes to the standard output."""
    print(f"{time.strftime('%H:%M:%S')} {what}; {server.rss_mb():.0f} MB", file=sys.stderr, flush=True)


def main(few: bool = False) -> dict[str, object]:
    """Run it all; see above."""
    logging.getLogger("websockets").setLevel(logging.ERROR)
    uploads = [] if few else files()
    wanted = wishes(3 if few else 20, uploads)
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        with log.open("w") as out, started(out) as (address, process):
            server = Server(process.pid, log)
            tell("the app is started", server)
            by_websocket(address, wishes(5, ()))  # loads the networks of every kind
            time.sleep(5)
            server.new_lines()
            before = server.rss_mb()
            with server.watched():
                tell("twenty over the websocket" if not few else "three over the websocket", server)
                one_round(server, "websocket", by_websocket, address, wanted)
                if not few:
                    tell("twenty browsers", server)
                    one_round(server, "browsers", by_browser, address, wanted)
            tell("all have left", server)
            after = before if few else settled_mb(server, FORGOTTEN_S, before)
            return {
                **stamp(),
                "before_mb": round(before),
                "peak_mb": {"measured": round(server.peak_mb), "bar": PEAK_MB},
                "excess_mb": {"measured": None if few else round(after - before), "bar": EXCESS_MB},
            }


if __name__ == "__main__":
    print(json.dumps(main(few="--few" in sys.argv)))
