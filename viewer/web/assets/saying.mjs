/** Numbers and times as people read them; and time and places along an axis. */

const SPACED = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

/** 12345 -> "12,345". */
export function sayCount(value) {
  return Number.isFinite(value) ? SPACED.format(value) : "–";
}

/** A number with about `digits` digits that count, without noise behind: 0.0312 -> "0.031". */
export function sayNumber(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  if (size >= 5 || size < -4) return value.toExponential(digits - 1).replace("e+", "e");
  return String(Number(value.toFixed(Math.max(0, digits - 1 - size))));
}

/** A number for an axis: 250, 20k, 1.5M. */
export function sayTick(value) {
  const size = Math.abs(value);
  if (size >= 999_500) return `${sayNumber(value / 1e6, 3)}M`;
  return size >= 10_000 ? `${sayNumber(value / 1e3, 3)}k` : sayNumber(value, 4);
}

/** Simulated time: "12.3 ms", "4.250 s". */
export function sayTime(t_ms) {
  if (!Number.isFinite(t_ms)) return "–";
  return Math.abs(t_ms) < 10_000 ? `${t_ms.toFixed(1)} ms` : `${(t_ms / 1000).toFixed(2)} s`;
}

/** Time a person waits: "8 s", "3 min", "2 h 10 min". */
export function sayWait(s) {
  if (!Number.isFinite(s)) return "–";
  if (s < 90) return `${Math.max(1, Math.round(s))} s`;
  const minutes = Math.round(s / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Memory: "812 MB", "3.4 GB". */
export function sayMemory(MB) {
  if (!Number.isFinite(MB)) return "–";
  return MB < 1000 ? `${Math.round(MB)} MB` : `${(MB / 1000).toFixed(1)} GB`;
}

/** "1 cell", "1,200 cells". */
export function sayMany(n, one, many = `${one}s`) {
  return `${sayCount(n)} ${n === 1 ? one : many}`;
}

/** Round numbers from low to high, about `n` of them. */
export function ticksBetween(low, high, n) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [];
  const rough = span / Math.max(1, n);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= 0.999 * rough);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * span; k += 1) ticks.push(k * step + 0);
  return ticks;
}

/** The first round number that is not below `value`, for the end of an axis. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((k) => k * power).find((s) => s >= 0.9999 * value);
}

/**
 * Lowest and highest value in each of `columns` pixel columns between two times: nothing is smoothed away.
 * Values are in equal steps, the first at `from_ms`; a column without a value is NaN.
 */
export function columnExtremes(values, from_ms, step_ms, start_ms, stop_ms, columns) {
  const low = new Float32Array(columns).fill(NaN);
  const high = new Float32Array(columns).fill(NaN);
  const first = Math.max(0, Math.ceil((start_ms - from_ms) / step_ms));
  const last = Math.min(values.length - 1, Math.floor((stop_ms - from_ms) / step_ms));
  const scale = columns / (stop_ms - start_ms);
  for (let i = first; i <= last; i += 1) {
    const column = Math.min(columns - 1, Math.floor((from_ms + i * step_ms - start_ms) * scale));
    const value = values[i];
    if (!(low[column] <= value)) low[column] = value;
    if (!(high[column] >= value)) high[column] = value;
  }
  return { low, high };
}

/** What went wrong, in words: of an answer of the server what it says, without the path. */
export function sayFault(error) {
  const said = /"error":\s*("(?:[^"\\]|\\.)*")/.exec(error.message);
  if (said !== null) return JSON.parse(said[1]);
  return error instanceof TypeError ? "the server does not answer" : error.message;
}
