"""``WidgetLink``: what the server is to a page, for the views of a Jupyter widget: requests and the stream as messages.

Messages come in by ``hear`` (from the kernel's thread) and are worked on by a thread of the link, which also asks each
client 30 times a second what is to be sent. Knows nothing of widgets: it is given a function that sends.

From the page, each with ``view`` (a name the page chose)::

    {"kind": "open"}                                  a view begins; {"kind": "close"} ends it
    {"kind": "get", "id": 1, "path": "/api/scene"}    "post" too, with "data" (JSON text)
    {"kind": "text", "data": …}                       a message of the stream; {"kind": "ping"} says nothing

To the page: ``answer`` (``id``, ``status``; the bytes are the buffer), ``frames`` (the buffers), ``text``, and
``closed`` (``reason``, and ``again`` true when the page may open again).
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from neurosim.viewer.client import Client
from neurosim.viewer.hub import Hub
from neurosim.viewer.wire import WireError

TURN_S = 1.0 / 30.0
PATIENT_S = 0.15
"""Time after which frames go on although none was acknowledged: while a cell runs the kernel hears nothing."""
QUIET_S = 90.0
"""A view that says nothing for so long while others speak is gone; a page in the background may speak once a minute."""
MOST_VIEWS = 8
MOST_WAITING = 10_000
LONGEST_PATH = 2_000_000
_NAME_LENGTH = 64

Send = Callable[[dict[str, Any], list[bytes]], None]


@dataclass
class _View:
    client: Client
    heard_s: float


class WidgetLink:
    """The views of one widget.

    Parameters
    ----------
    hub : Hub
        Answers requests and makes clients; closed with the link.
    send : callable
        Sends a content and buffers to the page; may be called from any thread.
    patient_s : float
        As ``Client``'s.
    clock : callable
        Wall time in s.
    """

    def __init__(
        self, hub: Hub, send: Send, *, patient_s: float = PATIENT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.hub = hub
        self._send, self._patient_s, self._clock = send, patient_s, clock
        self._inbox: queue.Queue[dict[str, Any]] = queue.Queue(MOST_WAITING)
        self._views: dict[str, _View] = {}
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._askers = ThreadPoolExecutor(2, thread_name_prefix="neurosim-answers")

    @property
    def views_n(self) -> int:
        """Number of views that are open."""
        return len(self._views)

    @property
    def running(self) -> bool:
        """Whether the link's thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    def hear(self, content: object) -> None:
        """Take a message from the page; returns at once. What has no form that is known is dropped."""
        if self._ended.is_set() or not isinstance(content, dict):
            return
        view = content.get("view")
        if not isinstance(view, str) or not 0 < len(view) <= _NAME_LENGTH:
            return
        try:
            self._inbox.put_nowait(content)
        except queue.Full:
            return
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._work, name="neurosim-widget", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread, the clients and the hub."""
        with self._lock:
            if self._ended.is_set():
                return
            self._ended.set()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(3.0)
        self._askers.shutdown(wait=True, cancel_futures=True)
        self.hub.close()

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while not self._ended.is_set():
                due = self._clock() + TURN_S
                self._listen()
                for name in list(self._views):
                    self._turn(name)
                self._ended.wait(max(0.0, due - self._clock()))
        finally:
            for view in self._views.values():
                view.client.close()
            self._views.clear()

    def _listen(self) -> None:
        """Work on what was heard; without a view, wait for something."""
        while not self._ended.is_set():
            try:
                content = self._inbox.get_nowait() if self._views else self._inbox.get(timeout=0.2)
            except queue.Empty:
                if self._views:
                    return
                continue
            self._act(content["view"], content)

    def _act(self, name: str, content: dict[str, Any]) -> None:
        kind, now = content.get("kind"), self._clock()
        if name in self._views:
            self._views[name].heard_s = now
        if kind == "open":
            self._open(name, now)
        elif kind == "close":
            self._drop(name)
        elif kind in ("get", "post"):
            self._askers.submit(self._answer, name, content)
        elif name not in self._views:
            self._say(name, {"kind": "closed", "reason": "this view is not open", "again": True})
        elif kind == "text":
            self._text(name, content.get("data"))
        for quiet in [n for n, view in self._views.items() if now - view.heard_s > QUIET_S]:
            self._drop(quiet, "nothing was heard of this view", again=True)

    def _open(self, name: str, now: float) -> None:
        self._drop(name)
        while len(self._views) >= MOST_VIEWS:
            self._drop(min(self._views, key=lambda n: self._views[n].heard_s), "too many views of this widget")
        self._views[name] = _View(self.hub.client(patient_s=self._patient_s), now)

    def _drop(self, name: str, reason: str = "", *, again: bool = False) -> None:
        view = self._views.pop(name, None)
        if view is not None:
            view.client.close()
            if reason:
                self._say(name, {"kind": "closed", "reason": reason, "again": again})

    def _text(self, name: str, data: object) -> None:
        try:
            if not isinstance(data, str):
                raise WireError(f"message: must be text, got {type(data).__name__}")
            self._pass(name, self._views[name].client.receive(data))
        except WireError as error:
            self._drop(name, str(error))

    def _turn(self, name: str) -> None:
        view = self._views.get(name)
        if view is None:
            return
        try:
            self._pass(name, view.client.turn(self._clock()))
        except WireError as error:  # the hub shows something else
            self._drop(name, str(error), again=True)
        except Exception as error:  # the others go on
            self._drop(name, f"{type(error).__name__}: {error}")

    def _pass(self, name: str, out: list[str | bytes]) -> None:
        for item in out:
            if isinstance(item, str):
                self._say(name, {"kind": "text", "data": item})
        frames = [item for item in out if isinstance(item, bytes)]
        if frames:
            self._say(name, {"kind": "frames"}, frames)

    def _answer(self, name: str, content: dict[str, Any]) -> None:
        """Answer a request; in a thread of its own, because some take long."""
        number, path, data = content.get("id"), content.get("path"), content.get("data")
        post = content.get("kind") == "post"
        if not isinstance(path, str) or len(path) > LONGEST_PATH or (post and not isinstance(data, str)):
            status, body = 400, json.dumps({"error": "a request has a path, and a POST has data"}).encode()
        else:
            parts = urlsplit(path)
            try:
                answer = self.hub.answer(parts.path, dict(parse_qsl(parts.query)), str(data).encode() if post else None)
                status, body = answer.status, answer.body
            except Exception as error:
                status, body = 500, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()
        self._say(name, {"kind": "answer", "id": number, "status": status}, [body])

    def _say(self, name: str, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        if not self._ended.is_set():
            self._send({**content, "view": name}, buffers or [])
