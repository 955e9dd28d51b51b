// The mask as the network gets it: one bit per pixel, asked of the kernel, and what it shows.

import { glPhoto } from "./colour.js";
import { glId } from "./dom.js";
import { glBytes } from "./numbers.js";
import { GL_PATIENCE } from "./source.js";

// Asks for the scores under a mask, one request at a time; while one is under way only the newest is kept. heard(z,
// latest): latest is false where a newer mask is already asked.
export function glMaskAsker(send, heard, silent) {
  const view = glId("view");
  let n = 0, waiting = false, next = null, timer = null;
  const go = (wanted) => {
    waiting = true;
    n += 1;
    timer = setTimeout(() => { waiting = false; silent(); }, GL_PATIENCE);
    send({ kind: "mask", view, n, ...wanted.facts }, [wanted.bits]);
  };
  return {
    ask(facts, bits) { if (waiting) next = { facts, bits }; else go({ facts, bits }); },
    forget() { next = null; n += 1; waiting = false; clearTimeout(timer); },
    heard(message, buffer) {
      if (message.view !== view || message.n !== n) return;
      clearTimeout(timer);
      waiting = false;
      const newer = next;
      next = null;
      if (newer) go(newer);
      heard(Float64Array.from(new Float32Array(glBytes(buffer).buffer)), !newer);
    },
    stop() { clearTimeout(timer); },
  };
}

export function glBits(mask) {
  const bits = new Uint8Array(Math.ceil(mask.length / 8));
  mask.forEach((value, i) => { if (value) bits[i >> 3] |= 1 << (i & 7); });
  return bits;
}

export function glFillBox(mask, a, box, value) {
  const top = Math.max(0, Math.round(box.top)), left = Math.max(0, Math.round(box.left));
  const bottom = Math.min(a.height, Math.round(box.top + box.height));
  const right = Math.min(a.width, Math.round(box.left + box.width));
  for (let y = top; y < bottom; y++) mask.fill(value, y * a.width + left, y * a.width + right);
}

// The picture with the cover shown where the mask is.
export function glCoveredPhoto(a, cover, mask) {
  const rgb = a.rgb.slice();
  mask.forEach((value, i) => { if (value) for (let k = 0; k < 3; k++) rgb[3 * i + k] = a.covers[cover][3 * i + k]; });
  return glPhoto({ ...a, rgb });
}
