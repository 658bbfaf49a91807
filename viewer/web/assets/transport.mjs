/** `WebTransport`: requests and the stream of a page that comes from the same server. Logins are a cookie's matter. */

const FIRST_WAIT_ms = 400;
const LONGEST_WAIT_ms = 8000;

/**
 * Talks to the server at `base` (a path, "" at the root). Set `onframe(ArrayBuffer)`, `onmessage(object)` and
 * `onstate(state, reason)` right after making one; the stream opens by itself and again after it was lost.
 */
export class WebTransport {
  /** @param {string} base path under which the server is, without a slash at its end */
  constructor(base = "") {
    this.base = base.replace(/\/+$/, "");
    this.onframe = null;
    this.onmessage = null;
    this.onstate = null;
    this.state = "connecting";
    this._wait_ms = FIRST_WAIT_ms;
    this._closed = false;
    this._socket = null;
    this._timer = 0;
    this._ahead = new Map();
    queueMicrotask(() => this._open());
  }

  /** Fetch before somebody asks: the next to `get` it is given this answer. */
  ahead(path) {
    const answer = this._request(path, {});
    answer.catch(() => {}); // whoever asks hears of it
    this._ahead.set(path, answer);
  }

  /** Fetch bytes: `get("/api/node/3")`. */
  async get(path) {
    return (await this._request(path, {})).arrayBuffer();
  }

  /** Fetch JSON. */
  async getJSON(path) {
    return (await this._request(path, {})).json();
  }

  /** Send JSON, receive bytes. */
  async post(path, json) {
    const headers = { "Content-Type": "application/json", "X-Neurosim": "1" };
    return (await this._request(path, { method: "POST", headers, body: JSON.stringify(json) })).arrayBuffer();
  }

  /** Send a message on the stream; false when the stream is not open (the message is then dropped). */
  send(message) {
    if (this._socket === null || this._socket.readyState !== WebSocket.OPEN) return false;
    this._socket.send(JSON.stringify(message));
    return true;
  }

  /** End the stream for good. */
  close() {
    this._closed = true;
    clearTimeout(this._timer);
    this._socket?.close(1000);
    this._socket = null;
  }

  async _request(path, options) {
    const begun = this._ahead.get(path);
    if (begun !== undefined) {
      this._ahead.delete(path);
      return begun;
    }
    const answer = await fetch(this.base + path, { credentials: "same-origin", ...options });
    if (!answer.ok) {
      const said = (await answer.text().catch(() => "")).slice(0, 300);
      throw new Error(`${path}: the server answers ${answer.status}${said ? `: ${said}` : ""}`);
    }
    return answer;
  }

  _open() {
    if (this._closed) return;
    this._say("connecting", "");
    const url = new URL(`${this.base}/ws/v1/stream`, globalThis.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, "nv1");
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this._wait_ms = FIRST_WAIT_ms;
      this._say("open", "");
    };
    socket.onmessage = (event) => this._receive(event.data);
    socket.onclose = (event) => this._lost(socket, event);
    this._socket = socket;
  }

  _receive(data) {
    if (typeof data === "string") this.onmessage?.(JSON.parse(data));
    else this.onframe?.(data);
  }

  _lost(socket, event) {
    if (this._closed || socket !== this._socket) return;
    this._socket = null;
    const reason = event.reason || (event.code === 1006 ? "no answer" : `closed with code ${event.code}`);
    this._say("lost", reason);
    // A little chance in the wait, so that many pages do not come back at the same moment.
    this._timer = setTimeout(() => this._open(), this._wait_ms * (0.75 + 0.5 * Math.random()));
    this._wait_ms = Math.min(LONGEST_WAIT_ms, 1.7 * this._wait_ms);
  }

  _say(state, reason) {
    this.state = state;
    this.onstate?.(state, reason);
  }
}
