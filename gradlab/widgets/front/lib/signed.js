// A small grey or coloured picture, and a signed map over it.

import { glPhoto, glTable } from "./colour.js";
import { glNode } from "./dom.js";
import { glClamp, glUpsample } from "./numbers.js";
import { glPart, glUnpacked } from "./wire.js";

export function glGreyPhoto(pixels, width, height, channels) {
  const rgb = channels === 3
    ? pixels
    : Uint8Array.from({ length: 3 * width * height }, (_, i) => pixels[Math.floor(i / 3)]);
  return glPhoto({ width, height, rgb });
}

// The photos that the kernel sent together (n, height, width, channels), each made when it is first looked at.
export function glPhotos(sent) {
  const pixels = glUnpacked(sent), [, height, width, channels] = pixels.shape, made = new Map();
  return (i) => {
    if (!made.has(i)) made.set(i, glGreyPhoto(glPart(pixels, i), width, height, channels));
    return made.get(i);
  };
}

// The photo of a tile on a canvas of its own.
export function glPhotoTile(photo) {
  const canvas = glNode("canvas", { width: photo.width, height: photo.height, "aria-hidden": "true" });
  canvas.getContext("2d").drawImage(photo, 0, 0);
  return canvas;
}

// A signed map over the picture: as strong a colour as the value is large, so that the picture shows where it is 0.
export function glPaintSigned(canvas, at, map, top) {
  const { photo } = at, times = Math.max(1, Math.round(128 / photo.width));
  const width = (canvas.width = times * photo.width), height = (canvas.height = times * photo.height);
  const context = canvas.getContext("2d"), table = glTable("blue-orange");
  context.imageSmoothingEnabled = times < 4;
  context.drawImage(photo, 0, 0, width, height);
  if (!(top > 0)) return;
  const values = glUpsample(map, at.rows, at.columns, height, width), image = new ImageData(width, height);
  for (let i = 0; i < values.length; i++) {
    const level = glClamp(values[i] / top, -1, 1), end = level < 0 ? 0 : 3 * 255;
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = table[end + k];
    image.data[4 * i + 3] = Math.round(220 * Math.abs(level));
  }
  const layer = glNode("canvas", { width, height });
  layer.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(layer, 0, 0);
}

export function glTopOf(values) {
  return values.reduce((top, each) => Math.max(top, Math.abs(each)), 0);
}
