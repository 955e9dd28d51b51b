// The mask as the network gets it: one bit per pixel, asked of the kernel, and what it shows.

import { glPhoto } from "./colour.js";
import { glId } from "./dom.js";
import { GL_PATIENCE } from "./source.js";
import { glUnpacked } from "./wire.js";

// Asks for the scores under a mask, one request at a time; while one is under way only the newest is kept. heard(z,
// latest): latest is false where a newer mask is already asked.
/**
 * @param {(content: object) => void} send @param {(z: Float64Array, latest: boolean) => void} heard
 * @param {() => void} silent
 */
export function glMaskAsker(send, heard, silent) {
  const view = glId("view");
  let n = 0, waiting = false, next = null, timer = null;
  const go = (wanted) => {
    waiting = true;
    n += 1;
    timer = setTimeout(() => { waiting = false; silent(); }, GL_PATIENCE);
    send({ kind: "mask", view, n, ...wanted });
  };
  return {
    ask(wanted) { if (waiting) next = wanted; else go(wanted); },
    forget() { next = null; n += 1; waiting = false; clearTimeout(timer); },
    heard(message, buffers) {
      if (message.view !== view || message.n !== n) return;
      clearTimeout(timer);
      waiting = false;
      const newer = next;
      next = null;
      if (newer) go(newer);
      heard(Float64Array.from(glUnpacked(message.logits, buffers).values), !newer);
    },
    stop() { clearTimeout(timer); },
  };
}

/** @param {Uint8Array} mask @param {Size} a @param {Omit<Box, "wanted">} box @param {number} value */
export function glFillBox(mask, a, box, value) {
  const top = Math.max(0, Math.round(box.top)), left = Math.max(0, Math.round(box.left));
  const bottom = Math.min(a.height, Math.round(box.top + box.height));
  const right = Math.min(a.width, Math.round(box.left + box.width));
  for (let y = top; y < bottom; y++) mask.fill(value, y * a.width + left, y * a.width + right);
}

// The picture with the baseline shown where the mask is.
/** @param {Maskable} a @param {string} baseline @param {Numbers} mask */
export function glMaskedPhoto(a, baseline, mask) {
  const rgb = a.rgb.slice(), hidden = a.baselines[baseline];
  mask.forEach((value, i) => { if (value) for (let k = 0; k < 3; k++) rgb[3 * i + k] = hidden[3 * i + k]; });
  return glPhoto({ ...a, rgb });
}

// A mask as it is kept: where each run of hidden pixels begins, row by row, and how long it is.
/** @param {Numbers} mask @returns {[number, number][]} */
export function glRuns(mask) {
  /** @type {[number, number][]} */
  const runs = [];
  let from = -1;
  for (let i = 0; i <= mask.length; i++) {
    if (i < mask.length && mask[i]) from = from < 0 ? i : from;
    else if (from >= 0) {
      runs.push([from, i - from]);
      from = -1;
    }
  }
  return runs;
}
