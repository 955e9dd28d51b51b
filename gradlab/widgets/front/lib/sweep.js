// What a sweep has found: z(whole) - z(hidden) for each window and class; maps, and answers for a window, from it.

import { glClamp } from "./numbers.js";

// Facts of the kernel: { serial, run, window, stride, baseline, rows, columns, done, total }.
export function glSweep(a, facts) {
  const windows = facts.rows * facts.columns, T = a.classes;
  const drops = new Float32Array(windows * T), lse = new Float64Array(windows).fill(NaN);
  let guess = null;

  const start = (w) =>
    ({ top: Math.floor(w / facts.columns) * facts.stride, left: (w % facts.columns) * facts.stride });
  // log of the sum of exp of the logits with window w hidden: NaN marks a window not asked yet
  const settle = (w) => {
    let top = -Infinity, sum = 0;
    for (let c = 0; c < T; c++) top = Math.max(top, a.z[c] - drops[w * T + c]);
    for (let c = 0; c < T; c++) sum += Math.exp(a.z[c] - drops[w * T + c] - top);
    lse[w] = top + Math.log(sum);
  };
  const probability = (w, c) => Math.exp(a.z[c] - drops[w * T + c] - lse[w]);

  return {
    facts,
    get exact() { return lse.some((value) => !Number.isNaN(value)); },
    // How far what is shown can be trusted, in words.
    get standing() {
      if (!this.exact) return "a guess from one gradient, being measured";
      if (facts.done < facts.total) return "measured where asked, elsewhere the nearest";
      return `measured at ${facts.total} places, mean over the overlaps`;
    },
    take(next, indices, values) {
      Object.assign(facts, { done: next.done, total: next.total });
      if (next.guess) {
        guess = Float32Array.from(values);
        return;
      }
      indices.forEach((w, i) => {
        for (let c = 0; c < T; c++) drops[w * T + c] = values[i * T + c];
        settle(w);
      });
    },
    takeAll(values) {
      for (let w = 0; w < windows; w++) {
        if (Number.isNaN(values[w * T])) continue;
        for (let c = 0; c < T; c++) drops[w * T + c] = values[w * T + c];
        settle(w);
      }
    },
    // The window that this box is, or -1: same size, on the grid. The last ones are cropped at the border.
    at(box, baseline) {
      const { window, stride, rows, columns } = facts;
      const row = box.top / stride, column = box.left / stride;
      const whole = Number.isInteger(row) && Number.isInteger(column) && row < rows && column < columns;
      const fits = box.height === Math.min(window, a.height - box.top)
        && box.width === Math.min(window, a.width - box.left);
      return whole && fits && baseline === facts.baseline ? row * columns + column : -1;
    },
    known: (w) => w >= 0 && !Number.isNaN(lse[w]),
    // p of every class with window w hidden
    after: (w) => Float64Array.from({ length: T }, (_, c) => probability(w, c)),
    drop: (w, c) => drops[w * T + c],
    // The window nearest to a place, as a box.
    snap(left, top) {
      const { window, stride, rows, columns } = facts;
      const x = glClamp(Math.round(left / stride), 0, columns - 1) * stride;
      const y = glClamp(Math.round(top / stride), 0, rows - 1) * stride;
      return { left: x, top: y, width: Math.min(window, a.width - x), height: Math.min(window, a.height - y) };
    },
    // What hiding costs class c, pixel by pixel, the mean over the windows that cover it.
    map(c, unit) {
      const first = !lse.some((value) => !Number.isNaN(value));
      if (first && !(guess && c === a.order[0])) return null;
      const value = (w) => (unit === "probability" ? a.p[c] - probability(w, c) : drops[w * T + c]);
      const each = Float64Array.from({ length: windows },
        (_, w) => (first ? guess[w] : Number.isNaN(lse[w]) ? NaN : value(w)));
      return glSpread(glNearest(each, facts.rows, facts.columns), facts, start, a);
    },
  };
}

// Each NaN becomes the value of the nearest known window: rings around the known ones, breadth first.
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
function glSpread(values, facts, start, a) {
  const W = a.width + 1, H = a.height + 1;
  const total = new Float64Array(W * H), count = new Float64Array(W * H);
  values.forEach((value, w) => {
    const { top, left } = start(w);
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
