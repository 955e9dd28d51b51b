// Probabilities under the hand: bars that are dragged, always adding up to 1; and Shannon's measures of them.

import { el } from "./dom.js";
import { glDrag, glSliderKeys, glWhere } from "./drag.js";
import { glClamp, glSum } from "./numbers.js";

export const GL_LOG = { bits: Math.log2, nats: Math.log };

// Expected surprise: −Σ p log p, with 0 log 0 = 0.
/** @param {Numbers} p @param {"bits" | "nats"} unit */
export function glEntropy(p, unit) {
  return p.reduce((sum, each) => (each > 0 ? sum - each * GL_LOG[unit](each) : sum), 0);
}

/** @param {number[]} p @param {number} rows @param {number} columns */
export function glMargins(p, rows, columns) {
  const x = Array(rows).fill(0), y = Array(columns).fill(0);
  p.forEach((each, k) => { x[Math.floor(k / columns)] += each; y[k % columns] += each; });
  return { x, y };
}

// All that a joint table says: margins, entropies, and H(X | Y = y) of each column.
/** @param {number[]} p @param {number} rows @param {number} columns @param {"bits" | "nats"} unit @returns {Shannon} */
export function glShannon(p, rows, columns, unit) {
  const { x, y } = glMargins(p, rows, columns);
  const HX = glEntropy(x, unit), HY = glEntropy(y, unit), HXY = glEntropy(p, unit);
  const given = y.map((sum, j) => (sum > 0 ? glEntropy(x.map((_, i) => p[i * columns + j] / sum), unit) : NaN));
  // rounding may leave −1e-16 where nothing is
  const least = (value) => Math.max(0, value);
  return { x, y, HX, HY, HXY, I: least(HX + HY - HXY), XgivenY: least(HXY - HY), YgivenX: least(HXY - HX), given };
}

// p with p[i] = value; the others keep their proportions, or become equal where all of them are 0.
/** @param {number[]} p @param {number} i @param {number} value */
function glRescaled(p, i, value) {
  const others = glSum(p, (each, k) => (k === i ? 0 : each));
  return p.map((each, k) => {
    if (k === i) return value;
    return others > 0 ? (each * (1 - value)) / others : (1 - value) / (p.length - 1);
  });
}

// One bar. now(): { p, full }, the probability and what a full bar stands for; on: { start(), set(value), end() }.
/** @param {string} label @param {() => { p: number, full: number }} now @param {LevelActs} on */
export function glLevel(label, now, on) {
  const fill = el("span.gl-level-fill"), number = el("span.gl-level-number.gl-number");
  const node = el("div.gl-level", {
    role: "slider", tabindex: 0, "aria-label": label, "aria-orientation": "vertical", "aria-valuemin": 0,
    "aria-valuemax": 1,
  }, fill, number);
  const pull = (event) => on.set(glClamp(Math.round(100 * now().full * (1 - glWhere(node, event).y)) / 100, 0, 1));
  glDrag(node, { down: (event) => { on.start(); pull(event); }, move: pull, up: () => on.end() });
  glSliderKeys(node, () => ({ at: now().p, step: 0.01, low: 0, high: 1 }),
    (value) => { on.start(); on.set(value); on.end(); });
  return {
    node,
    // text: read out instead of the bare number
    draw(text) {
      const { p, full } = now();
      fill.hidden = p === 0;
      fill.style.height = `${100 * Math.min(1, p / full)}%`;
      number.textContent = p > 0 && p < 0.0005 ? "< .001" : p.toFixed(3);
      node.setAttribute("aria-valuenow", p.toFixed(4));
      node.setAttribute("aria-valuetext", text);
    },
  };
}

// Hands on probabilities: now() gives them, put(next, i) takes them with bar i changed. During one drag the others keep
// the proportions they had when it began.
/** @param {() => number[]} now @param {(next: number[], i: number) => void} put */
export function glHands(now, put) {
  let before = now();
  return (i, end) => ({
    start() { before = now(); },
    set(value) { put(glRescaled(before, i, value), i); },
    end,
  });
}
