// Confidence against accuracy: all figures of one network at one temperature, and their charts.

import { glAxisX, glAxisY, glLine, glNumber, glScale, glSvg, glText, glTicks } from "./chart.js";
import { glClamp, glSoftmax } from "./numbers.js";
import { glUnpacked } from "./wire.js";

// What does not depend on the temperature: the class said, the runner-up, and logits below the largest.
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
export function glJudge(arm, truth, bins, T) {
  const n = truth.length, { classes, below, said } = arm;
  const confidence = new Float64Array(n), bin = new Int32Array(n);
  const found = Array.from({ length: bins },
    (_, k) => ({ low: k / bins, high: (k + 1) / bins, count: 0, confidence: 0, right: 0 }));
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
  const sum = (of) => full.reduce((total, each) => total + of(each), 0);
  return {
    T, bins: found, confidence, bin, nll: nll / n,
    ece: sum((each) => (each.count / n) * Math.abs(each.gap)), mce: Math.max(...full.map((each) => Math.abs(each.gap))),
    accuracy: sum((each) => each.right) / n, sure: sum((each) => each.count * each.confidence) / n,
  };
}

// p of one picture at a temperature.
export function glChances(arm, i, T) {
  return glSoftmax(arm.below.subarray(i * arm.classes, (i + 1) * arm.classes).map((each) => each / T));
}

export const GL_DIAGRAM = { height: 380, left: 44, foot: 262, counts: 340 };

export function glDiagramX(width) {
  return glScale([0, 1], [GL_DIAGRAM.left, width - 10]);
}

