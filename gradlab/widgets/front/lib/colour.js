// Colour tables and the painting of a map over a photo.

import { glUpsample } from "./numbers.js";
import { GL_STOPS } from "./stops.js";

const glTables = new Map();

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

export function glSigned(name) {
  return name === "blue-orange";
}

// The photo alone, at its own size.
export function glPhoto(a) {
  const canvas = document.createElement("canvas");
  canvas.width = a.width;
  canvas.height = a.height;
  const image = new ImageData(a.width, a.height);
  for (let i = 0; i < a.width * a.height; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = a.rgb[3 * i + k];
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// The map as a see-through layer. `top` is the value at the end of the colours; below the threshold nothing is drawn.
export function glHeat(map, a, width, height, look, top) {
  const values = glUpsample(map, a.h, a.w, height, width);
  const table = glTable(look.colours), signed = glSigned(look.colours);
  const image = new ImageData(width, height);
  for (let i = 0; i < values.length; i++) {
    const level = Math.max(signed ? -1 : 0, Math.min(1, values[i] / top));
    const at = 3 * Math.round(255 * (signed ? (level + 1) / 2 : level));
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = table[at + k];
    image.data[4 * i + 3] = Math.abs(level) < look.threshold ? 0 : Math.round(255 * look.opacity);
  }
  const layer = document.createElement("canvas");
  layer.width = width;
  layer.height = height;
  layer.getContext("2d").putImageData(image, 0, 0);
  return layer;
}

export function glPaint(canvas, photo, map, a, look, top) {
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = canvas.width < 4 * photo.width;  // a 28-pixel digit keeps its pixels
  context.imageSmoothingQuality = "high";
  context.drawImage(photo, 0, 0, canvas.width, canvas.height);
  if (top > 0) context.drawImage(glHeat(map, a, canvas.width, canvas.height, look, top), 0, 0);
}

// The colours themselves as a strip, for the legend.
export function glStrip(canvas, name) {
  canvas.width = 256;
  canvas.height = 1;
  const image = new ImageData(256, 1), table = glTable(name);
  for (let i = 0; i < 256; i++) image.data.set([table[3 * i], table[3 * i + 1], table[3 * i + 2], 255], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
}
