// Scores of two sets of pictures: how well they tell them apart, at every threshold and at one.

import { glAxisX, glAxisY, glFixed, glLine, glNumber, glScale, glSvg, glText, glTicks } from "./chart.js";
import { glClamp } from "./numbers.js";

// log10 of the odds of a probability, not beyond 1e9 to 1; and back.
const GL_SURE = 1e-9;
export function glPlaces(odds) {
  if (!odds) return { of: (s) => s, back: (v) => v };
  return {
    of: (s) => { const p = glClamp(s, GL_SURE, 1 - GL_SURE); return Math.log10(p / (1 - p)); },
    back: (v) => 1 / (1 + 10 ** -v),
  };
}

// The curve over all thresholds, highest first, and its figures; in-distribution is positive, ties pass together.
export function glRoc(inside, outside) {
  const all = [...Array.from(inside, (s) => [s, 1]), ...Array.from(outside, (s) => [s, 0])].sort((a, b) => b[0] - a[0]);
  const points = [{ t: Infinity, tpr: 0, fpr: 0 }];
  let passed = 0, wrong = 0, area = 0;
  all.forEach(([s, kind], i) => {
    if (kind) passed += 1; else wrong += 1;
    if (i + 1 < all.length && all[i + 1][0] === s) return;
    const last = points[points.length - 1], next = { t: s, tpr: passed / inside.length, fpr: wrong / outside.length };
    area += ((next.fpr - last.fpr) * (next.tpr + last.tpr)) / 2;
    points.push(next);
  });
  const at95 = points.find((each) => each.tpr >= 0.95);
  const best = points.reduce((least, each) => (glDetectionError(each) < glDetectionError(least) ? each : least));
  return { points, area, at95, best };
}

export function glDetectionError({ tpr, fpr }) {
  return (1 - tpr) / 2 + fpr / 2;
}

// What the threshold t lets through.
export function glPassing(inside, outside, t) {
  const share = (scores) => scores.reduce((count, s) => count + (s >= t ? 1 : 0), 0) / scores.length;
  return { t, tpr: share(inside), fpr: share(outside) };
}

export const GL_HIST = { height: 330, left: 52, right: 12, bins: 40, middle: 152, tall: 132, foot: 284 };

export function glHistX(width, [low, high]) {
  return glScale([low, high], [GL_HIST.left, width - GL_HIST.right]);
}

function glHistogram(values, [low, high]) {
  const counts = new Float64Array(GL_HIST.bins);
  for (const v of values) {
    counts[glClamp(Math.floor((GL_HIST.bins * (v - low)) / (high - low)), 0, GL_HIST.bins - 1)] += 1 / values.length;
  }
  return counts;
}

// In-distribution upwards, the others downwards; what lies on the wrong side of the threshold has a shaded ground.
export function glTwoHistograms(width, { inside, outside, range, t, group, name, odds }) {
  const { left, right, bins, middle, tall, foot, height } = GL_HIST, x = glHistX(width, range);
  const sets = [glHistogram(inside, range), glHistogram(outside, range)], most = Math.max(...sets[0], ...sets[1]);
  const step = (x(range[1]) - x(range[0])) / bins, at = x(glClamp(t, ...range)), end = width - right;
  const bars = sets.flatMap((counts, k) => Array.from(counts, (share, i) => {
    if (!share) return null;
    const size = (tall * share) / most;
    return glSvg("rect", {
      class: k ? "gl-out" : "gl-in", "data-share": share.toFixed(6), x: left + i * step + 0.5,
      width: Math.max(1, step - 1), y: k ? middle : middle - size, height: size,
    });
  }));
  const marks = odds
    ? [0.5, 0.9, 0.99, 0.999, 0.9999, 0.999999, 0.99999999].map((p) => [Math.log10(p / (1 - p)), String(p)])
      .filter(([v]) => v >= range[0] && v <= range[1])
    : glTicks(...range, Math.max(2, Math.floor(width / 110))).map((v) => [v, glNumber(v)]);
  return [
    glSvg("rect", {
      class: "gl-mistaken", x: left, width: Math.max(0, at - left), y: middle - tall - 12, height: tall + 12,
    }),
    glSvg("rect", { class: "gl-mistaken", x: at, width: Math.max(0, end - at), y: middle, height: tall - 12 }),
    bars,
    glSvg("line", { class: "gl-base", x1: left, x2: end, y1: middle, y2: middle }),
    glSvg("line", { class: "gl-base", x1: left, x2: end, y1: foot, y2: foot }),
    marks.map(([v, text]) => glText(x(v), foot + 16, text, { class: "gl-tick", "text-anchor": "middle" })),
    glText((left + end) / 2, height - 8, odds ? `${name}, drawn by its log odds` : name,
      { class: "gl-soft", "text-anchor": "middle" }),
    glSvg("text", {
      class: "gl-in-text", "text-anchor": "middle", transform: `translate(14 ${middle - tall / 2}) rotate(-90)`,
    }, "in-distribution"),
    glSvg("text", {
      class: "gl-out-text", "text-anchor": "middle", transform: `translate(14 ${middle + tall / 2}) rotate(-90)`,
    }, group),
    [0.5, 1].flatMap((part) =>
      [1, -1].map((way) =>
        glText(left - 6, middle - way * part * tall + 4, glFixed(part * most, 2),
          { class: "gl-tick", "text-anchor": "end" }))),
    at - left > 70 ? glText(at - 8, 14, "✗ refused", { class: "gl-soft", "text-anchor": "end" }) : null,
    end - at > 90 ? glText(at + 8, foot - 8, "✗ let through", { class: "gl-soft" }) : null,
    glSvg("line", { class: "gl-threshold", x1: at, x2: at, y1: 4, y2: foot }),
    glSvg("path", { class: "gl-handle", d: `M${at} ${middle - 9}l9 9l-9 9l-9 -9z` }),
  ];
}

export const GL_ROC = { height: 330, left: 48, foot: 284 };

export function glRocChart(width, roc, now) {
  const { height, left, foot } = GL_ROC, x = glScale([0, 1], [left, width - 12]), y = glScale([0, 1], [foot, 12]);
  const tick = [0, 0.25, 0.5, 0.75, 1], place = ({ fpr, tpr }) => ({ cx: x(fpr), cy: y(tpr) });
  return [
    glAxisY(y, left, width - 12, tick),
    glAxisX(x, foot, tick),
    glLine([[x(0), y(0)], [x(1), y(1)]], { class: "gl-diagonal" }),
    glLine([[x(0), y(0.95)], [x(1), y(0.95)]], { class: "gl-level95" }),
    glLine(roc.points.map(({ fpr, tpr }) => [x(fpr), y(tpr)]), { class: "gl-roc" }),
    glSvg("circle", { class: "gl-at95", ...place(roc.at95), r: 8 }),
    glSvg("circle", {
      class: "gl-now", "data-tpr": now.tpr.toFixed(6), "data-fpr": now.fpr.toFixed(6), ...place(now), r: 5,
    }),
    glText(x(1) - 4, y(0.04), `AUROC ${glFixed(roc.area, 3)}`, { class: "gl-strong", "text-anchor": "end" }),
    glText((left + width) / 2, height - 8, "FPR: others let through", { class: "gl-soft", "text-anchor": "middle" }),
    glSvg("text", {
      class: "gl-soft", "text-anchor": "middle", transform: `translate(11 ${(foot + 12) / 2}) rotate(-90)`,
    }, "TPR: in-distribution let through"),
  ];
}
