// Confidence against accuracy: all figures of one network at one temperature.

import { glClamp, glSoftmax, glSum } from "./numbers.js";
import { glUnpacked } from "./wire.js";

// What does not depend on the temperature: the class said, the runner-up, and logits below the largest.
/** @param {any} sent @returns {Arm} */
export function glDecodeArm(sent) {
  const { values: z, shape: [n, classes] } = glUnpacked(sent.logits);
  const said = new Int32Array(n), second = new Int32Array(n), below = new Float64Array(z.length);
  for (let i = 0; i < n; i++) {
    const row = z.subarray(i * classes, (i + 1) * classes);
    let p = 0, q = -1;
    for (let c = 1; c < classes; c++) {
      if (row[c] > row[p]) { q = p; p = c; } else if (q < 0 || row[c] > row[q]) q = c;
    }
    said[i] = p;
    second[i] = q;
    for (let c = 0; c < classes; c++) below[i * classes + c] = row[c] - row[p];
  }
  return { ...sent, said, second, below, maps: sent.maps && glUnpacked(sent.maps), classes };
}

// Of softmax(z / T): the bins with their counts, mean confidence and accuracy; ECE, MCE, NLL in nats.
/**
 * @param {Pick<Arm, "classes" | "below" | "said">} arm @param {Numbers} truth @param {number} bins @param {number} T
 * @returns {Judged}
 */
export function glJudge(arm, truth, bins, T) {
  const n = truth.length, { classes, below, said } = arm;
  const confidence = new Float64Array(n), bin = new Int32Array(n);
  const found = Array.from({ length: bins },
    (_, k) => ({ low: k / bins, high: (k + 1) / bins, count: 0, confidence: 0, right: 0, accuracy: 0, gap: 0 }));
  let nll = 0;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(below[i * classes + c] / T);
    confidence[i] = 1 / sum;
    nll += Math.log(sum) - below[i * classes + truth[i]] / T;
    bin[i] = glClamp(found.findIndex((each) => confidence[i] <= each.high), 0, bins - 1);  // (low, high]
    const mine = found[bin[i]];
    mine.count += 1;
    mine.confidence += confidence[i];
    mine.right += said[i] === truth[i] ? 1 : 0;
  }
  for (const each of found) {
    each.accuracy = each.right / each.count;
    each.confidence /= each.count;
    each.gap = each.confidence - each.accuracy;
  }
  const full = found.filter((each) => each.count);
  const sum = (of) => glSum(full, of);
  return {
    T, bins: found, confidence, bin, nll: nll / n,
    ece: sum((each) => (each.count / n) * Math.abs(each.gap)), mce: Math.max(...full.map((each) => Math.abs(each.gap))),
    accuracy: sum((each) => each.right) / n, sure: sum((each) => each.count * each.confidence) / n,
  };
}

// p of one picture at a temperature.
/** @param {Pick<Arm, "classes" | "below">} arm @param {number} i @param {number} T */
export function glChances(arm, i, T) {
  return glSoftmax(arm.below.subarray(i * arm.classes, (i + 1) * arm.classes).map((each) => each / T));
}
