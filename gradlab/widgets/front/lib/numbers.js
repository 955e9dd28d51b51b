// Numbers: sums, probabilities, the algebra of the maps, scaling, and how they are written.

/** @param {Numbers} z */
export function glSoftmax(z) {
  const top = z.reduce((a, b) => Math.max(a, b), -Infinity);
  const p = Float64Array.from(z, (value) => Math.exp(value - top));
  const sum = p.reduce((a, b) => a + b, 0);
  return p.map((value) => value / sum);
}

/** @param {Pick<Maps, "L" | "cells">} a @param {number} c @param {number} sign */
export function glClassMap(a, c, sign) {
  const map = new Float64Array(a.cells);
  for (let i = 0; i < a.cells; i++) map[i] = sign * a.L[c * a.cells + i];
  return map;
}

// sum_c p_c L^c - L^Q, summed as p_c (L^c - L^Q): for Q = P of a sure network the two terms nearly cancel, and this
// order keeps the relative error at that of float16.
/** @param {Algebra} a @param {number} q */
export function glContrast(a, q) {
  const map = new Float64Array(a.cells);
  for (let c = 0; c < a.classes; c++) {
    if (c === q) continue;
    for (let i = 0; i < a.cells; i++) map[i] += a.p[c] * (a.L[c * a.cells + i] - a.L[q * a.cells + i]);
  }
  return map;
}

// p after taking cells away: z'_c = z_c - sum of L^c over the cells. Exact for a linear head after average pooling.
/** @param {Algebra} a @param {Iterable<number>} cells */
export function glWithout(a, cells) {
  const z = Float64Array.from(a.z);
  for (let c = 0; c < a.classes; c++) for (const i of cells) z[c] -= a.L[c * a.cells + i];
  return glSoftmax(z);
}

// The classes with the largest share of one cell.
/** @param {Algebra} a @param {number} cell @param {number} count */
export function glVotes(a, cell, count) {
  const all = Array.from({ length: a.classes }, (_, c) => ({ c, value: a.L[c * a.cells + cell] }));
  return all.sort((x, y) => y.value - x.value).slice(0, count);
}

/** @param {Numbers} map */
export function glShare(map) {
  const sum = map.reduce((total, value) => total + Math.abs(value), 0);
  return sum > 0 ? map.map((value) => value / sum) : map;
}

// What the colours span: the largest value shown. Sequential colours show the positive part only.
/** @param {Numbers} map @param {boolean} signed */
export function glTop(map, signed) {
  return map.reduce((top, value) => Math.max(top, signed ? Math.abs(value) : value), 0);
}

/** @param {Numbers} map */
export function glHottest(map) {
  let best = 0;
  for (let i = 1; i < map.length; i++) if (map[i] > map[best]) best = i;
  return best;
}

// Bilinear weights along one axis with cell centres aligned (align_corners=False), clamped at the edges.
/** @param {number} cells @param {number} pixels */
function glAxis(cells, pixels) {
  const low = new Int32Array(pixels), high = new Int32Array(pixels), part = new Float64Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const at = Math.min(cells - 1, Math.max(0, ((i + 0.5) * cells) / pixels - 0.5));
    low[i] = Math.floor(at);
    high[i] = Math.min(cells - 1, low[i] + 1);
    part[i] = at - low[i];
  }
  return { low, high, part };
}

/** @param {Numbers} map @param {number} h @param {number} w @param {number} height @param {number} width */
export function glUpsample(map, h, w, height, width) {
  const rows = glAxis(h, height), columns = glAxis(w, width);
  const out = new Float64Array(height * width);
  for (let y = 0; y < height; y++) {
    const above = rows.low[y] * w, below = rows.high[y] * w, down = rows.part[y];
    for (let x = 0; x < width; x++) {
      const left = columns.low[x], right = columns.high[x], along = columns.part[x];
      const top = map[above + left] * (1 - along) + map[above + right] * along;
      const bottom = map[below + left] * (1 - along) + map[below + right] * along;
      out[y * width + x] = top * (1 - down) + bottom * down;
    }
  }
  return out;
}

/** @param {number} value @param {number} low @param {number} high */
export function glClamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

/** @template T @param {{ reduce: any }} values @param {(value: any, k: number) => number} of @returns {number} */
export function glSum(values, of = (each) => each) {
  return values.reduce((sum, each, k) => sum + of(each, k), 0);
}

/** @param {{ reduce: any, length: number }} values @returns {number} */
export function glMean(values) {
  return glSum(values) / values.length;
}

// The first of the largest.
/** @param {Numbers} values @returns {number} */
export function glArgmax(values) {
  return values.reduce((best, each, k) => (each > values[best] ? k : best), 0);
}

// Places by value, the largest first; of equal ones the first.
/** @param {Numbers} values */
export function glRanked(values) {
  return Array.from(values.keys()).sort((a, b) => values[b] - values[a] || a - b);
}

// What key stands for, made when it is first asked for.
/** @template K, V @param {(key: K) => V} make @returns {(key: K) => V} */
export function glKept(make) {
  const made = new Map();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key);
  };
}

// A number as short as it can be, with a real minus sign.
/** @param {number} value */
export function glNumber(value) {
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

/** @param {number} value @param {number} digits */
export function glFixed(value, digits) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/** @param {number} p */
export function glProbability(p) {
  if (p >= 0.01 && p <= 0.99) return p.toFixed(2);
  if (p >= 0.0001 && p <= 0.9999) return p.toFixed(4);
  return p > 0.5 ? "> 0.9999" : "< 0.0001";
}

/** @param {number} value @param {boolean} share */
export function glValue(value, share) {
  const sign = value > 0 ? "+" : value < 0 ? "−" : "";
  const size = Math.abs(value);
  if (share) return `${sign}${(100 * size).toFixed(1)} %`;
  if (size === 0) return "0";
  if (size >= 1000 || size < 0.001) return sign + size.toExponential(1);
  return sign + (size >= 0.1 ? size.toFixed(2) : size.toPrecision(2));
}
