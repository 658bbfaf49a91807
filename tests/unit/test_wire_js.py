"""What Python encodes the page decodes, exactly; what is short, long or foreign it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.viewer import wire
from neurosim.viewer.scene.scene import Cells
from neurosim.viewer.scene.skeleton import Skeleton

DECODE = Path(__file__).resolve().parents[1] / "js" / "decode.mjs"
CASES = 12


@pytest.fixture(scope="module")
def node() -> str:
    program = shutil.which("node")
    if program is None:
        pytest.skip("no program named node")
    return program


@pytest.fixture
def decoded(node: str, tmp_path: Path) -> Any:
    """Return a function: kind of thing and many byte strings -> what the page makes of each."""

    def run(what: str, many: list[bytes]) -> list[dict[str, Any]]:
        files = []
        for number, data in enumerate(many):
            files.append(tmp_path / f"{what}-{number}")
            files[-1].write_bytes(data)
        done = subprocess.run([node, str(DECODE), what, *map(str, files)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def random_frames(rng: np.random.Generator) -> list[bytes]:
    """Return a frame of each kind with random contents of random length."""
    n, seq = int(rng.integers(0, 50)), int(rng.integers(0, 2**32))
    ranks = np.sort(rng.choice(1000, n, replace=False)).astype(np.uint32)
    t_ms, flags = float(rng.uniform(0, 1e6)), int(rng.integers(0, 8))
    first = int(ranks[0]) if n else 0
    span = int(ranks[-1]) - first + 1 if n else 0
    detailed = int(rng.integers(0, 20))
    return [
        wire.spikes_frame(t_ms, 3.5, ranks, t_ms - rng.uniform(0, 3.5, n), seq=seq, flags=flags),
        wire.mask_frame(t_ms, first, span, ranks, seq=seq, flags=flags),
        wire.nodes_frame(t_ms, rng.uniform(0, 500, n), view=int(rng.integers(0, 65536)), seq=seq, flags=flags),
        wire.voltage_frame(t_ms, rng.uniform(-100, 60, n), -90.0, 40.0, tag=7, seq=seq, flags=flags),
        wire.view_frame(t_ms, ranks, np.arange(detailed), rng.integers(0, 4, detailed), view=65535, seq=seq),
        wire.trace_frame(t_ms, 0.025, rng.normal(-65, 10, n), tag=3, seq=seq),
    ]


def as_plain(frame: wire.WireFrame) -> dict[str, Any]:
    """Return a frame as Python decodes it, as the page's JSON says it."""
    body = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in frame.body.items()}
    head = {"kind": frame.kind, "flags": frame.flags, "tag": frame.tag, "t_ms": frame.t_ms}
    return {**head, "count": frame.count, "seq": frame.seq, "body": body}


def test_frames_of_all_kinds_are_decoded_exactly(decoded: Any) -> None:
    rng = np.random.default_rng(7)
    frames = [frame for _ in range(CASES) for frame in random_frames(rng)]
    answers = decoded("frame", frames)
    assert [answer["decoded"] for answer in answers] == [as_plain(wire.decode(frame)) for frame in frames]


def random_cells(rng: np.random.Generator, n: int) -> Cells:
    def numbers(high: int, kind: Any, *shape: int) -> Any:
        return rng.integers(0, high, (n, *shape)).astype(kind)

    return Cells(
        rank=np.arange(n, dtype=np.uint32) + 5,
        position=numbers(2**16, np.uint16, 3),
        gid=numbers(2**32, np.uint32),
        kind=numbers(2**16, np.uint16),
        template=numbers(2**16, np.uint16),
        turn=(numbers(2**16, np.int64, 4) - 2**15).astype(np.int16),
    )


def test_cells_are_decoded_exactly(decoded: Any) -> None:
    rng = np.random.default_rng(8)
    many = [random_cells(rng, n) for n in (0, 1, 2, 3, 17)]
    answers = decoded("cells", [wire.cells_bytes(9, cells) for cells in many])
    for answer, cells in zip(answers, many, strict=True):
        fields = {name: getattr(cells, name).ravel().tolist() for name in Cells.__dataclass_fields__}
        assert answer["decoded"] == {"node": 9, "n": len(cells), **fields}


def random_skeleton(rng: np.random.Generator, n: int) -> Skeleton:
    parent = np.array([rng.integers(-1, i) if i else -1 for i in range(n)], np.int32)
    floats = rng.normal(0, 100, (5, n)).astype(np.float32)
    node = rng.integers(0, 50, n).astype(np.int32)
    return Skeleton(floats[:3].T.copy(), parent, floats[3], floats[4], node, rng.integers(0, 5, n).astype(np.uint8))


