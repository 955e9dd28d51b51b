// Colour tables, photos, and maps painted over them.

import { el, glContext } from "./dom.js";
import { glClamp, glUpsample } from "./numbers.js";
import { GL_STOPS } from "./stops.js";

const glTables = new Map();

/** @param {string} name */
export function glTable(name) {
  if (glTables.has(name)) return glTables.get(name);
  const stops = GL_STOPS[name].split(" ").map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    for (let k = 0; k < 3; k++) {
      table[3 * i + k] = stops[low][k] + (stops[low + 1][k] - stops[low][k]) * (at - low);
    }
  }
  glTables.set(name, table);
  return table;
}

/** @param {string} name */
export function glSigned(name) {
  return name === "blue-orange";
}

// A canvas painted pixel by pixel: paint(data) writes red, green, blue and opacity.
/**
 * @param {number} width @param {number} height @param {(data: Uint8ClampedArray) => void} paint
 * @param {HTMLCanvasElement} [canvas]
 */
export function glPainted(width, height, paint, canvas = el("canvas")) {
  const image = new ImageData(width, height);
  paint(image.data);
  Object.assign(canvas, { width, height });
  glContext(canvas).putImageData(image, 0, 0);
  return canvas;
}

// The photo alone, at its own size.
/** @param {Size & { rgb: Uint8Array }} given */
export function glPhoto({ width, height, rgb }) {
  return glPainted(width, height, (data) => {
    for (let i = 0; i < width * height; i++) data.set([rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2], 255], 4 * i);
  });
}

// The photo of a tile on a canvas of its own.
/** @param {HTMLCanvasElement} photo */
export function glPhotoTile(photo) {
  const { width, height } = photo, canvas = el("canvas", { width, height, "aria-hidden": "true" });
  glContext(canvas).drawImage(photo, 0, 0);
  return canvas;
}

// The map as a see-through layer, of opacity o |v|^(1 - o) for the share v of `top`, the value at the colours' end:
// no evidence leaves the photo as it is, and o = 1 shows the map alone. Below the threshold nothing is drawn.
/**
 * @param {Numbers} map @param {Cells} a @param {number} width @param {number} height @param {Look} look
 * @param {number} top
 */
export function glHeat(map, a, width, height, look, top) {
  const values = glUpsample(map, a.h, a.w, height, width);
  const table = glTable(look.colours), signed = glSigned(look.colours);
  return glPainted(width, height, (data) => {
    for (let i = 0; i < values.length; i++) {
      const level = Math.max(signed ? -1 : 0, Math.min(1, values[i] / top));
      const at = 3 * Math.round(255 * (signed ? (level + 1) / 2 : level));
      for (let k = 0; k < 3; k++) data[4 * i + k] = table[at + k];
      const size = Math.abs(level), { opacity, threshold } = look;
      data[4 * i + 3] = size < threshold ? 0 : Math.round(255 * opacity * size ** (1 - opacity));
    }
  });
}

/**
 * @param {HTMLCanvasElement} canvas @param {HTMLCanvasElement} photo @param {Numbers | null} map @param {Cells} a
 * @param {Look} look @param {number} top
 */
export function glPaint(canvas, photo, map, a, look, top) {
  const context = glContext(canvas);
  context.imageSmoothingEnabled = canvas.width < 4 * photo.width;  // a 28-pixel digit keeps its pixels
  context.imageSmoothingQuality = "high";
  context.drawImage(photo, 0, 0, canvas.width, canvas.height);
  if (map && top > 0) context.drawImage(glHeat(map, a, canvas.width, canvas.height, look, top), 0, 0);
}

// The colours themselves as a strip, for the legend.
/** @param {string} name @param {HTMLCanvasElement} [canvas] */
export function glStrip(name, canvas = el("canvas.gl-strip", { "aria-hidden": "true" })) {
  const table = glTable(name);
  return glPainted(256, 1, (data) => {
    for (let i = 0; i < 256; i++) data.set([table[3 * i], table[3 * i + 1], table[3 * i + 2], 255], 4 * i);
  }, canvas);
}

// A strip with the values at its ends.
export function glLegend() {
  const strip = glStrip("viridis"), low = el("span.gl-number"), high = el("span.gl-number");
  return {
    node: el("div.gl-legend", low, strip, high), parts: [low, strip, high],
    draw(colours, text, top, unit = "") {
      glStrip(colours, strip);
      low.textContent = glSigned(colours) ? text(-top) : "0";
      high.textContent = text(top) + unit;
    },
  };
}

/** @param {Uint8Array} pixels @param {number} width @param {number} height @param {number} channels */
export function glGreyPhoto(pixels, width, height, channels) {
  const rgb = channels === 3
    ? pixels : Uint8Array.from({ length: 3 * width * height }, (_, i) => pixels[Math.floor(i / 3)]);
  return glPhoto({ width, height, rgb });
}

// A signed map over the picture: as strong a colour as the value is large, so that the picture shows where it is 0.
/**
 * @param {HTMLCanvasElement} canvas @param {{ photo: HTMLCanvasElement, rows: number, columns: number }} given
 * @param {Numbers} map @param {number} top
 */
export function glPaintSigned(canvas, { photo, rows, columns }, map, top) {
  const times = Math.max(1, Math.round(128 / photo.width)), table = glTable("blue-orange");
  const width = (canvas.width = times * photo.width), height = (canvas.height = times * photo.height);
  const context = glContext(canvas);
  context.imageSmoothingEnabled = times < 4;
  context.drawImage(photo, 0, 0, width, height);
  if (!(top > 0)) return;
  const values = glUpsample(map, rows, columns, height, width);
  context.drawImage(glPainted(width, height, (data) => {
    for (let i = 0; i < values.length; i++) {
      const level = glClamp(values[i] / top, -1, 1), end = level < 0 ? 0 : 3 * 255;
      for (let k = 0; k < 3; k++) data[4 * i + k] = table[end + k];
      data[4 * i + 3] = Math.round(220 * Math.abs(level));
    }
  }), 0, 0);
}

/** @param {Numbers} values */
export function glTopOf(values) {
  return values.reduce((top, each) => Math.max(top, Math.abs(each)), 0);
}
