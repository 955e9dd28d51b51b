// The algebra of the panels, from z and h: rows, lengths, cosines, sparsity.

import { glGreyPhoto } from "./colour.js";
import { glArgmax, glMean, glSoftmax, glSum } from "./numbers.js";
import { glPart, glUnpacked } from "./wire.js";

const GL_HELD = 0.99;

// Some pictures at every level of noise, as views into what the kernel sent.
/** @param {any} sent @returns {Digit[]} */
export function glDecodePanels(sent) {
  const keys = ["logits", "hidden", "seen", "contrasts", "ones"];
  const [z, h, seen, maps, ones] = keys.map((key) => glUnpacked(sent[key]));
  const [, levels, height, width, channels] = seen.shape, [rows, columns] = ones.shape.slice(3);
  return sent.names.map((name, n) => ({
    name, truth: sent.truth[n], asked: sent.asked[n],
    levels: Array.from({ length: levels }, (_, k) => {
      const logits = glPart(z, n, k), p = glSoftmax(logits);
      return {
        z: logits, p, h: glPart(h, n, k), said: glArgmax(p),
        photo: glGreyPhoto(glPart(seen, n, k), width, height, channels), rows, columns,
        map: (j) => glPart(maps, n, k, j), ones: (j) => glPart(ones, n, k, j),
      };
    }),
  }));
}

// u of a panel: p − e_Q.
/** @param {Pick<Level, "p">} at @param {number} q */
export function glRowsOf(at, q) {
  return Float64Array.from(at.p, (p, c) => p - (c === q ? 1 : 0));
}

// u of the label of all ones, by the loss.
export const GL_ONES = {
  ce: (at) => Float64Array.from(at.p, (p) => at.p.length * p - 1),
  mse: (at) => Float64Array.from(at.z, (z) => (2 / at.z.length) * (z - 1)),
  bce: (at) => Float64Array.from(at.z, (z) => (1 / (1 + Math.exp(-z)) - 1) / at.z.length),
};

/** @param {Numbers} values */
export function glLength(values) {
  return Math.sqrt(glSum(values, (each) => each * each));
}

// (Σ u²)² / Σ u⁴: 2 for two rows of one length, as many as there are classes for rows that are all as long.
/** @param {Numbers} u */
export function glEffective(u) {
  const squares = u.map((each) => each * each), top = Math.max(...squares);
  if (!(top > 0)) return 0;
  const parts = squares.map((each) => each / top);
  return glSum(parts) ** 2 / glSum(parts, (each) => each * each);
}

// How many rows, longest first, hold 99 % of the squared length.
/** @param {Numbers} u */
export function glHeldRows(u) {
  const squares = Float64Array.from(u, (each) => each * each).sort().reverse();
  const all = glSum(squares);
  let sum = 0, count = 0;
  do { sum += squares[count]; count += 1; } while (sum < GL_HELD * all && count < squares.length);
  return count;
}

/** @param {Numbers} u @param {Numbers} v */
export function glCosine(u, v) {
  const size = glLength(u) * glLength(v);
  return size > 0 ? glSum(u, (each, c) => each * v[c]) / size : 0;
}

// What one level of one picture says as a whole; the panel of the network's own answer is left out of the means.
/** @param {Level} at @param {number[]} asked @returns {Sparsity} */
export function glSparsity(at, asked) {
  const others = asked.filter((q) => q !== at.said).map((q) => glRowsOf(at, q));
  const cosines = others.flatMap((u, i) => others.slice(i + 1).map((v) => glCosine(u, v)));
  return {
    effective: glMean(others.map(glEffective)), held: glMean(others.map(glHeldRows)),
    cosine: glMean(cosines),
    share: glLength(glRowsOf(at, at.said)) / glMean(others.map(glLength)), sure: at.p[at.said],
  };
}
