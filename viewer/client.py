"""``Client``: one connection - what it looks at, what it gets, how fast.

``receive`` takes the client's messages, ``turn`` gives what is to be sent now; both are called by one thread. Frames
of activity wait while ``CREDITS`` of them are not acknowledged; what happens meanwhile is merged (``pending``).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer import messages, wire
from neurosim.viewer.messages import refuse
from neurosim.viewer.node_counts import NodeCounts
from neurosim.viewer.pending import Pending
from neurosim.viewer.source import Source
from neurosim.viewer.viewing import Viewing

CREDITS = 4
STATUS_S = 0.5
TRACE_S = 0.1
VOLTAGE_NODES = 100_000
VOLTAGE_mV = (-90.0, 40.0)
"""Ends of the scale of voltages on the wire."""
MESSAGES_PER_S, BURST = 200.0, 400.0


class Client:
    """One connection.

    Parameters
    ----------
    source : Source
        What is watched.
    patient_s : float, optional
        Time after which frames are sent although none was acknowledged (where acknowledgements cannot arrive);
        otherwise they wait for ever.
    clock : callable
        Wall time in s, for the limit on messages.
    """

    def __init__(
        self, source: Source, *, patient_s: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.source = source
        self._clock, self._patient_s = clock, patient_s
        self._player = source.player()
        self._nodes = NodeCounts(source.scene)
        self._viewing = Viewing(source.scene)
        self._pending = Pending(source.scene.n)
        self._spikes, self._activity, self._voltage_tag = True, True, 0
        self._traces: dict[tuple[int, int], tuple[int, float]] = {}
        self._seq, self._open = 0, [0] * 0
        self._sent_s, self._status_s, self._traced_s = -math.inf, -math.inf, -math.inf
        self._allowed, self._heard_s = BURST, clock()
        self._skipped = 0
        self._reduced: dict[str, str] = {}

    # --- what the client says ---------------------------------------------------------------------------------------

    def receive(self, text: str) -> list[str | bytes]:
        """Act on a message and return the immediate answers.

        Raises
        ------
        WireError
            The message is malformed or out of range, or there are too many; close the connection.
        """
        now = self._clock()
        self._allowed = min(BURST, self._allowed + (now - self._heard_s) * MESSAGES_PER_S) - 1.0
        self._heard_s = now
        if self._allowed < 0.0:
            refuse(f"more than {MESSAGES_PER_S:g} messages a second")
        message = messages.parsed(text)
        kind = messages.word(message, "type", messages.TYPES)
        answers: list[str | bytes] = getattr(self, f"_on_{kind}")(message)
        return answers

    def _on_hello(self, message: dict[str, Any]) -> list[str | bytes]:
        messages.whole(message, "version", 1, 1)
        limits = {"voltage_limit": VOLTAGE_NODES, "traces_limit": messages.MOST_TRACES, "credits": CREDITS}
        return [said({"type": "welcome", "version": 1, **self.source.describe(), **limits}), self._status()]

    def _on_view(self, message: dict[str, Any]) -> list[str | bytes]:
        tag = messages.whole(message, "tag", 0, 65535)
        nodes, ranks, levels = self._viewing.look(message, tag)
        return [self._numbered(wire.view_frame, self._pending.t_ms, nodes, ranks, levels, view=tag)]

    def _on_sub(self, message: dict[str, Any]) -> list[str | bytes]:
        tag = messages.whole(message, "tag", 0, 65535)
        spikes, activity = messages.flag(message, "spikes"), messages.flag(message, "nodes")
        asked = messages.ranks(message, "voltage", self.source.scene.n)
        fit = int(np.searchsorted(np.cumsum(self._nodes.of(asked)), VOLTAGE_NODES, side="right"))
        accepted = asked[:fit]
        self._spikes, self._activity, self._voltage_tag = spikes, activity, tag
        self._pending.forget_voltage()
        self._player.want_voltage(accepted)
        self._reduced.pop("voltage", None)
        if fit < len(asked):
            self._reduced["voltage"] = (
                f"voltage of {fit:,} of {len(asked):,} cells: at most {VOLTAGE_NODES:,} compartments are sent"
            )
        return [said({"type": "voltage", "tag": tag, "ranks": accepted})]

    def _on_trace(self, message: dict[str, Any]) -> list[str | bytes]:
        wanted = messages.places(message, self.source.scene.n)
        self._check_nodes([rank for rank, _, _ in wanted], [node for _, node, _ in wanted])
        begin = self._pending.t_ms
        known = self._traces
        self._traces = {(r, n): (tag, known[r, n][1] if (r, n) in known else begin) for r, n, tag in wanted}
        self.source.want_trace(self, list(self._traces))
        return []

    def _on_ack(self, message: dict[str, Any]) -> list[str | bytes]:
        seq = messages.whole(message, "seq", 0, 2**32 - 1)
        if seq > self._seq:
            refuse(f"seq: {seq} was not sent yet; the last is {self._seq}")
        self._open = [s for s in self._open if s > seq]
        return []

    def _on_seek(self, message: dict[str, Any]) -> list[str | bytes]:
        t_ms = messages.number(message, "t_ms", -1e12, 1e12)
        return self._tried("a live run cannot be sought", lambda: self._player.seek(t_ms))

    def _on_play(self, message: dict[str, Any]) -> list[str | bytes]:
        rate, loop = messages.number(message, "rate", 0.0, messages.MOST_RATE), messages.flag(message, "loop")
        return self._tried("a live run has its own speed", lambda: self._player.play(rate, loop))

    def _on_control(self, message: dict[str, Any]) -> list[str | bytes]:
        what = messages.word(message, "what", ("pause", "resume"))
        return self._tried("only a live run can be paused", lambda: self.source.control(what))

    def _on_act(self, message: dict[str, Any]) -> list[str | bytes]:
        kind = messages.word(message, "kind", messages.ACTS)
        rank = messages.whole(message, "rank", 0, self.source.scene.n - 1)
        node = messages.whole({"node": 0, **message}, "node", 0, 2**31 - 1)
        amplitude = messages.number(message, "amplitude_nA", -messages.MOST_nA, messages.MOST_nA, 0.0)
        self._check_nodes([rank], [node])
        return self._tried("only a live run can be acted on", lambda: self.source.act(kind, rank, node, amplitude))

    def _check_nodes(self, ranks: Sequence[int], nodes: Sequence[int]) -> None:
        for rank, node, nodes_n in zip(ranks, nodes, self._nodes.of(ranks).tolist(), strict=True):
            if node >= nodes_n:
                refuse(f"node: cell {rank} has nodes 0 to {nodes_n - 1}, got {node}")

    def _tried(self, why: str, what: Callable[[], None]) -> list[str | bytes]:
        try:
            what()
        except NotImplementedError:
            return [said({"type": "error", "message": why})]
        return []

    # --- what the client gets ---------------------------------------------------------------------------------------

    def turn(self, now_s: float) -> list[str | bytes]:
        """Return what is to be sent now: status as text, frames as bytes."""
        batch = self._player.take()
        if batch is not None:
            self._pending.add(batch)
        out: list[str | bytes] = []
        if now_s - self._status_s >= STATUS_S:
            self._status_s = now_s
            out.append(self._status())
        if self._patient_s is not None and now_s - self._sent_s >= self._patient_s:
            self._open.clear()
        frames = self._frames()
        if frames and len(self._open) + len(frames) > CREDITS:
            self._skipped += 1
            return out
        if frames:
            out += [self._credited(make) for make in frames]
            self._pending.clear()
            self._sent_s = now_s
        return out + self._trace_frames(now_s)

    def _frames(self) -> list[Callable[[int], bytes]]:
        """Return makers, by number, of the frames that are due."""
        p = self._pending
        if not p.due:
            return []
        flags = p.flags
        frames: list[Callable[[int], bytes]] = []
        ranks, counts = p.ranks, p.counts
        if self._spikes:
            drawn = self._viewing.is_drawn(ranks)
            times = None if p.times_ms is None else p.times_ms[drawn]
            shown = ranks[drawn]
            frames.append(lambda seq: spikes_or_mask(p.t_ms, p.t_ms - p.start_ms, shown, times, seq=seq, flags=flags))
        if self._activity and len(self._viewing.nodes) and p.t_ms > p.start_ms:
            rates = self._viewing.rates_Hz(ranks, counts, p.t_ms - p.start_ms)
            tag = self._viewing.tag
            frames.append(lambda seq: wire.nodes_frame(p.t_ms, rates, view=tag, seq=seq, flags=flags))
        if p.voltage_mV is not None:
            values = np.nan_to_num(p.voltage_mV, nan=VOLTAGE_mV[0])
            tag_of = self._voltage_tag
            frames.append(lambda seq: wire.voltage_frame(p.t_ms, values, *VOLTAGE_mV, tag=tag_of, seq=seq, flags=flags))
        return frames

    def _credited(self, make: Callable[[int], bytes]) -> bytes:
        self._seq += 1
        self._open.append(self._seq)
        return make(self._seq)

    def _numbered(self, make: Callable[..., bytes], *values: Any, **named: Any) -> bytes:
        self._seq += 1
        return make(*values, seq=self._seq, **named)

    def _trace_frames(self, now_s: float) -> list[str | bytes]:
        if not self._traces or now_s - self._traced_s < TRACE_S:
            return []
        self._traced_s = now_s
        out: list[str | bytes] = []
        until = self._pending.t_ms
        for (rank, node), (tag, since) in self._traces.items():
            block = self.source.trace(rank, node, min(since, until), until)
            if len(block.values_mV):
                out.append(self._numbered(wire.trace_frame, block.start_ms, block.step_ms, block.values_mV, tag=tag))
                since = block.start_ms + block.step_ms * len(block.values_mV)
            self._traces[rank, node] = (tag, min(since, max(until, since)))
        return out

    def _status(self) -> str:
        s = self.source.status()
        return said(
            {
                "type": "status", "state": s.state, "t_ms": self._pending.t_ms if not self.source.live else s.t_ms,
                "start_ms": s.start_ms, "stop_ms": s.stop_ms, "times_real_time": s.times_real_time,
                "spikes_n": s.spikes_n, "eta_s": s.eta_s, "memory_MB": s.memory_MB, "warnings": list(s.warnings),
                "skipped": self._skipped, "reduced": list(self._reduced.values()),
            }
        )  # fmt: skip

    def close(self) -> None:
        """Forget the client."""
        self.source.want_trace(self, [])
        self._player.close()


def said(message: dict[str, Any]) -> str:
    """Return a message as JSON; numbers that are not finite are null."""
    return json.dumps({k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in message.items()})


def spikes_or_mask(
    t_ms: float,
    span_ms: float,
    ranks: NDArray[np.uint32],
    times_ms: NDArray[np.float64] | None,
    *,
    seq: int,
    flags: int,
) -> bytes:
    """Return the shorter of a SPIKES and a MASK frame; ``ranks`` ascend, without times it is a MASK."""
    first = int(ranks[0]) if len(ranks) else 0
    n = int(ranks[-1]) - first + 1 if len(ranks) else 0
    if times_ms is None or 8 + -(-n // 8) < 4 + 6 * len(ranks):
        return wire.mask_frame(t_ms, first, n, ranks, seq=seq, flags=flags)
    return wire.spikes_frame(t_ms, span_ms, ranks, times_ms, seq=seq, flags=flags)
