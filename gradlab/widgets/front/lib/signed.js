// A small grey or coloured picture, and a signed map over it.

import { glPainted, glPhoto, glTable } from "./colour.js";
import { glClamp, glUpsample } from "./numbers.js";
import { glPart, glUnpacked } from "./wire.js";
import { glKept } from "./arrays.js";

export function glGreyPhoto(pixels, width, height, channels) {
  const rgb = channels === 3
    ? pixels : Uint8Array.from({ length: 3 * width * height }, (_, i) => pixels[Math.floor(i / 3)]);
  return glPhoto({ width, height, rgb });
}

// The photos that the kernel sent together (n, height, width, channels), each made when it is first looked at.
export function glPhotos(sent) {
  const pixels = glUnpacked(sent), [, height, width, channels] = pixels.shape;
  return glKept((i) => glGreyPhoto(glPart(pixels, i), width, height, channels));
}

// A signed map over the picture: as strong a colour as the value is large, so that the picture shows where it is 0.
export function glPaintSigned(canvas, { photo, rows, columns }, map, top) {
  const times = Math.max(1, Math.round(128 / photo.width)), table = glTable("blue-orange");
  const width = (canvas.width = times * photo.width), height = (canvas.height = times * photo.height);
  const context = canvas.getContext("2d");
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

export function glTopOf(values) {
  return values.reduce((top, each) => Math.max(top, Math.abs(each)), 0);
}
