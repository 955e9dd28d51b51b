// Charts of confidence against accuracy.

import {
  glAcross, glAxisName, glAxisX, glAxisY, glDown, glLine, glScale, glText, glTicks, glUpright, svg,
} from "./chart.js";
import { glClamp, glNumber } from "./numbers.js";

export const GL_DIAGRAM = { height: 380, left: 44, foot: 262, counts: 340 };

/** @param {number} width */
export function glDiagramX(width) {
  return glScale([0, 1], [GL_DIAGRAM.left, width - 10]);
}

// One bin: as high as the accuracy, the gap to the confidence on it, and its count below.
/**
 * @param {Bin} each @param {number} k @param {Scale} x @param {Scale} y @param {Scale} tall @param {boolean} numbered
 */
function glBin(each, k, x, y, tall, numbered) {
  if (!each.count) return [];
  const { foot, counts } = GL_DIAGRAM, place = { x: x(each.low) + 1, width: x(each.high) - x(each.low) - 2 };
  const upper = y(Math.max(each.accuracy, each.confidence)), lower = y(Math.min(each.accuracy, each.confidence));
  const top = counts - tall(each.count);
  return [
    svg("rect.gl-right",
      { "data-bin": k, "data-accuracy": each.accuracy.toFixed(6), ...place, y: lower, height: foot - lower }),
    svg("rect.gl-gap", {
      "data-over": String(each.gap > 0), "data-gap": each.gap.toFixed(6), ...place, y: upper, height: lower - upper,
    }),
    glAcross("gl-sure", place.x, place.x + place.width, y(each.confidence)),
    svg("rect.gl-count", { "data-count": each.count, ...place, y: top, height: tall(each.count) }),
    numbered ? glText(place.x + place.width / 2, top - 4, String(each.count), "gl-tick", "middle") : null,
  ];
}

// Bars as high as the accuracy, the gap to the confidence on them, the diagonal, and the counts below.
/** @param {number} width @param {Judged} judged @param {number} chosen */
export function glDiagram(width, judged, chosen) {
  const { left, foot, counts, height } = GL_DIAGRAM, x = glDiagramX(width), y = glScale([0, 1], [foot, 10]);
  const most = Math.max(...judged.bins.map((each) => each.count)), tall = glScale([0, most], [0, 46]);
  const bin = judged.bins[chosen], end = width - 10;
  return [
    svg("rect.gl-chosen", { x: x(bin.low), width: x(bin.high) - x(bin.low), y: 4, height: counts - 2 }),
    glAxisY(y, left, end, [0, 0.25, 0.5, 0.75, 1]),
    judged.bins.map((each, k) => glBin(each, k, x, y, tall, width / judged.bins.length > 30)),
    glLine([[x(0), y(0)], [x(1), y(1)]], { class: "gl-diagonal" }),
    glAcross("gl-base", left, end, foot), glAcross("gl-base", left, end, counts),
    glAxisX(x, counts, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    glText(left, foot + 20, "pictures in each bin", "gl-soft"),
    glAxisName((left + width) / 2, height - 4, "confidence"), glUpright(11, (foot + 10) / 2, "accuracy"),
  ];
}

export const GL_HEAT = 1;  // log10 of the hottest temperature on the slider
export const GL_HEATS = Array.from({ length: 41 }, (_, k) => (k / 20 - 1) * GL_HEAT);

// One figure over the temperature, on a logarithmic axis (far above its least value it leaves the chart), with the
// slider's place and the fitted temperature.
/**
 * @param {number} width @param {number} height @param {number[]} values @param {{ T: number, value: number }} now
 * @param {number} fitted @param {string} name
 */
export function glHeatChart(width, height, values, now, fitted, name) {
  const left = 44, foot = height - 22, x = glScale([-GL_HEAT, GL_HEAT], [left + 4, width - 10]);
  const least = Math.min(...values), most = Math.min(Math.max(...values), 3 * least + 0.15);
  const y = glScale([0, most], [foot, 16]), best = Math.log10(fitted);
  const line = values.map((value, k) => [x(GL_HEATS[k]), y(value)]).filter((_, k) => values[k] <= most);
  return [
    glAxisY(y, left, width, glTicks(0, most, 2)),
    [0.1, 0.2, 0.5, 1, 2, 5, 10].map((T) => glText(x(Math.log10(T)), foot + 16, glNumber(T), "gl-tick", "middle")),
    glText(left + 4, 12, name, "gl-soft"),
    Math.abs(best) <= GL_HEAT ? glDown("gl-best", x(best), 8, foot) : null,
    glLine(line, { class: "gl-line-heat" }),
    svg("circle.gl-here",
      { cx: x(glClamp(Math.log10(now.T), -GL_HEAT, GL_HEAT)), cy: y(Math.min(now.value, most)), r: 4.5 }),
  ];
}

// One network: at T = 1, at its fitted temperature, and now if it is the chosen one.
/** @param {any} each @param {boolean} chosen @param {Scale} x @param {Scale} y */
function glArmMarks(each, chosen, x, y) {
  const cy = y(each.accuracy), now = x(each.now), state = { "data-chosen": String(chosen) };
  return [
    glLine([[x(each.one), cy], [x(each.fitted), cy]], { class: "gl-move" }),
    svg("circle.gl-point", {
      "data-arm": each.name, ...state, "data-ece": each.one.toFixed(6), "data-right": each.accuracy.toFixed(6),
      cx: x(each.one), cy, r: 6,
    }),
    svg("circle.gl-point.gl-hollow", { ...state, cx: x(each.fitted), cy, r: 5 }),
    chosen ? svg("path.gl-cross-now", { d: `M${now - 5} ${cy - 5}l10 10m0 -10l-10 10` }) : null,
  ];
}

// Accuracy against ECE: each network at T = 1 and, hollow, at its fitted temperature. Best is top left.
/** @param {number} width @param {number} height @param {any[]} points @param {number} chosen */
export function glScatter(width, height, points, chosen) {
  const left = 62, foot = height - 40;
  const most = 1.1 * Math.max(0.01, ...points.flatMap((each) => [each.one, each.fitted, each.now]));
  const right = points.map((each) => each.accuracy), low = Math.min(...right), high = Math.max(...right);
  const room = Math.max(0.01, 0.3 * (high - low)), range = [Math.max(0, low - room), Math.min(1, high + room)];
  const x = glScale([0, most], [left + 6, width - 14]), y = glScale(range, [foot, 16]);
  const names = points.reduce((placed, each) => {  // a name above its point, higher where another one is near
    const at = { x: x(each.one), y: y(each.accuracy) - 10 };
    while (placed.some((other) => Math.abs(other.x - at.x) < 90 && Math.abs(other.y - at.y) < 14)) at.y -= 14;
    return [...placed, at];
  }, []);
  return [
    glAxisY(y, left, width - 10, glTicks(range[0], range[1], 4)), glAxisX(x, foot, glTicks(0, most, 4)),
    glAxisName((left + width) / 2, height - 6, "ECE: to the left is better"),
    glUpright(11, (foot + 16) / 2, "accuracy: up is better"),
    points.map((each, k) => glArmMarks(each, k === chosen, x, y)),
    points.map((each, k) => glText(glClamp(names[k].x, left + 6, width - 14), names[k].y, each.name,
      k === chosen ? "gl-name gl-strong" : "gl-name", names[k].x > 0.6 * width ? "end" : "start")),
  ];
}
