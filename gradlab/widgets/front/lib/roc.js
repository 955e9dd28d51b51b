// Scores of two sets of pictures: how well they tell them apart, at every threshold and at one.

import { glClamp, glMean } from "./numbers.js";

// log10 of the odds of a probability, not beyond 1e9 to 1; and back.
const GL_SURE = 1e-9;
/** @param {boolean} odds @returns {Places} */
export function glPlaces(odds) {
  if (!odds) return { of: (s) => s, back: (v) => v };
  return {
    of: (s) => { const p = glClamp(s, GL_SURE, 1 - GL_SURE); return Math.log10(p / (1 - p)); },
    back: (v) => 1 / (1 + 10 ** -v),
  };
}

// The curve over all thresholds, highest first, and its figures; in-distribution is positive, ties pass together.
/** @param {Numbers} inside @param {Numbers} outside @returns {Roc} */
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
  const at95 = points.find((each) => each.tpr >= 0.95) || points[points.length - 1];
  const best = points.reduce((least, each) => (glDetectionError(each) < glDetectionError(least) ? each : least));
  return { points, area, at95, best };
}

/** @param {Rates} given */
export function glDetectionError({ tpr, fpr }) {
  return (1 - tpr) / 2 + fpr / 2;
}

// What the threshold t lets through.
/** @param {Numbers} inside @param {Numbers} outside @param {number} t */
export function glPassing(inside, outside, t) {
  const share = (scores) => glMean(Array.from(scores, (s) => (s >= t ? 1 : 0)));
  return { t, tpr: share(inside), fpr: share(outside) };
}
