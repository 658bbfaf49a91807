/** `TimeBar`: play, scrub, speed and loop of a replay; pause and progress of a live run. */
import { button, chooser, element, icon } from "./dom.mjs";
import { sayNumber, sayTime } from "./saying.mjs";

const RATES_ms_per_s = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const BODY_ms_per_s = 1000;
const SCRUB_STEPS = 2000;

/** Fills `host`; what is done goes through `page` and its viewer. */
export class TimeBar {
  constructor(host, page) {
    const { state } = page;
    Object.assign(this, { host, page, state });
    this.playing = false;
    this.rate = 20;
    this.loop = true;
    this.held = null;
    state.on("scene", () => this._build());
    state.on("time", () => this._time());
    state.on("status", () => this._status());
    state.on("connected", () => this._again());
  }

  /** Play or pause, whatever is shown. */
  toggle() {
    if (this.state.live) {
      const paused = this.state.status?.state === "paused";
      this.page.viewer.control(paused ? "resume" : "pause");
      return;
    }
    this._play(!this.playing);
  }

  /** Go a little forward or back in a replay. */
  step(direction) {
    if (this.state.live) return;
    const { start_ms, stop_ms } = this.state.shown;
    if (this.playing) this._play(false);
    const step = this.state.scene?.step_ms ?? Math.max(0.1, (stop_ms - start_ms) / 500);
    this.page.seek((this.state.t_ms || 0) + direction * step);
  }

  _build() {
    this.host.replaceChildren();
    const name = this.state.live ? "Pause the run" : "Play";
    this.go = button(name, () => this.toggle(), { icon: this.state.live ? "pause" : "play", square: true, kind: "np-primary", id: "np-go" });
    this.clock = element("output", { class: "np-clock", "aria-label": "Time" }, ["–", element("span", { class: "np-muted" })]);
    if (this.state.live) this._buildLive();
    else this._buildReplay();
    if (!this.state.live) this._firstPlay();
    this._time();
    this._status();
  }

  _buildLive() {
    this.bar = element("div");
    this.progress = element("div", {
      class: "np-progress", role: "progressbar", "aria-label": "Progress of the run", "aria-valuemin": 0, "aria-valuemax": 100,
    }, [this.bar]);
    this.host.append(this.go, this.progress, this.clock);
  }

  _buildReplay() {
    const { start_ms, stop_ms } = this.state.known;
    // A run of a second takes ten, a short one is not over at once; a body moves as it does.
    const wanted = this.state.scene?.world === true ? BODY_ms_per_s : (stop_ms - start_ms) / 10;
    const far = (rate) => Math.abs(Math.log(rate / wanted));
    this.rate = RATES_ms_per_s.reduce((best, rate) => (far(rate) < far(best) ? rate : best), 20);
    this.scrub = element("input", {
      type: "range", class: "np-scrub", id: "np-scrub", min: 0, max: SCRUB_STEPS, step: 1, "aria-label": "Time of the replay",
      oninput: () => this._scrubbed(), onchange: () => (this.held = null),
    });
    this.speed = chooser(RATES_ms_per_s.map((r) => [String(r), `${r} ms per s`]), String(this.rate), (value) => {
      this.rate = Number(value);
      if (this.playing) this._play(true);
    }, { "aria-label": "Speed", id: "np-speed" });
    this.looping = button("Loop", () => {
      this.loop = !this.loop;
      this.looping.setAttribute("aria-pressed", String(this.loop));
      if (this.playing) this._play(true);
    }, { icon: "loop", square: true, kind: "np-quiet", "aria-pressed": String(this.loop) });
    this.host.append(this.go, this.scrub, this.clock, this.speed, this.looping);
  }

  /** A replay begins to move by itself, unless motion is unwelcome or the address says a time. */
  _firstPlay() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this._play(!still && !this.state.timeWasGiven);
  }

  _again() {
    if (this.state.scene === null || this.state.live) return;
    if (Number.isFinite(this.state.t_ms)) this.page.viewer.seek(this.state.t_ms);
    this._play(this.playing);
  }

  _play(playing) {
    this.playing = playing;
    const { stop_ms } = this.state.known;
    if (playing && !this.loop && this.state.t_ms >= stop_ms - 1e-6) this.page.seek(this.state.known.start_ms);
    this.page.viewer.play(playing ? this.rate : 0, this.loop);
    this._face(playing ? "Pause" : "Play", playing ? "pause" : "play");
    this.state.say("playing", playing);
  }

  _face(name, drawn) {
    if (this.go.title === name) return;
    this.go.title = name;
    this.go.setAttribute("aria-label", name);
    this.go.replaceChildren(icon(drawn));
  }

  _scrubbed() {
    const { start_ms, stop_ms } = this.state.known;
    this.held = start_ms + (Number(this.scrub.value) / SCRUB_STEPS) * (stop_ms - start_ms);
    if (this.playing) this._play(false);
    this.page.seek(this.held);
  }

  _time() {
    if (this.clock === undefined) return;
    const { start_ms, stop_ms } = this.state.known;
    const t_ms = Number.isFinite(this.state.t_ms) ? this.state.t_ms : start_ms;
    const end_ms = this.state.live ? this.state.status?.stop_ms ?? NaN : stop_ms;
    this.clock.firstChild.data = sayTime(t_ms);
    this.clock.lastChild.textContent = Number.isFinite(end_ms) && end_ms > 0 ? ` of ${sayTime(end_ms)}` : "";
    const part = end_ms > start_ms ? Math.min(1, Math.max(0, (t_ms - start_ms) / (end_ms - start_ms))) : 0;
    if (this.state.live) {
      this.bar.style.width = `${(100 * part).toFixed(2)}%`;
      this.progress.setAttribute("aria-valuenow", String(Math.round(100 * part)));
    } else if (this.held === null) {
      this.scrub.value = String(Math.round(part * SCRUB_STEPS));
    }
    this.scrub?.setAttribute("aria-valuetext", `${sayNumber(t_ms, 4)} ms`);
  }

  _status() {
    if (this.go === undefined || !this.state.live) return;
    const { state } = this.state.status ?? {};
    const paused = state === "paused";
    this._face(paused ? "Resume the run" : "Pause the run", paused ? "play" : "pause");
    this.go.disabled = !["running", "paused", "waiting"].includes(state);
    this._time();
  }
}
