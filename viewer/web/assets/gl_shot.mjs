/** Pictures and counts of what is on the canvas. */

const LIT_FROM = 150;

/** Draw and read all pixels: {width, height, bytes} with the lowest row first. */
export function readPicture(viewer) {
  viewer.drawNow();
  const { gl } = viewer.renderer;
  const { width, height } = viewer.canvas;
  const bytes = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
  return { width, height, bytes };
}

/** Count pixels: `lit_n` bright ones, `drawn_n` that are not background. */
export function measuredPixels(viewer) {
  const { width, height, bytes } = readPicture(viewer);
  const { theme } = viewer.stage.how(viewer.camera, width, height, viewer.pixel);
  const back = theme.back.map((c) => Math.round(255 * c));
  let lit_n = 0;
  let drawn_n = 0;
  for (let i = 0; i < bytes.length; i += 4) {
    const off = Math.max(...[0, 1, 2].map((k) => Math.abs(bytes[i + k] - back[k])));
    if (off > 6) drawn_n += 1;
    if (off > LIT_FROM) lit_n += 1;
  }
  return { lit_n, drawn_n, pixels_n: width * height };
}

/** A PNG of the picture with its time, scale and, where it is, the word that the wave is schematic. */
export async function screenshotOf(viewer) {
  const { width, height, bytes } = readPicture(viewer);
  const sheet = document.createElement("canvas");
  sheet.width = width;
  sheet.height = height;
  const context = sheet.getContext("2d");
  const image = context.createImageData(width, height);
  for (let row = 0; row < height; row += 1) {
    image.data.set(bytes.subarray(4 * width * row, 4 * width * (row + 1)), 4 * width * (height - 1 - row));
  }
  context.putImageData(image, 0, 0);
  writeWords(viewer, context, width, height);
  return new Promise((resolve, reject) => {
    sheet.toBlob((blob) => (blob === null ? reject(new Error("the picture cannot be made a file")) : resolve(blob)), "image/png");
  });
}

function writeWords(viewer, context, width, height) {
  const ratio = width / (viewer.element.clientWidth || width);
  const { overlay, stage, camera } = viewer;
  context.fillStyle = stage.look.theme === "light" ? "#1a2230" : "#dfe6f2";
  context.font = `${Math.round(14 * ratio)}px system-ui, sans-serif`;
  context.fillText(`${stage.clock.t_ms.toFixed(1)} ms`, 14 * ratio, 24 * ratio);
  context.font = `${Math.round(11 * ratio)}px system-ui, sans-serif`;
  context.fillText(overlay.schematic.textContent, 14 * ratio, 42 * ratio);
  const um_per_px = (2 * camera.distance * Math.tan(camera.fov / 2)) / height;
  const bar = overlay.bar_um / um_per_px;
  context.fillRect(14 * ratio, height - 16 * ratio, bar, 2 * ratio);
  context.fillText(overlay.scale.textContent, 14 * ratio, height - 22 * ratio);
}
