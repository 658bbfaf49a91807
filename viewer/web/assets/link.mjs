/**
 * `Link`: the talk with the server over a transport: greets, says what is looked at and what is wanted, acknowledges
 * what was drawn, and tells its owner what comes.
 */

import { FRAME_KIND, decodeFrame } from "./wire.mjs";

const MOVING_ms = 180;
const STILL_ms = 50;
const PATIENCE_ms = 3000;
const MOST_TEXT = 60_000;

/**
 * `calls`: onopen(), onstate(state, reason), onview(tag, body), onframe(frame), onmessage(object), onfault(Error).
 * Every kind of frame but VIEW goes to onframe.
 */
export class Link {
  constructor(transport, calls) {
    this.transport = transport;
    this.calls = calls;
    this.seen = 0;
    this.bytes = 0;
    this.frames_n = 0;
    this._acked = 0;
    this._tag = 0;
    this._subTag = 0;
    this._view = null;
    this._sent = "";
    this._asked_ms = -Infinity;
    this._waiting = false;
    this._timer = 0;
    transport.onframe = (data) => this._frame(data);
    transport.onmessage = (message) => this._message(message);
    transport.onstate = (state, reason) => this._state(state, reason);
    if (transport.state === "open") queueMicrotask(() => this._state("open", ""));
  }

  /** Say what is looked at; sent soon, less often while it changes. */
  look(view, moving) {
    this._view = view;
    this._schedule(moving ? MOVING_ms - (performance.now() - this._asked_ms) : STILL_ms, moving);
  }

  /** Ask again for what is looked at, even if nothing changed. */
  lookAgain() {
    this._sent = "";
    if (this._view !== null) this._schedule(0, false);
  }

  _schedule(wait_ms, moving) {
    // While moving, a message that is due is not put off.
    if (this._timer !== 0 && moving) return;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._tell(), Math.max(0, wait_ms));
  }

  _tell() {
    this._timer = 0;
    if (this._view === null || this.transport.state !== "open") return;
    if (this._waiting && performance.now() - this._asked_ms < PATIENCE_ms) {
      this._schedule(MOVING_ms, true);
      return;
    }
    const text = JSON.stringify(this._view);
    if (text === this._sent) return;
    this._tag = (this._tag + 1) & 0xffff;
    if (!this.send({ type: "view", tag: this._tag, ...this._view })) return;
    this._sent = text;
    this._asked_ms = performance.now();
    this._waiting = true;
  }

  /** Ask for spikes, rates of nodes, worlds, and the voltage of these cells, as many as fit a message; returns the tag. */
  subscribe({ spikes = true, nodes = true, world = false, voltage = [] }) {
    this._subTag = (this._subTag + 1) & 0xffff;
    const list = [];
    let length = 100;
    for (const rank of voltage) {
      length += String(rank).length + 1;
      if (length > MOST_TEXT) break;
      list.push(rank);
    }
    this.send({ type: "sub", tag: this._subTag, spikes, nodes, world, voltage: list });
    return this._subTag;
  }

  /** Send a message; false when the stream is not open. */
  send(message) {
    return this.transport.send(message) !== false;
  }

  /** Acknowledge everything that came. */
  acknowledge() {
    if (this.seen === this._acked) return;
    if (this.send({ type: "ack", seq: this.seen })) this._acked = this.seen;
  }

  /** True when something is to be acknowledged. */
  get owes() {
    return this.seen !== this._acked;
  }

  /** Stop talking. */
  close() {
    clearTimeout(this._timer);
    this._timer = 0;
    this._view = null;
    Object.assign(this.transport, { onframe: null, onmessage: null, onstate: null });
    this.transport.close();
  }

  _frame(data) {
    let frame;
    try {
      frame = decodeFrame(data);
    } catch (error) {
      // What cannot be read is the server's mistake or another version of it: nothing after it can be trusted.
      this.calls.onfault(error);
      this.close();
      return;
    }
    this.bytes += data.byteLength;
    this.frames_n += 1;
    this.seen = Math.max(this.seen, frame.seq);
    if (frame.kind === FRAME_KIND.VIEW) {
      this._waiting = false;
      this.calls.onview(frame.tag, frame.body);
    } else {
      this.calls.onframe(frame);
    }
  }

  _message(message) {
    this.calls.onmessage(message);
  }

  _state(state, reason) {
    if (state === "open") {
      // Numbers of frames begin anew with each connection.
      this.seen = 0;
      this._acked = 0;
      this._waiting = false;
      this._sent = "";
      this.send({ type: "hello", version: 1 });
      this.calls.onopen();
    }
    this.calls.onstate(state, reason ?? "");
  }
}
