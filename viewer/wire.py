"""The bytes between server and client: one encoder and one decoder for the page, Jupyter, recordings and tests.

All numbers are little-endian. A *frame* (WebSocket, server to client) has a header of 24 bytes, a body, and zeros up to
a multiple of 4:

======  ====  ==============================================================================================
offset  type  meaning
======  ====  ==============================================================================================
0       u32   ``NVF1``
4       u8    kind
5       u8    flags: 1 merged from several, 2 last of the run, 4 history was jumped (seek, restart)
6       u16   tag: number of the view (NODES) or subscription (VOLTAGE, TRACE) it answers to
8       f64   t_ms, simulated time of the end of the stretch
16      u32   count
20      u32   seq, one up for each frame of a connection; the client acknowledges it after drawing
======  ====  ==============================================================================================

Bodies by kind:

- ``SPIKES`` 1: f32 span_ms, u32 ranks[count], u16 age[count]: fired at ``t_ms - span_ms * age / 65535``.
- ``MASK`` 2: u32 first, u32 n, then ceil(n / 8) bytes, bit k of byte j (least first) is rank first + 8 j + k;
  ``count`` bits are set; a cell that fired twice has one bit. Time ``t_ms``.
- ``NODES`` 4: u8[count] activity of the nodes of view ``tag`` in its order: min(255, 16 log2(1 + rate_Hz)), rounded.
- ``VOLTAGE`` 5: f32 low_mV, f32 high_mV, u8[count]: ``low + value / 255 (high - low)`` of every node of the subscribed
  cells, in the order of the subscription. Values beyond the ends are cut; what is no number is 0.
- ``VIEW`` 6: answer to view ``tag``. u32 detailed, u32 node[count], u32 rank[detailed], u8 level[detailed]: nodes of
  the octree to draw as points (their ``Octree.ranks``), and cells to draw as skeletons of these levels.
- ``TRACE`` 8: f64 start_ms, f64 step_ms, f32 values_mV[count] of the compartment subscribed as ``tag``, in steps.
- ``WORLD`` 9: f32 numbers[count] of the world that the ``world`` message ``tag`` describes (``world_wire``).

Two *resources* (HTTP) are binary as well: ``cells_bytes`` (``NVC1``) and ``skeleton_bytes`` (``NVT1``), of which
``many_bytes`` (``NVM1``) holds several; a third, ``spikes_bytes`` (``NVS1``), is a stretch of history. Those of worlds
are in ``world_wire``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.scene.scene import Cells
from neurosim.viewer.scene.skeleton import Skeleton

FRAME, CELLS, SKELETON, HISTORY, MANY = (
    int.from_bytes(mark, "little") for mark in (b"NVF1", b"NVC1", b"NVT1", b"NVS1", b"NVM1")
)
HEADER: Final = struct.Struct("<IBBHdII")
SPIKES, MASK, NODES, VOLTAGE, VIEW, TRACE, WORLD = 1, 2, 4, 5, 6, 8, 9
MERGED, LAST, JUMPED = 1, 2, 4
PROTOCOL: Final = "nv1"
"""Name of the WebSocket sub-protocol."""


class WireError(ModelError):
    """Bytes or a message that are not what the protocol says."""


@dataclass(frozen=True)
class WireFrame:
    """A decoded frame; ``body`` holds the arrays by name."""

    kind: int
    t_ms: float
    count: int
    seq: int
    flags: int
    tag: int
    body: dict[str, Any]


def _packed(kind: int, t_ms: float, count: int, parts: list[bytes], seq: int, flags: int, tag: int) -> bytes:
    head = HEADER.pack(FRAME, kind, flags, tag & 0xFFFF, t_ms, count, seq & 0xFFFFFFFF)
    body = b"".join(parts)
    return head + body + bytes(-len(body) % 4)


def spikes_frame(
    t_ms: float, span_ms: float, ranks: NDArray[Any], times_ms: NDArray[Any], *, seq: int = 0, flags: int = 0
) -> bytes:
    """Return a SPIKES frame of ``ranks`` (n,) that fired at ``times_ms`` (n,), within ``span_ms`` before ``t_ms``."""
    scale = 65535.0 / span_ms if span_ms > 0.0 else 0.0
    age = np.clip(np.rint((t_ms - times_ms) * scale), 0, 65535).astype("<u2")
    parts = [struct.pack("<f", span_ms), np.asarray(ranks, "<u4").tobytes(), age.tobytes()]
    return _packed(SPIKES, t_ms, len(ranks), parts, seq, flags, 0)


def mask_frame(t_ms: float, first: int, n: int, ranks: NDArray[Any], *, seq: int = 0, flags: int = 0) -> bytes:
    """Return a MASK frame over ranks first to first + n - 1, in which ``ranks`` (k,) fired."""
    at = np.asarray(ranks, np.int64) - first
    if len(at) and not 0 <= at.min() <= at.max() < n:
        raise WireError(f"MASK: ranks go from {at.min() + first} to {at.max() + first}, beyond {first} and {n} more")
    bits = np.zeros(n, np.bool_)
    bits[at] = True
    body = np.packbits(bits, bitorder="little").tobytes()
    return _packed(MASK, t_ms, int(bits.sum()), [struct.pack("<II", first, n), body], seq, flags, 0)


def nodes_frame(t_ms: float, rates_Hz: NDArray[Any], *, view: int, seq: int = 0, flags: int = 0) -> bytes:
    """Return a NODES frame of the mean rates of a view's nodes, float (n,)."""
    level = np.minimum(255, np.rint(16.0 * np.log2(1.0 + np.asarray(rates_Hz, float)))).astype(np.uint8)
    return _packed(NODES, t_ms, len(level), [level.tobytes()], seq, flags, view)


