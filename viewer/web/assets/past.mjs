/** `Past`: what happened, asked of the server once for all panels that want the same stretch. */
import { decodeFrame, decodeHistory } from "./wire.mjs";

/** Spikes that are listed, at most; beyond, one cell in k is. */
export const MOST_LISTED = 20000;

/** Asks for spikes, rates and traces; an answer is shared until the stretch changes or something new happened. */
export class Past {
  constructor(transport, state) {
    this.transport = transport;
    this.state = state;
    this._kept = new Map();
  }

  /** Spikes of a stretch: {n, total_n, every, time_ms, rank}. */
  spikes({ start_ms, stop_ms }) {
    return this._once("spikes", `/api/spikes?start_ms=${start_ms}&stop_ms=${stop_ms}&limit=${MOST_LISTED}`, async (path) =>
      decodeHistory(await this.transport.get(path)));
  }

  /** Rates of the populations: {time_ms: [], rates: {population: [Hz]}}. */
  rates({ start_ms, stop_ms }, bins) {
    return this._once("rates", `/api/rates?start_ms=${start_ms}&stop_ms=${stop_ms}&bins=${bins}`, (path) =>
      this.transport.getJSON(path));
  }

  /** What is known of a compartment: {start_ms, step_ms, values_mV}. */
  trace(rank, node, { start_ms, stop_ms }) {
    const stretch = `start_ms=${start_ms}&stop_ms=${stop_ms}`;
    return this._once(`trace ${rank} ${node}`, `/api/trace?rank=${rank}&node=${node}&${stretch}`, async (path) =>
      decodeFrame(await this.transport.get(path)).body);
  }

  /** Forget everything, as after a lost connection. */
  forget() {
    this._kept.clear();
  }

  _once(what, path, fetched) {
    // A run that goes on adds to a stretch that was asked for before.
    const key = `${path} ${this.state.status?.spikes_n ?? 0} ${this.state.live ? this.state.status?.t_ms : ""}`;
    const kept = this._kept.get(what);
    if (kept?.key === key) return kept.answer;
    const answer = fetched(path);
    this._kept.set(what, { key, answer });
    answer.catch(() => this._kept.get(what)?.answer === answer && this._kept.delete(what));
    return answer;
  }
}
