/** Screenshot and movie: made by the server; where it cannot, the screenshot is the canvas. */
import { button, chooser, element, labelled, offerFile, openDialog } from "./dom.mjs";
import { sayFault, sayNumber } from "./saying.mjs";

const ASK_ms = 700;
/** A body is filmed as fast as it moves, at first its last seconds. */
const BODY_ms = 10_000;
const BODY_ms_per_s = 1000;
const SIZES = [["1280x720", "1280 × 720"], ["1920x1080", "1920 × 1080"], ["3840x2160", "3840 × 2160"]];

function fileName(title, t_ms, ending) {
  const plain = (title || "neurosim").replace(/[^A-Za-z0-9._-]+/g, "-").slice(0, 60);
  return Number.isFinite(t_ms) ? `${plain}-${t_ms.toFixed(1)}ms.${ending}` : `${plain}.${ending}`;
}

async function canvasBytes(viewer) {
  const shot = await viewer.screenshot();
  if (typeof shot === "string") return (await fetch(shot)).blob();
  return shot;
}

/** Save a picture of what is shown. */
export async function saveScreenshot(page) {
  const { viewer, transport, state } = page;
  const name = fileName(state.scene?.title, state.t_ms, "png");
  const box = page.view.parentElement.getBoundingClientRect();
  const scale = Math.min(2, Math.max(1, 1600 / box.width));
  const size = { width: 2 * Math.round((box.width * scale) / 2), height: 2 * Math.round((box.height * scale) / 2) };
  page.announce("The picture is being made.");
  try {
    offerFile(name, await transport.post("/api/still", { state: page.viewState(), ...size }), "image/png");
    page.announce("The picture is saved.");
  } catch (error) {
    offerFile(name, await canvasBytes(viewer), "image/png");
    page.note(`The server could not draw the picture (${sayFault(error)}); the one on the screen was saved.`);
  }
}

/** The stretch a movie is of at first: what the panels show, of a live body the last seconds. */
function stretchOf({ shown, known, live, window, world }) {
  if (world === null || !live || window !== null) return shown;
  return { start_ms: Math.max(known.start_ms, shown.stop_ms - BODY_ms), stop_ms: shown.stop_ms };
}

class MovieDialog {
  constructor(page) {
    this.page = page;
    const { start_ms, stop_ms } = stretchOf(page.state);
    const number = (value, more = {}) => element("input", { type: "number", class: "np-field", value: sayNumber(value, 7), step: "any", ...more });
    this.start = number(start_ms);
    this.stop = number(stop_ms);
    this.rate = number(page.state.world === null ? Math.max(1, (stop_ms - start_ms) / 10) : BODY_ms_per_s, { min: 0.001 });
    this.fps = chooser([["15", "15"], ["24", "24"], ["30", "30"], ["60", "60"]], "30", () => this.tell());
    this.size = chooser(SIZES, "1280x720", () => this.tell());
    this.told = element("p", { class: "np-muted", role: "status" });
    this.bar = element("progress", { max: 1, value: 0, hidden: true, "aria-label": "Progress of the movie" });
    this.go = button("Make the movie", () => this.make(), { kind: "np-primary", id: "np-movie-go" });
    for (const field of [this.start, this.stop, this.rate]) field.addEventListener("input", () => this.tell());
    const form = element("div", { class: "np-form" }, [
      labelled("From (ms)", this.start), labelled("To (ms)", this.stop),
      labelled("Speed (ms per second)", this.rate),
      labelled("Pictures per second", this.fps), labelled("Size in pixels", this.size),
    ]);
    this.open = true;
    this.dialog = openDialog("Movie", [
      element("p", { class: "np-muted" }, ["The movie shows the view as it is now: camera, colours, clip plane and selection."]),
      form, this.told, this.bar, element("div", { class: "np-row" }, [this.go]),
    ], { onclose: () => (this.open = false) });
    this.dialog.id = "np-movie";
    this.tell();
  }

  wish() {
    const [width, height] = this.size.value.split("x").map(Number);
    const [start_ms, stop_ms, rate] = [this.start, this.stop, this.rate].map((field) => Number(field.value));
    return { state: this.page.viewState(), start_ms, stop_ms, rate, fps: Number(this.fps.value), width, height };
  }

  tell() {
    const { start_ms, stop_ms, rate, fps } = this.wish();
    const seconds = (stop_ms - start_ms) / rate;
    const good = Number.isFinite(seconds) && seconds > 0 && rate > 0;
    this.go.disabled = !good;
    this.told.textContent = good
      ? `${sayNumber(seconds)} s, ${Math.ceil(seconds * fps)} pictures.`
      : "The end must be after the begin, the speed above 0.";
    return good;
  }

  async make() {
    const { transport } = this.page;
    this.go.disabled = true;
    this.bar.hidden = false;
    try {
      const answer = await transport.post("/api/movie", this.wish());
      const { job } = JSON.parse(new TextDecoder().decode(answer));
      await this.follow(job);
    } catch (error) {
      this.told.textContent = `No movie was made: ${sayFault(error)}`;
      this.bar.hidden = true;
    }
    this.go.disabled = false;
  }

  async follow(job) {
    const { transport, state } = this.page;
    while (this.open) {
      const bytes = await transport.get(`/api/movie/${job}`);
      const first = new Uint8Array(bytes, 0, 1)[0];
      if (first !== 0x7b) {
        offerFile(fileName(state.scene?.title, NaN, "mp4"), bytes, "video/mp4");
        this.told.textContent = "The movie is saved.";
        this.bar.value = 1;
        return;
      }
      const said = JSON.parse(new TextDecoder().decode(bytes));
      if (said.error) throw new Error(said.error);
      if (said.state === "stopped") throw new Error("it was stopped");
      this.bar.value = said.done ?? 0;
      this.told.textContent = said.state === "waiting" ? "Waiting for another movie." : `Drawing: ${Math.round(100 * this.bar.value)} %`;
      await new Promise((resolve) => setTimeout(resolve, ASK_ms));
    }
  }
}

/** Ask what movie is wanted, make it, offer it. */
export function openMovieDialog(page) {
  return new MovieDialog(page);
}
