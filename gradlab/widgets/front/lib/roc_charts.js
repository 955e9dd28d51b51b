// Charts of two sets of scores: their histograms with the threshold, and the ROC curve.

import {
  glAcross, glAxisName, glAxisX, glAxisY, glDown, glLine, glScale, glText, glTicks, glUpright, svg,
} from "./chart.js";
import { glClamp, glFixed, glNumber } from "./numbers.js";

export const GL_HIST = { height: 330, left: 52, right: 12, bins: 40, middle: 152, tall: 132, foot: 284 };

/** @param {number} width @param {Point} range */
export function glHistX(width, range) {
  return glScale(range, [GL_HIST.left, width - GL_HIST.right]);
}

/** @param {Numbers} values @param {Point} given */
function glHistogram(values, [low, high]) {
  const counts = new Float64Array(GL_HIST.bins);
  for (const v of values) {
    counts[glClamp(Math.floor((GL_HIST.bins * (v - low)) / (high - low)), 0, GL_HIST.bins - 1)] += 1 / values.length;
  }
  return counts;
}

// Round values, or probabilities where odds are drawn.
/** @param {number} width @param {Point} range @param {boolean} odds @returns {[number, string][]} */
function glHistTicks(width, range, odds) {
  if (!odds) return glTicks(range[0], range[1], Math.max(2, Math.floor(width / 110))).map((v) => [v, glNumber(v)]);
  const all = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.999999, 0.99999999].map((p) => ({ p, v: Math.log10(p / (1 - p)) }));
  return all.filter(({ v }) => v >= range[0] && v <= range[1]).map(({ p, v }) => [v, String(p)]);
}

// In-distribution upwards, the others downwards; what lies on the wrong side of the threshold has a shaded ground.
/** @param {number} width @param {any} given */
export function glTwoHistograms(width, { inside, outside, range, t, group, name, odds }) {
  const { left, right, bins, middle, tall, foot, height } = GL_HIST, x = glHistX(width, range);
  const sets = [glHistogram(inside, range), glHistogram(outside, range)], most = Math.max(...sets[0], ...sets[1]);
  const step = (x(range[1]) - x(range[0])) / bins, at = x(glClamp(t, range[0], range[1])), end = width - right;
  const bars = sets.map((counts, k) => Array.from(counts, (share, i) => {
    const size = (tall * share) / most, place = { x: left + i * step + 0.5, y: k ? middle : middle - size };
    return share ? svg(k ? "rect.gl-out" : "rect.gl-in",
      { "data-share": share.toFixed(6), ...place, width: Math.max(1, step - 1), height: size }) : null;
  }));
  return [
    svg("rect.gl-mistaken", { x: left, width: Math.max(0, at - left), y: middle - tall - 12, height: tall + 12 }),
    svg("rect.gl-mistaken", { x: at, width: Math.max(0, end - at), y: middle, height: tall - 12 }),
    bars, glAcross("gl-base", left, end, middle), glAcross("gl-base", left, end, foot),
    glHistTicks(width, range, odds).map(([v, text]) => glText(x(v), foot + 16, text, "gl-tick", "middle")),
    glAxisName((left + end) / 2, height - 8, odds ? `${name}, drawn by its log odds` : name),
    glUpright(14, middle - tall / 2, "in-distribution", "gl-in-text"),
    glUpright(14, middle + tall / 2, group, "gl-out-text"),
    [0.5, 1].flatMap((part) => [1, -1].map((way) =>
      glText(left - 6, middle - way * part * tall + 4, glFixed(part * most, 2), "gl-tick", "end"))),
    at - left > 70 ? glText(at - 8, 14, "✗ refused", "gl-soft", "end") : null,
    end - at > 90 ? glText(at + 8, foot - 8, "✗ let through", "gl-soft") : null,
    glDown("gl-threshold", at, 4, foot), svg("path.gl-handle", { d: `M${at} ${middle - 9}l9 9l-9 9l-9 -9z` }),
  ];
}

export const GL_ROC = { height: 330, left: 48, foot: 284 };

/** @param {number} width @param {Roc} roc @param {Rates} now */
export function glRocChart(width, roc, now) {
  const { height, left, foot } = GL_ROC, x = glScale([0, 1], [left, width - 12]), y = glScale([0, 1], [foot, 12]);
  const tick = [0, 0.25, 0.5, 0.75, 1], place = ({ fpr, tpr }) => ({ cx: x(fpr), cy: y(tpr) });
  return [
    glAxisY(y, left, width - 12, tick), glAxisX(x, foot, tick),
    glLine([[x(0), y(0)], [x(1), y(1)]], { class: "gl-diagonal" }),
    glLine([[x(0), y(0.95)], [x(1), y(0.95)]], { class: "gl-level95" }),
    glLine(roc.points.map(({ fpr, tpr }) => [x(fpr), y(tpr)]), { class: "gl-roc" }),
    svg("circle.gl-at95", { ...place(roc.at95), r: 8 }),
    svg("circle.gl-now", { "data-tpr": now.tpr.toFixed(6), "data-fpr": now.fpr.toFixed(6), ...place(now), r: 5 }),
    glText(x(1) - 4, y(0.04), `AUROC ${glFixed(roc.area, 3)}`, "gl-strong", "end"),
    glAxisName((left + width) / 2, height - 8, "FPR: others let through"),
    glUpright(11, (foot + 12) / 2, "TPR: in-distribution let through"),
  ];
}
