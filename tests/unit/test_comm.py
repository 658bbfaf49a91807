"""The page's side of a widget's messages, run by node with a model that answers by script."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from neurosim.viewer.web.bundle import bundle

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")

HEAD = """
import assert from "node:assert/strict";
import { CommTransport } from "./joined.mjs";
const sent = [], heard = new Set();
const model = { send: (c) => sent.push(c), on: (_, f) => heard.add(f), off: (_, f) => heard.delete(f) };
const deliver = (content, ...buffers) => [...heard].forEach((f) => f(content, buffers));
const bytes = (...values) => new DataView(Uint8Array.from([9, 9, ...values]).buffer, 2);
const said = [];
const comm = new CommTransport(model);
comm.onstate = (state, reason) => said.push([state, reason]);
await null;
await null;
const view = sent[0].view;
"""


def run(folder: Path, program: str) -> None:
    (folder / "joined.mjs").write_text(bundle("comm"), "utf-8")
    (folder / "program.mjs").write_text(f"{HEAD}{program}\ncomm.close();\n", "utf-8")
    done = subprocess.run([str(NODE), "program.mjs"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_answers_find_their_questions_in_any_order(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        assert.deepEqual(said, [["open", ""]]);
        const node = comm.get("/api/node/1"), scene = comm.getJSON("/api/scene");
        const wrong = comm.post("/api/select", { a: 1 });
        const [first, second, third] = sent.slice(1);
        assert.equal(third.data, '{"a":1}');
        deliver({ kind: "answer", id: second.id, status: 200, view }, new TextEncoder().encode('{"n": 3}'));
        deliver({ kind: "answer", id: third.id, status: 422, view }, new TextEncoder().encode("no such fact"));
        deliver({ kind: "answer", id: first.id, status: 200, view: "another" }, bytes(1));
        deliver({ kind: "answer", id: first.id, status: 200, view }, bytes(1, 2, 3));
        assert.deepEqual([...new Uint8Array(await node)], [1, 2, 3]);
        assert.deepEqual(await scene, { n: 3 });
        await assert.rejects(wrong, /422: no such fact/);
        """,
    )


def test_frames_and_messages_are_handed_on(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        const frames = [], messages = [];
        comm.onframe = (data) => frames.push([data instanceof ArrayBuffer, data.byteLength]);
        comm.onmessage = (message) => messages.push(message);
        deliver({ kind: "frames", view }, bytes(1), bytes(1, 2));
        deliver({ kind: "text", data: '{"type": "status"}', view });
        assert.deepEqual(frames, [[true, 1], [true, 2]]);
        assert.deepEqual(messages, [{ type: "status" }]);
        assert.equal(comm.send({ type: "ack", seq: 1 }), true);
        assert.equal(sent.at(-1).data, '{"type":"ack","seq":1}');
        """,
    )


def test_a_view_that_was_taken_for_gone_opens_again_and_another_does_not(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        const lost = comm.get("/api/scene");
        deliver({ kind: "closed", reason: "quiet", again: true, view });
        await assert.rejects(lost, /quiet/);
        assert.deepEqual(said.map(([state]) => state), ["open", "lost", "open"]);
        deliver({ kind: "closed", reason: "malformed", again: false, view });
        assert.equal(comm.send({}), false);
        await assert.rejects(comm.get("/api/scene"), /the widget is lost/);
        """,
    )


def test_closing_tells_the_kernel_and_stops_listening(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        const open = comm.get("/api/scene");
        comm.close();
        await assert.rejects(open, /closed/);
        assert.equal(sent.at(-1).kind, "close");
        assert.equal(heard.size, 0);
        assert.equal(comm.send({}), false);
        """,
    )
