/** `CommTransport`: what `WebTransport` does, over the messages of a Jupyter widget (an anywidget model). */

/** A page that says nothing for long is taken for closed. */
const PING_ms = 20_000;

/**
 * Talks to the kernel. Set `onframe(ArrayBuffer)`, `onmessage(object)` and `onstate(state, reason)` right after making
 * one. What is asked while the kernel is at work waits until it is free.
 */
export class CommTransport {
  /** @param {object} model with `send(content)` and `on("msg:custom", (content, buffers) => …)` */
  constructor(model) {
    this.model = model;
    this.onframe = null;
    this.onmessage = null;
    this.onstate = null;
    this.state = "connecting";
    this._number = 0;
    this._asked = new Map();
    // Several views of one widget share the model; each names itself, and hears only what is for it.
    this._view = Math.random().toString(36).slice(2, 14);
    this._listen = (content, buffers) => this._receive(content, buffers ?? []);
    model.on("msg:custom", this._listen);
    this._pings = setInterval(() => this.state === "open" && this._tell({ kind: "ping" }), PING_ms);
    queueMicrotask(() => this._open());
  }

  _open() {
    if (this.state === "closed" || this.state === "open") return;
    this._tell({ kind: "open" });
    this._say("open", "");
  }

  /** Fetch bytes: `get("/api/node/3")`. */
  get(path) {
    return this._ask({ kind: "get", path });
  }

  /** Fetch JSON. */
  async getJSON(path) {
    return JSON.parse(new TextDecoder().decode(await this.get(path)));
  }

  /** Send JSON, receive bytes. */
  post(path, json) {
    return this._ask({ kind: "post", path, data: JSON.stringify(json) });
  }

  /** Send a message on the stream; false when it is closed. */
  send(message) {
    if (this.state !== "open") return false;
    this._tell({ kind: "text", data: JSON.stringify(message) });
    return true;
  }

  /** End it for good. */
  close() {
    if (this.state === "closed") return;
    this._tell({ kind: "close" });
    clearInterval(this._pings);
    this.model.off?.("msg:custom", this._listen);
    this.state = "closed";
    this._refuse("closed");
  }

  _tell(content) {
    this.model.send({ ...content, view: this._view });
  }

  _ask(content) {
    if (this.state === "lost" || this.state === "closed") {
      return Promise.reject(new Error(`${content.path}: the widget is ${this.state}`));
    }
    const id = (this._number += 1);
    return new Promise((resolve, reject) => {
      this._asked.set(id, { path: content.path, resolve, reject });
      this._tell({ ...content, id });
    });
  }

  _receive(content, buffers) {
    if (content.view !== undefined && content.view !== this._view) return;
    if (content.kind === "answer") this._answer(content, buffers);
    else if (content.kind === "frames") for (const frame of buffers) this.onframe?.(bytesOf(frame));
    else if (content.kind === "text") this.onmessage?.(JSON.parse(content.data));
    else if (content.kind === "closed") {
      this._say("lost", content.reason ?? "");
      this._refuse(content.reason ?? "closed");
      // Taken for gone although it is here: once more from the beginning.
      if (content.again) this._open();
    }
  }

  _answer(content, buffers) {
    const asked = this._asked.get(content.id);
    if (asked === undefined) return;
    this._asked.delete(content.id);
    const bytes = buffers.length > 0 ? bytesOf(buffers[0]) : new ArrayBuffer(0);
    if (content.status < 400) {
      asked.resolve(bytes);
      return;
    }
    const said = new TextDecoder().decode(bytes).slice(0, 300);
    asked.reject(new Error(`${asked.path}: the kernel answers ${content.status}${said ? `: ${said}` : ""}`));
  }

  _refuse(reason) {
    for (const { path, reject } of this._asked.values()) reject(new Error(`${path}: ${reason}`));
    this._asked.clear();
  }

  _say(state, reason) {
    this.state = state;
    this.onstate?.(state, reason);
  }
}

/** The bytes of a buffer of a message, which may be a view of a larger one. */
function bytesOf(buffer) {
  if (buffer instanceof ArrayBuffer) return buffer;
  return buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
}