// Bars as high as the accuracy, the gap to the confidence on them, the diagonal, and the counts below.
export function glDiagram(width, judged, chosen) {
  const { left, foot, counts, height } = GL_DIAGRAM, x = glDiagramX(width), y = glScale([0, 1], [foot, 10]);
  const most = Math.max(...judged.bins.map((each) => each.count)), tall = glScale([0, most], [0, 46]);
  const bars = judged.bins.flatMap((each, k) => {
    if (!each.count) return [];
    const place = { x: x(each.low) + 1, width: x(each.high) - x(each.low) - 2 };
    const [upper, lower] = [Math.max(each.accuracy, each.confidence), Math.min(each.accuracy, each.confidence)];
    return [
      glSvg("rect", {
        class: "gl-right", "data-bin": k, "data-accuracy": each.accuracy.toFixed(6), ...place, y: y(lower),
        height: foot - y(lower),
      }),
      glSvg("rect", {
        class: "gl-gap", "data-over": String(each.gap > 0), "data-gap": each.gap.toFixed(6), ...place, y: y(upper),
        height: y(lower) - y(upper),
      }),
      glSvg("line", {
        class: "gl-sure", x1: place.x, x2: place.x + place.width, y1: y(each.confidence), y2: y(each.confidence),
      }),
      glSvg("rect", {
        class: "gl-count", "data-count": each.count, ...place, y: counts - tall(each.count), height: tall(each.count),
      }),
      width / judged.bins.length > 30
        ? glText(place.x + place.width / 2, counts - tall(each.count) - 4, String(each.count),
          { class: "gl-tick", "text-anchor": "middle" })
        : null,
    ];
  });
  const bin = judged.bins[chosen];
  return [
    glSvg("rect", { class: "gl-chosen", x: x(bin.low), width: x(bin.high) - x(bin.low), y: 4, height: counts - 2 }),
    glAxisY(y, left, width - 10, [0, 0.25, 0.5, 0.75, 1]),
    bars,
    glLine([[x(0), y(0)], [x(1), y(1)]], { class: "gl-diagonal" }),
    glSvg("line", { class: "gl-base", x1: left, x2: width - 10, y1: foot, y2: foot }),
    glSvg("line", { class: "gl-base", x1: left, x2: width - 10, y1: counts, y2: counts }),
    glAxisX(x, counts, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    glText(left, foot + 20, "pictures in each bin", { class: "gl-soft" }),
    glText((left + width) / 2, height - 4, "confidence", { class: "gl-soft", "text-anchor": "middle" }),
    glSvg("text", {
      class: "gl-soft", "text-anchor": "middle", transform: `translate(11 ${(foot + 10) / 2}) rotate(-90)`,
    }, "accuracy"),
  ];
}

export const GL_HEAT = 1;  // log10 of the hottest temperature on the slider
export const GL_HEATS = Array.from({ length: 41 }, (_, k) => (k / 20 - 1) * GL_HEAT);

// One figure over the temperature, on a logarithmic axis (far above its least value it leaves the chart), with the
// slider's place and the fitted temperature.
export function glHeatChart(width, height, values, now, fitted, name) {
  const left = 44, foot = height - 22, x = glScale([-GL_HEAT, GL_HEAT], [left + 4, width - 10]);
  const least = Math.min(...values), most = Math.min(Math.max(...values), 3 * least + 0.15);
  const y = glScale([0, most], [foot, 16]);
  const inside = Math.abs(Math.log10(fitted)) <= GL_HEAT;
  return [
    glAxisY(y, left, width, glTicks(0, most, 2)),
    [0.1, 0.2, 0.5, 1, 2, 5, 10].map((T) =>
      glText(x(Math.log10(T)), foot + 16, glNumber(T), { class: "gl-tick", "text-anchor": "middle" })),
    glText(left + 4, 12, name, { class: "gl-soft" }),
    inside
      ? glSvg("line", { class: "gl-best", x1: x(Math.log10(fitted)), x2: x(Math.log10(fitted)), y1: 8, y2: foot })
      : null,
    glLine(values.map((value, k) => [x(GL_HEATS[k]), value]).filter(([, value]) => value <= most)
      .map(([at, value]) => [at, y(value)]), { class: "gl-line-heat" }),
    glSvg("circle", {
      class: "gl-here", cx: x(glClamp(Math.log10(now.T), -GL_HEAT, GL_HEAT)), cy: y(Math.min(now.value, most)), r: 4.5,
    }),
  ];
}

// Accuracy against ECE: each network at T = 1 and, hollow, at its fitted temperature. Best is top left.
export function glScatter(width, height, points, chosen) {
  const left = 52, foot = height - 40;
  const most = 1.1 * Math.max(0.01, ...points.flatMap((each) => [each.one, each.fitted, each.now]));
  const [low, high] = [
    Math.min(...points.map((each) => each.accuracy)), Math.max(...points.map((each) => each.accuracy)),
  ];
  const room = Math.max(0.01, 0.3 * (high - low)), x = glScale([0, most], [left + 6, width - 14]);
  const y = glScale([Math.max(0, low - room), Math.min(1, high + room)], [foot, 16]);
  const names = points.reduce((placed, each) => {  // a name above its point, higher where another one is near
    const at = { x: x(each.one), y: y(each.accuracy) - 10 };
    while (placed.some((other) => Math.abs(other.x - at.x) < 90 && Math.abs(other.y - at.y) < 14)) at.y -= 14;
    return [...placed, at];
  }, []);
  return [
    glAxisY(y, left, width - 10, glTicks(Math.max(0, low - room), Math.min(1, high + room), 4)),
    glAxisX(x, foot, glTicks(0, most, 4)),
    glText((left + width) / 2, height - 6, "ECE: to the left is better", { class: "gl-soft", "text-anchor": "middle" }),
    glSvg("text", {
      class: "gl-soft", "text-anchor": "middle", transform: `translate(11 ${(foot + 16) / 2}) rotate(-90)`,
    }, "accuracy: up is better"),
    points.map((each, k) => [
      glLine([[x(each.one), y(each.accuracy)], [x(each.fitted), y(each.accuracy)]], { class: "gl-move" }),
      glSvg("circle", {
        class: "gl-point", "data-arm": each.name, "data-chosen": String(k === chosen), "data-ece": each.one.toFixed(6),
        "data-right": each.accuracy.toFixed(6), cx: x(each.one), cy: y(each.accuracy), r: 6,
      }),
      glSvg("circle", {
        class: "gl-point gl-hollow", "data-chosen": String(k === chosen), cx: x(each.fitted), cy: y(each.accuracy),
        r: 5,
      }),
      k === chosen
        ? glSvg("path", { class: "gl-cross-now", d: `M${x(each.now) - 5} ${y(each.accuracy) - 5}l10 10m0 -10l-10 10` })
        : null,
    ]),
    points.map((each, k) => [
      glText(glClamp(x(each.one), left + 6, width - 14), names[k].y,
        each.name, {
          class: k === chosen ? "gl-name gl-strong" : "gl-name",
          "text-anchor": x(each.one) > 0.6 * width ? "end" : "start",
        }),
    ]),
  ];
}