def test_skeletons_are_decoded_exactly(decoded: Any) -> None:
    rng = np.random.default_rng(9)
    many = [random_skeleton(rng, n) for n in (0, 1, 2, 5, 40)]
    answers = decoded("skeleton", [wire.skeleton_bytes(4, 2, s, 77, 6.5) for s in many])
    for answer, s in zip(answers, many, strict=True):
        fields = {name: getattr(s, name).ravel().tolist() for name in Skeleton.__dataclass_fields__}
        head = {"template": 4, "level": 2, "n": len(s), "nodes_n": 77, "soma_radius_um": 6.5}
        assert answer["decoded"] == {**head, **fields}


def test_many_resources_come_apart_as_they_were(decoded: Any) -> None:
    rng = np.random.default_rng(14)
    lists = [[wire.skeleton_bytes(0, 1, random_skeleton(rng, n), 9) for n in sizes] for sizes in ([], [3], [0, 5, 2])]
    answers = decoded("many", [wire.many_bytes(resources) for resources in lists])
    assert [[bytes(got) for got in answer["decoded"]] for answer in answers] == lists


def test_a_skeleton_whose_parent_comes_later_is_refused(decoded: Any) -> None:
    s = random_skeleton(np.random.default_rng(1), 4)
    s.parent[1] = 3
    (answer,) = decoded("skeleton", [wire.skeleton_bytes(0, 0, s, 4)])
    assert answer["refused"] == "WireFault"
    assert "point 1 has parent 3" in answer["message"]


def test_history_is_decoded_exactly(decoded: Any) -> None:
    rng = np.random.default_rng(10)
    ranks, times = rng.integers(0, 2**32, 31), rng.uniform(0, 1e5, 31)
    (answer,) = decoded("history", [wire.spikes_bytes(ranks, times, total_n=62, every=2)])
    assert answer["decoded"] == {
        "n": 31, "total_n": 62, "every": 2, "time_ms": times.tolist(), "rank": ranks.tolist()
    }  # fmt: skip


def test_frames_cut_short_or_too_long_are_refused(decoded: Any) -> None:
    whole = random_frames(np.random.default_rng(11))
    wrong = [frame[:-4] for frame in whole] + [frame + bytes(4) for frame in whole]
    wrong += [b"", whole[0][:3], whole[0][:23], whole[3][:24]]
    assert [answer.get("refused") for answer in decoded("frame", wrong)] == ["WireFault"] * len(wrong)


def test_frames_with_a_foreign_mark_kind_or_count_are_refused(decoded: Any) -> None:
    spikes, mask = random_frames(np.random.default_rng(12))[:2]
    wrong = [b"NVF2" + spikes[4:]]
    wrong += [spikes[:4] + bytes([kind]) + spikes[5:] for kind in (0, 3, 7, 9, 255)]
    wrong += [frame[:16] + b"\xff\xff\xff\xff" + frame[20:] for frame in (spikes, mask)]
    answers = decoded("frame", wrong)
    assert [answer.get("refused") for answer in answers] == ["WireFault"] * len(wrong)


def test_a_mask_whose_bits_are_not_its_count_is_refused(decoded: Any) -> None:
    frame = bytearray(wire.mask_frame(1.0, 0, 16, np.array([1, 2, 9])))
    frame[32] ^= 1
    (answer,) = decoded("frame", [bytes(frame)])
    assert answer["refused"] == "WireFault"
    assert "bits are set" in answer["message"]


def test_resources_cut_short_too_long_or_foreign_are_refused(decoded: Any) -> None:
    rng = np.random.default_rng(13)
    texts = {
        "cells": wire.cells_bytes(0, random_cells(rng, 6)),
        "skeleton": wire.skeleton_bytes(0, 0, random_skeleton(rng, 6), 6),
        "many": wire.many_bytes([wire.skeleton_bytes(0, 0, random_skeleton(rng, 6), 6)] * 2),
        "history": wire.spikes_bytes(np.arange(6), np.arange(6.0), total_n=6, every=1),
    }
    for what, whole in texts.items():
        wrong = [whole[:-4], whole + bytes(4), whole[:6], b"NVXX" + whole[4:]]
        assert [answer.get("refused") for answer in decoded(what, wrong)] == ["WireFault"] * 4, what