def voltage_frame(
    t_ms: float, voltage_mV: NDArray[Any], low_mV: float, high_mV: float, *, tag: int, seq: int = 0, flags: int = 0
) -> bytes:
    """Return a VOLTAGE frame, float (n,) in mV."""
    scaled = (np.asarray(voltage_mV, np.float32) - np.float32(low_mV)) * np.float32(255.0 / (high_mV - low_mV))
    values = np.fmin(np.fmax(np.rint(scaled), 0), 255).astype(np.uint8)
    return _packed(VOLTAGE, t_ms, len(values), [struct.pack("<ff", low_mV, high_mV), values.tobytes()], seq, flags, tag)


def view_frame(
    t_ms: float, nodes: NDArray[Any], ranks: NDArray[Any], levels: NDArray[Any], *, view: int, seq: int = 0
) -> bytes:
    """Return a VIEW frame: nodes (n,), detailed cells (k,) and their levels (k,)."""
    parts = [struct.pack("<I", len(ranks)), np.asarray(nodes, "<u4").tobytes(), np.asarray(ranks, "<u4").tobytes()]
    return _packed(VIEW, t_ms, len(nodes), [*parts, np.asarray(levels, np.uint8).tobytes()], seq, 0, view)


def trace_frame(start_ms: float, step_ms: float, values_mV: NDArray[Any], *, tag: int, seq: int = 0) -> bytes:
    """Return a TRACE frame, float (n,) in mV; the first value is at ``start_ms``."""
    values = np.asarray(values_mV, "<f4")
    t_ms = start_ms + step_ms * max(0, len(values) - 1)
    return _packed(TRACE, t_ms, len(values), [struct.pack("<dd", start_ms, step_ms), values.tobytes()], seq, 0, tag)


def world_frame(t_ms: float, numbers: NDArray[Any], *, tag: int, seq: int = 0) -> bytes:
    """Return a WORLD frame of ``World.numbers()``, float (n,)."""
    return _packed(WORLD, t_ms, len(numbers), [np.asarray(numbers, "<f4").tobytes()], seq, 0, tag)


