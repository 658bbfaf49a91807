"""``Client``: one connection - what it looks at, what it gets, how fast.

``receive`` takes the client's messages, ``turn`` gives what is to be sent now; one of them is called at a time. Frames
of activity wait while ``CREDITS`` of them are not acknowledged, or while their bytes are more than ``Flow`` allows;
what happens meanwhile is merged (``Pending``). Answers (VIEW) and traces are not counted: they come when asked for.
Worlds have credits of their own (``WorldFeed``).

Every spike is counted: ``counted_n`` of the status is the number of all that happened since the client came (or
jumped), ``shown_n`` how many of them were sent as marks of single cells; the others are in the rates of the nodes.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neurosim.errors import SimulationError
from neurosim.viewer import messages, wire
from neurosim.viewer.answers import JUST_AFTER_ms
from neurosim.viewer.flow import BYTES_PER_S, Flow
from neurosim.viewer.frames import flags_of, size_of, spikes_or_mask
from neurosim.viewer.messages import refuse
from neurosim.viewer.node_counts import NodeCounts
from neurosim.viewer.pending import Pending
from neurosim.viewer.source import Acted, Batch, Source
from neurosim.viewer.viewing import Viewing
from neurosim.viewer.world_feed import WorldFeed

CREDITS = 4
STATUS_S = 0.5
TRACE_S = 0.1
BACK_ms = 500.0
"""How far back the first piece of a trace reaches."""
SLOW_S = 0.25
"""Time between two turns that are sent, from which on a connection is called slow."""
VOLTAGE_NODES = 100_000
VOLTAGE_mV = (-100.0, 50.0)
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
    bytes_per_s : float
        Limit of spikes and activity of nodes.
    clock : callable
        Wall time in s, for the limit on messages.
    """

    def __init__(
        self,
        source: Source,
        *,
        patient_s: float | None = None,
        bytes_per_s: float = BYTES_PER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source = source
        self._clock, self._patient_s = clock, patient_s
        self._player = source.player()
        self._nodes, self._viewing = NodeCounts(source.scene), Viewing(source.scene)
        self._pending, self._flow = Pending(source.scene.n), Flow(bytes_per_s)
        self._spikes, self._activity, self._voltage_tag = True, True, 0
        self._traces: dict[tuple[int, int], tuple[int, float]] = {}
        self._world = WorldFeed(source)
        self._seq = 0
        self._unacknowledged: list[int] = []
        self._sent_s, self._status_s, self._traced_s = -math.inf, -math.inf, -math.inf
        self._pause_s, self._held = 0.0, False
        self._allowed, self._heard_s = BURST, clock()
        self._counted_n, self._shown_n, self._skipped_n = 0, 0, 0
        self._last_act: Acted | None = None
        self._voltage_cut: str | None = None

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
        s = self._viewing.look(message)
        tag, t_ms = self._viewing.tag, self._pending.t_ms
        return [self._numbered(wire.view_frame, t_ms, s.nodes, s.ranks, s.levels, view=tag)]

    def _on_sub(self, message: dict[str, Any]) -> list[str | bytes]:
        tag = messages.whole(message, "tag", 0, 65535)
        spikes, activity = messages.flag(message, "spikes"), messages.flag(message, "nodes")
        asked = messages.ranks(message, "voltage", self.source.scene.n)
        fit = int(np.searchsorted(np.cumsum(self._nodes.of(asked)), VOLTAGE_NODES, side="right"))
        accepted = asked[:fit]
        self._spikes, self._activity, self._voltage_tag = spikes, activity, tag
        self._world.wanted = messages.flag(message, "world")
        self._pending.forget_voltage()
        self._player.want_voltage(accepted)
        most = f"at most {VOLTAGE_NODES:,} compartments are sent"
        self._voltage_cut = f"voltage of {fit:,} of {len(asked):,} cells: {most}" if fit < len(asked) else None
        return [said({"type": "voltage", "tag": tag, "ranks": accepted})]

    def _on_trace(self, message: dict[str, Any]) -> list[str | bytes]:
        wanted = messages.places(message, self.source.scene.n)
        self._check_nodes([rank for rank, _, _ in wanted], [node for _, node, _ in wanted])
        begin = self._pending.t_ms - BACK_ms
        known = self._traces
        self._traces = {(r, n): (tag, known[r, n][1] if (r, n) in known else begin) for r, n, tag in wanted}
        self.source.want_trace(self, list(self._traces))
        return []

    def _on_ack(self, message: dict[str, Any]) -> list[str | bytes]:
        seq = messages.whole(message, "seq", 0, 2**32 - 1)
        if seq > self._seq:
            refuse(f"seq: {seq} was not sent yet; the last is {self._seq}")
        self._unacknowledged = [s for s in self._unacknowledged if s > seq]
        self._world.acknowledged(seq)
        return []

    def _on_seek(self, message: dict[str, Any]) -> list[str | bytes]:
        t_ms = messages.number(message, "t_ms", -1e12, 1e12)
        return self._tried(lambda: self._player.seek(t_ms))

    def _on_play(self, message: dict[str, Any]) -> list[str | bytes]:
        rate, loop = messages.number(message, "rate", 0.0, messages.MOST_RATE), messages.flag(message, "loop")
        return self._tried(lambda: self._player.play(rate, loop))

    def _on_control(self, message: dict[str, Any]) -> list[str | bytes]:
        what = messages.word(message, "what", ("pause", "resume"))
        return self._tried(lambda: self.source.control(what)) or [self._status()]

    def _on_act(self, message: dict[str, Any]) -> list[str | bytes]:
        offers = self.source.offers()
        kind = messages.word(message, "kind", (*messages.ACTS, *offers))
        names = offers.get(kind)
        if names:
            name = messages.word(message, "name", names)
            return self._tried(lambda: self.source.do(kind, name))
        rank = messages.whole(message, "rank", 0, self.source.scene.n - 1)
        node = messages.whole({"node": 0, **message}, "node", 0, 2**31 - 1)
        amplitude = messages.number(message, "amplitude_nA", -messages.MOST_nA, messages.MOST_nA, 0.0)
        self._check_nodes([rank], [node])
        return self._tried(lambda: self.source.act(kind, rank, node, amplitude))

    def _check_nodes(self, ranks: Sequence[int], nodes: Sequence[int]) -> None:
        for rank, node, nodes_n in zip(ranks, nodes, self._nodes.of(ranks).tolist(), strict=True):
            if node >= nodes_n:
                refuse(f"node: cell {rank} has nodes 0 to {nodes_n - 1}, got {node}")

    def _tried(self, what: Callable[[], None]) -> list[str | bytes]:
        try:
            what()
        except SimulationError as error:
            return [said({"type": "error", "message": str(error)})]
        return []

    # --- what the client gets ---------------------------------------------------------------------------------------

    def turn(self, now_s: float) -> list[str | bytes]:
        """Return what is to be sent now: status as text, frames as bytes."""
        batch = self._player.take()
        if batch is not None:
            self._pending.add(batch)
            if batch.jumped:
                self._traces = {place: (tag, batch.t_ms - BACK_ms) for place, (tag, _) in self._traces.items()}
        out: list[str | bytes] = [*self._told(now_s)]
        if self._patient_s is not None and now_s - self._sent_s >= self._patient_s:
            self._unacknowledged.clear()
            self._world.patience_ended()
        if self._pending.due:
            if len(self._unacknowledged) + self._frames_n() <= CREDITS and self._flow.ready(now_s):
                due = self._pending.take()
                assert due is not None
                pause_s, self._sent_s = min(now_s - self._sent_s, 10.0), now_s
                self._pause_s = 0.8 * self._pause_s + (0.2 * pause_s if self._held else 0.0)
                self._held = False
                out += self._frames(due, now_s, self._flow.share(pause_s))
            else:
                self._skipped_n += 1
                self._held = True
        return out + self._trace_frames(now_s) + self._world.turn(self._pending.t_ms, now_s, self._next)

    def _told(self, now_s: float) -> list[str]:
        """Return the status when it is time, and what was done to the run."""
        acts = self.source.acts()
        new = next((k for k in range(len(acts)) if acts[-1 - k] is self._last_act), len(acts))
        told = [said({"type": "acted", **vars(act)}) for act in acts[len(acts) - new :]]
        self._last_act = acts[-1] if acts else None
        if now_s - self._status_s >= STATUS_S:
            self._status_s = now_s
            told.append(self._status())
        return told

    def _frames_n(self) -> int:
        """Return how many frames of activity are due."""
        nodes = self._activity and len(self._viewing.selection.nodes) > 0
        return int(self._spikes) + int(nodes) + int(self._pending.voltage_n > 0)

    def _frames(self, due: Batch, now_s: float, most_bytes: float) -> list[bytes]:
        """Return the frames of a batch; spikes are best listed in ``most_bytes``."""
        flags, span_ms = flags_of(due), due.t_ms - due.start_ms
        times = due.times_ms if not len(due.counts_ranks) else None
        ranks = due.ranks if times is not None else due.counts_ranks
        counts = None if times is not None else due.counts
        if due.jumped:
            self._counted_n, self._shown_n = 0, 0
        self._counted_n += len(ranks) if counts is None else int(counts.sum())
        frames: list[bytes] = []
        if self._spikes:
            mine = self._viewing.is_drawn(ranks)
            if not self._flow.ask(now_s, size_of(ranks[mine], listed=times is not None)):
                mine = self._viewing.is_drawn(ranks, detailed=True)
            shown, when = ranks[mine], None if times is None else times[mine]
            frame, marks_n = spikes_or_mask(
                due.t_ms, span_ms, shown, when, most_bytes=most_bytes, seq=self._credit(), flags=flags
            )
            self._shown_n += marks_n
            frames.append(frame)
        if self._activity and len(self._viewing.selection.nodes):
            rates = self._viewing.rates_Hz(ranks, counts, span_ms)
            frames.append(wire.nodes_frame(due.t_ms, rates, view=self._viewing.tag, seq=self._credit(), flags=flags))
        self._flow.spend(sum(len(frame) for frame in frames))
        if due.voltage_mV is not None and len(due.voltage_mV):
            tag, seq = self._voltage_tag, self._credit()
            frames.append(wire.voltage_frame(due.t_ms, due.voltage_mV, *VOLTAGE_mV, tag=tag, seq=seq, flags=flags))
        return frames

    def _credit(self) -> int:
        self._unacknowledged.append(self._next())
        return self._seq

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _numbered(self, make: Callable[..., bytes], *values: Any, **named: Any) -> bytes:
        return make(*values, seq=self._next(), **named)

    def _trace_frames(self, now_s: float) -> list[bytes]:
        if not self._traces or now_s - self._traced_s < TRACE_S:
            return []
        self._traced_s = now_s
        out = []
        until = self._pending.t_ms + JUST_AFTER_ms
        for (rank, node), (tag, since) in self._traces.items():
            block = self.source.trace(rank, node, since, max(since, until))
            if len(block.values_mV):
                out.append(self._numbered(wire.trace_frame, block.start_ms, block.step_ms, block.values_mV, tag=tag))
                since = block.start_ms + block.step_ms * (len(block.values_mV) - 0.5)
            self._traces[rank, node] = (tag, since)
        return out

    def _status(self) -> str:
        s = self.source.status()
        reduced = [*self._viewing.reduced(), *self.source.reduced()]
        if self._spikes and self._flow.only_detailed:
            reduced.append("single spikes of cells with branches only, for all others the mean rate of each region")
        if self._voltage_cut is not None:
            reduced.append(self._voltage_cut)
        if self._pause_s > SLOW_S:
            reduced.append("several steps are shown as one: this page or its connection is slower than the run")
        return said(
            {
                "type": "status", "state": s.state, "t_ms": s.t_ms if self.source.live else self._pending.t_ms,
                "start_ms": s.start_ms, "stop_ms": s.stop_ms, "times_real_time": s.times_real_time,
                "spikes_n": s.spikes_n, "eta_s": s.eta_s, "memory_MB": s.memory_MB, "warnings": list(s.warnings),
                "skipped": self._skipped_n, "reduced": reduced, "counted_n": self._counted_n,
                "shown_n": self._shown_n, "offers": {kind: list(names) for kind, names in self.source.offers().items()},
            }
        )  # fmt: skip

    def close(self) -> None:
        """Forget the client."""
        self.source.want_trace(self, [])
        self._player.close()


def said(message: dict[str, Any]) -> str:
    """Return a message as JSON; numbers that are not finite are null."""
    return json.dumps({k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in message.items()})
