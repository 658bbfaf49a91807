/** Decode files as the page does and print what came out: node decode.mjs WHAT FILE ... , one line of JSON for each. */

import { readFileSync } from "node:fs";

import { decodeCells, decodeFrame, decodeHistory, decodeMany, decodeSkeleton } from "../../viewer/web/assets/wire.mjs";

const DECODERS = { frame: decodeFrame, cells: decodeCells, skeleton: decodeSkeleton, history: decodeHistory, many: decodeMany };

/** Arrays as lists; every float exactly, as its 64 bits are enough for any of ours. */
function plain(value) {
  if (ArrayBuffer.isView(value)) return Array.from(value, Number);
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
  }
  return value;
}

const [what, ...files] = process.argv.slice(2);
for (const file of files) {
  const bytes = readFileSync(file);
  try {
    const decoded = DECODERS[what](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    console.log(JSON.stringify({ decoded: plain(decoded) }));
  } catch (error) {
    console.log(JSON.stringify({ refused: error.name, message: error.message }));
  }
}
