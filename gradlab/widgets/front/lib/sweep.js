// What a sweep has found: z(whole) - z(hidden) for each window and class; maps, and answers for a window, from it.

import { glClamp } from "./numbers.js";

// facts: of the kernel, { serial, run, window, stride, baseline, rows, columns, done, total }.
export class GlSweep {
  /** @type {Picture} */ a; /** @type {Facts} */ facts; /** @type {Float32Array} */ drops;
  /** @type {Float64Array} */ lse; /** @type {Float32Array | null} */ guess;

  /** @param {any} a @param {Facts} facts */
  constructor(a, facts) {
    const windows = facts.rows * facts.columns;
    // lse: log of the sum of exp of the logits with a window hidden; NaN marks a window not asked yet
    const lse = new Float64Array(windows).fill(NaN), drops = new Float32Array(windows * a.classes);
    Object.assign(this, { a, facts, drops, lse, guess: null });
  }

  get exact() { return this.lse.some((value) => !Number.isNaN(value)); }

  // How far what is shown can be trusted, in words.
  get standing() {
    const { done, total } = this.facts;
    if (!this.exact) return "a guess from one gradient, being measured";
    return done < total
      ? "measured where asked, elsewhere the nearest" : `measured at ${total} places, mean over the overlaps`;
  }

  // What hiding window w costs each class, from the i-th row of what was sent.
  /** @param {number} w @param {Float32Array} values @param {number} i */
  settle(w, values, i) {
    const { a, drops, lse } = this, T = a.classes;
    drops.set(values.subarray(i * T, (i + 1) * T), w * T);
    let top = -Infinity, sum = 0;
    for (let c = 0; c < T; c++) top = Math.max(top, a.z[c] - drops[w * T + c]);
    for (let c = 0; c < T; c++) sum += Math.exp(a.z[c] - drops[w * T + c] - top);
    lse[w] = top + Math.log(sum);
  }

  /** @param {any} next @param {Numbers} indices @param {Float32Array} values */
  take(next, indices, values) {
    Object.assign(this.facts, { done: next.done, total: next.total });
    if (next.guess) this.guess = Float32Array.from(values);
    else indices.forEach((w, i) => this.settle(w, values, i));
  }

  /** @param {Float32Array} values */
  takeAll(values) {
    this.lse.forEach((_, w) => { if (!Number.isNaN(values[w * this.a.classes])) this.settle(w, values, w); });
  }

  // The window that this box is, or -1: same size, on the grid. The last ones are cropped at the border.
  /** @param {Omit<Box, "wanted">} box @param {string} baseline */
  at(box, baseline) {
    const { facts } = this, { stride, rows, columns } = facts, row = box.top / stride, column = box.left / stride;
    const whole = Number.isInteger(row) && Number.isInteger(column) && row < rows && column < columns;
    const fits = ["height", "width"].every((side) => box[side] === this.window(box.left, box.top)[side]);
    return whole && fits && baseline === facts.baseline ? row * columns + column : -1;
  }

  // The window with this corner, cut at the border.
  /** @param {number} left @param {number} top */
  window(left, top) {
    const { a, facts: { window } } = this;
    return { left, top, width: Math.min(window, a.width - left), height: Math.min(window, a.height - top) };
  }

  // The window nearest to a place.
  /** @param {number} left @param {number} top */
  snap(left, top) {
    const { stride, rows, columns } = this.facts;
    const near = (at, count) => glClamp(Math.round(at / stride), 0, count - 1) * stride;
    return this.window(near(left, columns), near(top, rows));
  }

  /** @param {number} w */
  known(w) { return w >= 0 && !Number.isNaN(this.lse[w]); }

  /** @param {number} w @param {number} c */
  drop(w, c) { return this.drops[w * this.a.classes + c]; }

  /** @param {number} w @param {number} c */
  probability(w, c) { return Math.exp(this.a.z[c] - this.drop(w, c) - this.lse[w]); }

  // p of every class with window w hidden
  /** @param {number} w */
  after(w) { return Float64Array.from({ length: this.a.classes }, (_, c) => this.probability(w, c)); }

  // What hiding costs class c, pixel by pixel, the mean over the windows that cover it.
  /** @param {number} c @param {string} unit */
  map(c, unit) {
    const { a, facts, guess, exact } = this;
    if (!exact && !(guess && c === a.order[0])) return null;
    const cost = (w) => (unit === "probability" ? a.p[c] - this.probability(w, c) : this.drop(w, c));
    const each = exact ? this.lse.map((known, w) => (Number.isNaN(known) ? NaN : cost(w))) : guess;
    return glSpread(glNearest(each, facts.rows, facts.columns), facts, a);
  }
}

// Each NaN becomes the value of the nearest known window: rings around the known ones, breadth first.
/** @param {Numbers} values @param {number} rows @param {number} columns */
function glNearest(values, rows, columns) {
  const filled = values.slice(), from = new Int32Array(values.length).fill(-1);
  let ring = [];
  values.forEach((value, w) => { if (!Number.isNaN(value)) { from[w] = w; ring.push(w); } });
  while (ring.length) {
    const next = [];
    for (const w of ring) {
      const row = Math.floor(w / columns), column = w % columns;
      for (const [r, c] of [[row - 1, column], [row + 1, column], [row, column - 1], [row, column + 1]]) {
        const other = r * columns + c;
        if (r < 0 || c < 0 || r >= rows || c >= columns || from[other] >= 0) continue;
        from[other] = from[w];
        filled[other] = values[from[w]];
        next.push(other);
      }
    }
    ring = next;
  }
  return filled;
}

// The mean over the windows that cover a pixel: corners are marked, two running sums fill the windows.
/** @param {Numbers} values @param {Facts} facts @param {Size} a */
function glSpread(values, facts, a) {
  const W = a.width + 1, H = a.height + 1;
  const total = new Float64Array(W * H), count = new Float64Array(W * H);
  values.forEach((value, w) => {
    const top = Math.floor(w / facts.columns) * facts.stride, left = (w % facts.columns) * facts.stride;
    const bottom = Math.min(top + facts.window, a.height), right = Math.min(left + facts.window, a.width);
    for (const [at, sign] of [
      [top * W + left, 1], [top * W + right, -1], [bottom * W + left, -1], [bottom * W + right, 1],
    ]) {
      total[at] += sign * value;
      count[at] += sign;
    }
  });
  for (const field of [total, count]) {
    for (let y = 0; y < H; y++) for (let x = 1; x < W; x++) field[y * W + x] += field[y * W + x - 1];
    for (let y = 1; y < H; y++) for (let x = 0; x < W; x++) field[y * W + x] += field[(y - 1) * W + x];
  }
  const map = new Float64Array(a.width * a.height);
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) map[y * a.width + x] = total[y * W + x] / count[y * W + x];
  }
  return map;
}
