// Pictures in the answers of the kernel.

import { glGreyPhoto } from "./colour.js";
import { glKept, glSoftmax } from "./numbers.js";
import { glPart, glUnpacked } from "./wire.js";

// The picture's part of an answer of the kernel: z and p per class, the classes by p, the photo's RGB.
/** @param {any} answer @param {Numbers} [logits] @returns {Picture} */
export function glDecodePicture(answer, logits = glUnpacked(answer.logits).values) {
  const z = Float64Array.from(logits), p = glSoftmax(z);
  const order = Array.from(p.keys()).sort((a, b) => z[b] - z[a] || a - b);
  const { shape: [height, width], values: rgb } = glUnpacked(answer.picture);
  return {
    serial: answer.serial, name: answer.name, width, height, rgb, classes: z.length, z, p, order, start: answer.start,
  };
}

// One answer with the class maps L (classes x h x w, flat).
/** @param {any} answer @returns {Maps} */
export function glDecode(answer) {
  const maps = glUnpacked(answer.maps), [, h, w] = maps.shape, L = maps.values.map((value) => value * maps.scale);
  return { ...glDecodePicture(answer), h, w, cells: h * w, L, exact: answer.exact, layer: answer.layer };
}

// The photos that the kernel sent together (n, height, width, channels), each made when it is first looked at.
/** @param {any} sent @returns {(i: number) => HTMLCanvasElement} */
export function glPhotos(sent) {
  const pixels = glUnpacked(sent), [, height, width, channels] = pixels.shape;
  return glKept((i) => glGreyPhoto(glPart(pixels, i), width, height, channels));
}
