// Charts of the game: the pool in its plane, and accuracy over the labels bought.

import {
  glApart, glAxisName, glAxisX, glAxisY, glLine, glPath, glScale, glText, glTicks, glUpright, svg,
} from "./chart.js";

export const GL_POOL_HEIGHT = 430;

// Letters are shapes that differ: short labels stand for themselves, others are lettered in order.
/** @param {string[]} labels */
export function glPoolMarks(labels) {
  const short = labels.every((each) => each.length <= 2);
  return labels.map((each, c) => (short ? each : String.fromCharCode(65 + c)));
}

// One axis of the plane in pixels.
/** @param {Float64Array} plane @param {number} axis @param {number[]} to */
function glPoolScale(plane, axis, to) {
  const all = plane.filter((_, i) => i % 2 === axis), low = Math.min(...all), high = Math.max(...all);
  return glScale(high > low ? [low, high] : [low - 1, high + 1], to);
}

// bought: solid; not yet: pale, with a halo as large as the strategy's score; asked next: ringed and numbered in the
// table below.
/** @param {number} width @param {any} given */
export function glPoolChart(width, { plane, truth, marks, bought, asked, scores, chosen }) {
  const x = glPoolScale(plane, 0, [16, width - 16]), y = glPoolScale(plane, 1, [GL_POOL_HEIGHT - 16, 16]);
  const held = new Set(bought), free = Array.from(truth.keys()).filter((i) => !held.has(i));
  const top = scores ? Math.max(1e-12, ...free.map((i) => scores[i])) : 1;
  const at = (i) => (i < 0 ? [-99, -99] : [x(plane[2 * i]), y(plane[2 * i + 1])]);
  const ring = (i, r, kind, data = {}) => svg(`circle.${kind}`, { ...data, cx: at(i)[0], cy: at(i)[1], r });
  const mark = (i) => {
    const own = held.has(i), style = `--hue: ${Math.round((360 * truth[i]) / marks.length)}`;
    return glText(at(i)[0], at(i)[1] + 4.5, marks[truth[i]], `gl-mark-of${own ? " gl-own" : ""}`, "middle",
      { "data-own": own ? i : null, style });
  };
  const halo = (i) => {
    const r = 11 * Math.sqrt(scores[i] / top);
    return r < 2 ? null : ring(i, r, "gl-halo");
  };
  return [
    scores ? free.map(halo) : null, free.map(mark), bought.map(mark),
    asked.map((i, k) => [
      ring(i, 11, "gl-ring", { "data-asked": i }),
      k < 3 ? glText(at(i)[0] + 13, at(i)[1] - 8, String(k + 1), "gl-nth") : null,
    ]),
    chosen >= 0 && !asked.includes(chosen) ? null : ring(chosen, 15, "gl-chosen-ring"),
  ];
}

export const GL_GAIN_HEIGHT = 320;

// One strategy's accuracy: a line with dots.
/** @param {{ key: string, active: boolean }} given @param {Point[]} points */
function glGain({ key, active }, points) {
  const data = { "data-strategy": key, "data-active": String(active) };
  return [
    glLine(points, { class: "gl-gain", ...data }),
    points.map(([cx, cy]) => svg("circle.gl-gain-dot", { ...data, cx, cy, r: active ? 3.5 : 2 })),
  ];
}

// curves: { key, name, values, active }; band: the least and the largest of the random orders at each budget.
/** @param {number} width @param {any} given */
export function glGainChart(width, { curves, band, budgets }) {
  const left = 58, foot = GL_GAIN_HEIGHT - 40, end = width - 112, [first, last] = [budgets[0], budgets.at(-1)];
  const all = [...curves.flatMap((each) => each.values), ...band.flat()];
  const low = Math.min(...all), high = Math.max(...all), room = Math.max(0.02, 0.08 * (high - low));
  const range = [Math.max(0, low - room), Math.min(1, high + room)];
  const x = glScale([first, last], [left + 8, end]), y = glScale(range, [foot, 12]);
  const heights = glApart(curves.map((each) => y(each.values.at(-1))), 15);
  const down = Math.max(0, Math.max(...heights) - foot);
  const points = (values) => values.map((value, k) => [x(budgets[k]), y(value)]);
  const outline = [...points(band.map(([least]) => least)), ...points(band.map(([, most]) => most)).reverse()];
  return [
    glAxisY(y, left, end, glTicks(range[0], range[1], 5)), glAxisX(x, foot, glTicks(first, last, 5)),
    svg("path.gl-band", { d: `${glPath(outline)}Z` }),
    [...curves].sort((a, b) => a.active - b.active).map((each) => glGain(each, points(each.values))),
    curves.map(({ key, name, values, active }, k) => {
      const [lx, ly] = points(values).at(-1), at = heights[k] - down;
      return [
        glLine([[lx + 4, ly], [lx + 11, at]], { class: "gl-lead" }),
        glText(lx + 14, at + 4, name, `gl-gain-name${active ? " gl-strong" : ""}`, null, { "data-strategy": key }),
      ];
    }),
    glAxisName((left + end) / 2, GL_GAIN_HEIGHT - 6, "labels bought"),
    glUpright(11, (foot + 12) / 2, "accuracy on the test pictures"),
  ];
}