def _fields(kind: int, count: int, body: bytes) -> tuple[dict[str, Any], int]:
    """Return the arrays of a body and the number of bytes they take."""
    if kind == SPIKES:
        ranks = np.frombuffer(body, "<u4", count, 4)
        age = np.frombuffer(body, "<u2", count, 4 + 4 * count)
        return {"span_ms": struct.unpack_from("<f", body)[0], "ranks": ranks, "age": age}, 4 + 6 * count
    if kind == MASK:
        first, n = struct.unpack_from("<II", body)
        held = np.frombuffer(body, np.uint8, -(-n // 8), 8)
        ranks = first + np.flatnonzero(np.unpackbits(held, bitorder="little")[:n]).astype(np.uint32)
        if len(ranks) != count:
            raise WireError(f"MASK: {len(ranks)} bits are set, but count={count}")
        return {"first": first, "n": n, "ranks": ranks}, 8 + len(held)
    if kind == NODES:
        return {"activity": np.frombuffer(body, np.uint8, count)}, count
    if kind == VOLTAGE:
        low, high = struct.unpack_from("<ff", body)
        return {"low_mV": low, "high_mV": high, "values": np.frombuffer(body, np.uint8, count, 8)}, 8 + count
    if kind == VIEW:
        detailed = struct.unpack_from("<I", body)[0]
        at = 4 + 4 * count
        return {
            "nodes": np.frombuffer(body, "<u4", count, 4),
            "ranks": np.frombuffer(body, "<u4", detailed, at),
            "levels": np.frombuffer(body, np.uint8, detailed, at + 4 * detailed),
        }, at + 5 * detailed
    if kind == TRACE:
        start, step = struct.unpack_from("<dd", body)
        return {"start_ms": start, "step_ms": step, "values_mV": np.frombuffer(body, "<f4", count, 16)}, 16 + 4 * count
    if kind == WORLD:
        return {"numbers": np.frombuffer(body, "<f4", count)}, 4 * count
    raise WireError(f"frame of unknown kind {kind}; allowed: 1, 2, 4, 5, 6, 8, 9")


def decode(data: bytes) -> WireFrame:
    """Return the frame that ``data`` is.

    Raises
    ------
    WireError
        Wrong mark, kind or length.
    """
    if len(data) < HEADER.size:
        raise WireError(f"a frame has at least {HEADER.size} bytes, got {len(data)}")
    mark, kind, flags, tag, t_ms, count, seq = HEADER.unpack_from(data)
    if mark != FRAME:
        raise WireError(f"a frame begins with NVF1, got {data[:4]!r}")
    body = data[HEADER.size :]
    try:
        fields, used = _fields(kind, count, body)
    except (ValueError, struct.error) as error:
        raise WireError(f"frame of kind {kind}: its body of {len(body)} bytes is too short for {count}") from error
    if len(body) != used + -used % 4:
        raise WireError(f"frame of kind {kind}: its body has {len(body)} bytes, {used + -used % 4} belong to {count}")
    return WireFrame(kind, t_ms, count, seq, flags, tag, fields)


# --- resources ------------------------------------------------------------------------------------------------------


def joined(head: list[int], arrays: list[NDArray[Any]]) -> bytes:
    """Return u32 numbers and arrays, each filled up to a multiple of 4 bytes."""
    parts = [np.array(head, "<u4").tobytes()]
    for array in arrays:
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        parts += [data, bytes(-len(data) % 4)]
    return b"".join(parts)


def cells_bytes(node: int, cells: Cells) -> bytes:
    """Return ``NVC1``, u32 node, u32 n, u32 0, then rank, position, gid, kind, template, turn as in ``Cells``."""
    arrays: list[NDArray[Any]] = [cells.rank, cells.position, cells.gid, cells.kind, cells.template, cells.turn]
    return joined([CELLS, node, len(cells), 0], arrays)


def skeleton_bytes(template: int, level: int, skeleton: Skeleton, nodes_n: int, soma_radius_um: float = 0.0) -> bytes:
    """Return ``NVT1``, u32 template, u32 level, u32 n, u32 nodes_n, then the arrays of ``Skeleton`` in its order.

    Types: f32 position[3 n], i32 parent[n], f32 path[n], f32 radius[n], i32 node[n], u8 region[n], and at the end
    f32 soma_radius (0: not said).
    """
    s = skeleton
    arrays: list[NDArray[Any]] = [s.position_um, s.parent, s.path_um, s.radius_um, s.node, s.region]
    arrays.append(np.array([soma_radius_um], np.float32))
    return joined([SKELETON, template, level, len(s), nodes_n], arrays)


def many_bytes(resources: list[bytes]) -> bytes:
    """Return ``NVM1``, u32 n, u32 bytes[n], then the resources, each a multiple of 4 bytes long."""
    return joined([MANY, len(resources), *map(len, resources)], []) + b"".join(resources)


def spikes_bytes(ranks: NDArray[Any], times_ms: NDArray[Any], *, total_n: int, every: int) -> bytes:
    """Return ``NVS1``, u32 n, u32 total_n, u32 every, then f64 time_ms[n], u32 rank[n].

    ``every`` k: only cells whose rank is a multiple of k are listed, ``total_n`` counts the spikes of all.
    """
    arrays: list[NDArray[Any]] = [np.asarray(times_ms, np.float64), np.asarray(ranks, np.uint32)]
    return joined([HISTORY, len(ranks), total_n, every], arrays)
