"""``stream``: one WebSocket of one page. Messages go to its ``Client``, and what its turn yields goes out.

One coroutine reads and one writes; the client is asked in a worker thread, by one of them at a time. A page that is
slow is simply asked for less often: nothing queues here. A page that takes no bytes for ``stall_s`` is cut, because a
polite close would wait for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from neurosim.viewer.web.limits import Bucket, Limits
from neurosim.viewer.web.security import AUDIT
from neurosim.viewer.web.tickets import Login
from neurosim.viewer.web.workers import Workers
from neurosim.viewer.wire import PROTOCOL, WireError

if TYPE_CHECKING:
    from neurosim.viewer.client import Client
    from neurosim.viewer.hub import Hub

POLICY, TOO_MUCH, AWAY, TEXT_ONLY = 1008, 1013, 1001, 1003
"""Close codes of RFC 6455."""


class _Over(Exception):  # noqa: N818 - no mistake of the program
    """The conversation ends with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class _Failed(Exception):  # noqa: N818 - the cause says what is wrong
    """The client could not answer."""


class Stream:
    """A conversation with one page.

    Parameters
    ----------
    socket : starlette.websockets.WebSocket
        Not yet accepted.
    client : Client
    workers : Workers
    limits : Limits
    """

    def __init__(self, socket: Any, client: Client, workers: Workers, limits: Limits) -> None:
        self._socket, self._client, self._workers, self._limits = socket, client, workers, limits
        self._login: Login = socket.scope["state"]["login"]
        self._one_at_a_time = asyncio.Lock()
        self._one_sends = asyncio.Lock()
        self._bucket = Bucket(limits.messages_per_s, limits.messages_burst, monotonic())
        self._asking: asyncio.Future[list[str | bytes]] | None = None

    async def run(self) -> None:
        """Talk until one side ends it."""
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        try:
            done, _ = await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reader.cancel()
            writer.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            if self._asking is not None:
                await asyncio.wait({self._asking})
                self._asking.exception()
        for task in done:
            error = None if task.cancelled() else task.exception()
            if isinstance(error, _Over):
                await self._close(error.code, error.reason)
            elif isinstance(error, TimeoutError):
                AUDIT.info("cut a socket of %s that took no bytes", self._login.name)
                self._cut()
            elif isinstance(error, _Failed):
                await self._close(1011, "the server failed; its log says why")
                raise error
            elif error is not None and not _is_gone(error):
                raise error

    async def _read(self) -> None:
        wait_s, why = self._limits.hello_s, "no message came"
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    message = await self._socket.receive()
            except TimeoutError:
                raise _Over(POLICY if why == "no message came" else AWAY, why) from None
            if message["type"] != "websocket.receive":
                return
            wait_s, why = self._limits.idle_s, "idle"
            text = message.get("text")
            if text is None:
                raise _Over(TEXT_ONLY, "messages are text")
            if len(text) > self._limits.message_bytes:
                raise _Over(1009, f"a message has at most {self._limits.message_bytes} bytes")
            if not self._bucket.take(monotonic()):
                raise _Over(POLICY, "too many messages")
            try:
                answers = await self._asked(self._client.receive, text)
            except WireError as error:
                raise _Over(POLICY, str(error)) from error
            self._note(text)
            for answer in answers:
                await self._send(answer)

    async def _write(self) -> None:
        pause_s = 1.0 / self._limits.turns_per_s
        while True:
            begun_s = monotonic()
            try:
                messages = await self._asked(self._client.turn, begun_s)
            except WireError as error:
                raise _Over(AWAY, str(error)) from error
            for message in messages:
                await self._send(message)
            await asyncio.sleep(max(0.002, pause_s - (monotonic() - begun_s)))

    async def _asked(self, function: Callable[..., list[str | bytes]], argument: Any) -> list[str | bytes]:
        async with self._one_at_a_time:
            # A thread cannot be cancelled: whoever closes the client waits for it.
            self._asking = asyncio.ensure_future(self._workers.run(function, argument))
            try:
                return await asyncio.shield(self._asking)
            except WireError:
                raise
            # What the other side did to the socket raises elsewhere; this is ours, whatever it is.
            except Exception as error:
                raise _Failed from error

    async def _send(self, message: str | bytes) -> None:
        kind = "text" if isinstance(message, str) else "bytes"
        await self._in_time(lambda: self._socket.send({"type": "websocket.send", kind: message}))

    async def _in_time(self, send: Callable[[], Awaitable[None]]) -> None:
        async with self._one_sends, asyncio.timeout(self._limits.stall_s):
            await send()

    async def _close(self, code: int, reason: str) -> None:
        """Say goodbye, but not for long."""
        # A control frame holds 125 bytes, two of them the code.
        short = reason.encode()[:120].decode(errors="ignore")
        try:
            async with asyncio.timeout(1.0):
                await self._socket.send({"type": "websocket.close", "code": code, "reason": short})
        except TimeoutError:
            self._cut()
        except Exception as error:
            if not _is_gone(error):
                raise

    def _cut(self) -> None:
        abort = self._socket.scope["state"].get("abort")
        if abort is not None:
            abort()

    def _note(self, text: str) -> None:
        """Write acts on the simulation to the audit log."""
        if '"act"' not in text and '"control"' not in text:
            return
        asked = json.loads(text)
        if asked.get("type") in ("act", "control"):
            words = [
                str(asked[key])[:24] for key in ("kind", "what", "name", "rank", "node", "amplitude_nA") if key in asked
            ]
            AUDIT.info("%s by %s: %s", asked["type"], self._login.name, " ".join(words))


def _is_gone(error: BaseException) -> bool:
    """Return whether an error only says that the other side left."""
    from starlette.websockets import WebSocketDisconnect

    # Servers raise their own kinds of OSError; Starlette a RuntimeError when something is sent after the end.
    return isinstance(error, OSError | WebSocketDisconnect | RuntimeError)


def stream_route(hub: Hub, workers: Workers, limits: Limits) -> Callable[[Any], Awaitable[None]]:
    """Return the endpoint of ``/ws/v1/stream``."""

    async def stream(socket: Any) -> None:
        if PROTOCOL not in socket.scope.get("subprotocols", []):
            await socket.close(POLICY)
            return
        await socket.accept(subprotocol=PROTOCOL)
        client = await workers.run(hub.client)
        try:
            await Stream(socket, client, workers, limits).run()
        finally:
            client.close()

    return stream
