"""Visitors of a running app without a browser's own load: they speak Streamlit's protocol over its websocket."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bmd.app.visit import LIMIT_S

MOST_S = LIMIT_S
"""A visitor who waits longer is not served: the app itself gives up by then."""
XSRF = "_streamlit_xsrf"


@dataclass(eq=False)
class Seen:
    """What the server has sent so far."""

    session: str = ""
    page: str = ""
    """Hash of the page that runs; without it a click would run the first page."""
    buttons: dict[str, str] = field(default_factory=dict)
    """Label to id."""
    uploaders: list[str] = field(default_factory=list)
    said: list[tuple[float, str]] = field(default_factory=list)
    """Share and words of the progress bar."""
    alerts: list[str] = field(default_factory=list)
    downloads: int = 0
    refused: bool = False
    named: str = ""
    """Title row of the result: whose it is."""
    runs: int = 0
    """Scripts that came to an end."""
    urls: object = None
    """Where to put a file that was announced."""
    closed: bool = False


class Visitor:
    """One open page. Use it as a context manager: leaving closes the page as a closed tab does."""

    def __init__(self, address: str, page: str = "") -> None:
        self.address, self.page, self.seen = address, page, Seen()
        self._changed = threading.Condition()
        cookies = requests.get(f"{address}/_stcore/health", timeout=20).cookies
        self._token = cookies.get(XSRF, "")
        url = f"{address.replace('http', 'ws')}/_stcore/stream"
        headers = {"Cookie": f"{XSRF}={self._token}"}
        protocols = ["streamlit", *([self._token] if self._token else [])]
        self._way = connect(
            url, subprotocols=protocols, additional_headers=headers, max_size=None, origin=address, open_timeout=60
        )
        self._socket = self._way.__enter__()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Visitor:
        message = BackMsg()
        message.rerun_script.page_name = self.page
        self._socket.send(message.SerializeToString())
        self.until(lambda seen: seen.runs > 0 and (seen.buttons or seen.uploaders), "the page")
        return self

    def __exit__(self, *_: object) -> None:
        self._way.__exit__(None, None, None)

    def click(self, label: str) -> None:
        """Press the button with this label."""
        self.until(lambda seen: label in seen.buttons, label)
        message, state = self._changing()
        state.id, state.trigger_value = self.seen.buttons[label], True
        self._socket.send(message.SerializeToString())

    def upload(self, name: str, data: bytes) -> None:
        """Give a file to the page's first uploader."""
        self.until(lambda seen: seen.uploaders, "an uploader")
        ask = BackMsg()
        ask.file_urls_request.request_id, ask.file_urls_request.session_id = "1", self.seen.session
        ask.file_urls_request.file_names.append(name)
        self._socket.send(ask.SerializeToString())
        self.until(lambda seen: seen.urls is not None, "where to put the file")
        urls = self.seen.urls
        answer = requests.put(
            self.address + urls.upload_url,
            files={"file": (name, data)},
            headers={"X-Xsrftoken": self._token},
            cookies={XSRF: self._token},
            timeout=MOST_S,
        )
        answer.raise_for_status()
        message, state = self._changing()
        state.id = self.seen.uploaders[0]
        file = state.file_uploader_state_value.uploaded_file_info.add()
        file.name, file.size, file.file_id = name, len(data), urls.file_id
        file.file_urls.CopyFrom(urls)
        self._socket.send(message.SerializeToString())

    def _changing(self) -> tuple[BackMsg, WidgetState]:
        """A run of this page with one widget changed."""
        message = BackMsg()
        message.rerun_script.page_script_hash = self.seen.page
        return message, message.rerun_script.widget_states.widgets.add()

    def wait_for_card(self) -> str:
        """Until the result stands on the page: "card" or "refused"; RuntimeError with the page's words otherwise."""
        self.until(lambda seen: seen.downloads or seen.refused or "Try again" in seen.buttons, "the card")
        if self.seen.downloads:
            return "card"
        if self.seen.refused:
            return "refused"
        raise RuntimeError("; ".join(self.seen.alerts))

    def until(self, true, what: str) -> None:
        """Wait until something was seen; TimeoutError after ``MOST_S``."""
        end = time.monotonic() + MOST_S
        with self._changed:
            while not true(self.seen):
                left = end - time.monotonic()
                if left <= 0 or self.seen.closed or not self._changed.wait(left):
                    raise TimeoutError(f"{what}; {self.seen}")

    def _listen(self) -> None:
        try:
            for payload in self._socket:
                message = ForwardMsg()
                message.ParseFromString(payload)
                with self._changed:
                    note(self.seen, message)
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
        with self._changed:
            self.seen.closed = True
            self._changed.notify_all()


def note(seen: Seen, message: ForwardMsg) -> None:
    """Keep what a visitor looks for in one message."""
    kind = message.WhichOneof("type")
    if kind == "new_session":
        seen.session = message.new_session.initialize.session_id or seen.session
    elif kind == "navigation":
        seen.page = message.navigation.page_script_hash
    elif kind == "script_finished":
        seen.runs += 1
    elif kind == "file_urls_response":
        (seen.urls,) = message.file_urls_response.file_urls
    elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
        _element(seen, message.delta.new_element)


def _element(seen: Seen, element) -> None:
    kind = element.WhichOneof("type")
    if kind == "button":
        seen.buttons[element.button.label] = element.button.id
    elif kind == "file_uploader":
        seen.uploaders.append(element.file_uploader.id)
    elif kind == "progress":
        seen.said.append((element.progress.value / 100, element.progress.text))
    elif kind == "alert":
        seen.alerts.append(element.alert.body)
    elif kind == "download_button":
        seen.downloads += 1
    elif kind == "html":
        if 'class="ol-file"' in element.html.body:
            seen.named = element.html.body
        seen.refused = seen.refused or 'class="ol-card ol-refusal"' in element.html.body
