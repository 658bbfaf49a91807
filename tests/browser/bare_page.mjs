/** The bare page: a Viewer over posted messages. `?live` takes turns by itself; `?budget=`, `?theme=`, `?colour=`. */

import { Viewer } from "./viewer.mjs";

const wishes = new URLSearchParams(location.search);

/** A transport whose stream is POST /talk. */
class PostTransport {
  constructor() {
    this.name = Math.random().toString(36).slice(2);
    this.state = "connecting";
    this.sent = [];
    this.queue = Promise.resolve();
    queueMicrotask(() => this.become("open"));
  }

  become(state) {
    this.state = state;
    this.onstate?.(state, "said so");
  }

  async get(path) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.arrayBuffer();
  }

  async getJSON(path) {
    return JSON.parse(new TextDecoder().decode(await this.get(path)));
  }

  async post(path, json) {
    return (await fetch(path, { method: "POST", body: JSON.stringify(json) })).arrayBuffer();
  }

  send(message) {
    if (this.state !== "open") return false;
    this.sent.push(message);
    this.talk({ text: JSON.stringify(message) });
    return true;
  }

  talk(message) {
    this.queue = this.queue.then(async () => {
      const body = JSON.stringify({ name: this.name, ...message });
      const answers = await (await fetch("/talk", { method: "POST", body })).json();
      for (const answer of answers) this.deliver(answer);
    });
    return this.queue;
  }

  turn() {
    return this.talk({ now_s: performance.now() / 1000 });
  }

  deliver({ text, bytes }) {
    if (text !== undefined) this.onmessage?.(JSON.parse(text));
    else this.onframe?.(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)).buffer);
  }

  close() {
    this.state = "closed";
  }
}

const options = { theme: wishes.get("theme") ?? "dark" };
if (wishes.has("budget")) Object.assign(options, { budget: Number(wishes.get("budget")), adapt: false });
if (wishes.has("colour")) options.colour = wishes.get("colour");
const transport = new PostTransport();
const viewer = new Viewer(document.querySelector("#view"), transport, options);
if (wishes.has("colour")) viewer.colourBy(wishes.get("colour"));
const heard = { error: [], select: [], reduced: [], hover: [], connection: [], time: [] };
for (const type of Object.keys(heard)) viewer.addEventListener(type, (event) => heard[type].push(event.detail));
Object.assign(globalThis, { viewer, transport, heard, feed: (bytes) => transport.deliver({ bytes }) });
if (wishes.has("live")) {
  viewer.addEventListener("scene", () => viewer.play(Number(wishes.get("live") || 40), true), { once: true });
  const goOn = () => transport.turn().then(() => setTimeout(goOn, 33));
  goOn();
}
