// The engine's answers, comparison of numbers, and as much of a page as the algebra of the colours asks for.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

// Written by vectors.py for this run.
export const vectors = JSON.parse(readFileSync(process.env.GRADLAB_VECTORS, "utf-8"));

export function close(found, wanted, tolerance = 1e-9) {
  const [a, b] = [found, wanted].map((each) => (typeof each === "number" ? [each] : Array.from(each).flat(Infinity)));
  assert.equal(a.length, b.length);
  a.forEach((value, i) => assert.ok(Math.abs(value - b[i]) <= tolerance * Math.max(1, Math.abs(b[i])),
    `number ${i} is ${value}, expected ${b[i]}`));
}

// One array as it comes from a kernel: a view somewhere into a larger buffer.
export function sent({ base64, ...facts }) {
  const bytes = Buffer.concat([Buffer.alloc(3), Buffer.from(base64, "base64")]);
  const copy = new Uint8Array(bytes).buffer;
  return { ...facts, bytes: new DataView(copy, 3, copy.byteLength - 3) };
}

export function softmax(z) {
  const top = Math.max(...z), p = z.map((each) => Math.exp(each - top)), sum = p.reduce((a, b) => a + b, 0);
  return p.map((each) => each / sum);
}

// Canvases that keep what is put into them, for tests of what is painted.
globalThis.ImageData = class {
  constructor(width, height) {
    Object.assign(this, { width, height, data: new Uint8ClampedArray(4 * width * height) });
  }
};
globalThis.document = {
  createElement: () => {
    const canvas = { width: 0, height: 0, image: null, setAttribute() {}, append() {} };
    const context = { canvas, putImageData(image) { canvas.image = image; }, drawImage() {} };
    return Object.assign(canvas, { getContext: () => context });
  },
};
