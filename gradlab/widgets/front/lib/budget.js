// Charts of the game: the pool in its plane, and accuracy over the labels bought.

import { glApart, glAxisX, glAxisY, glLine, glScale, glSvg, glText, glTicks } from "./chart.js";

export const GL_POOL_HEIGHT = 430;

// Letters are shapes that differ: short labels stand for themselves, others are lettered in order.
export function glPoolMarks(labels) {
  const short = labels.every((each) => each.length <= 2);
  return labels.map((each, c) => (short ? each : String.fromCharCode(65 + c)));
}

// bought: solid; not yet: pale, with a halo as large as the strategy's score; asked next: ringed and numbered in the
// table below.
export function glPoolChart(width, { plane, truth, marks, bought, asked, scores, chosen }) {
  const span = (axis) => {
    const all = plane.filter((_, i) => i % 2 === axis), low = Math.min(...all), high = Math.max(...all);
    return high > low ? [low, high] : [low - 1, high + 1];
  };
  const x = glScale(span(0), [16, width - 16]), y = glScale(span(1), [GL_POOL_HEIGHT - 16, 16]), held = new Set(bought);
  const next = new Set(asked);
  const free = truth.length > bought.length ? Array.from(truth.keys()).filter((i) => !held.has(i)) : [];
  const top = scores ? Math.max(1e-12, ...free.map((i) => scores[i])) : 1;
  const at = (i) => [x(plane[2 * i]), y(plane[2 * i + 1])];
  const mark = (i) => {
    const [cx, cy] = at(i), own = held.has(i);
    return glText(cx, cy + 4.5,
      marks[truth[i]], {
        class: `gl-mark-of${own ? " gl-own" : ""}`, "text-anchor": "middle", "data-own": own ? i : null,
        style: `--hue: ${Math.round((360 * truth[i]) / marks.length)}`,
      });
  };
  return [
    scores
      ? free.map((i) => {
        const [cx, cy] = at(i), r = 11 * Math.sqrt(scores[i] / top);
        return r < 2 ? null : glSvg("circle", { class: "gl-halo", cx, cy, r });
      })
      : null,
    free.map(mark), bought.map(mark),
    asked.map((i, k) => {
      const [cx, cy] = at(i);
      return [
        glSvg("circle", { class: "gl-ring", "data-asked": i, cx, cy, r: 11 }),
        k < 3 ? glText(cx + 13, cy - 8, String(k + 1), { class: "gl-nth" }) : null,
      ];
    }),
    chosen >= 0 && !next.has(chosen)
      ? null
      : glSvg("circle", {
        class: "gl-chosen-ring", cx: chosen < 0 ? -99 : at(chosen)[0], cy: chosen < 0 ? -99 : at(chosen)[1], r: 15,
      }),
  ];
}

export const GL_GAIN_HEIGHT = 320;

// curves: { key, name, values, active }; band: the least and the largest of the random orders at each budget.
export function glGainChart(width, { curves, band, budgets }) {
  const left = 58, foot = GL_GAIN_HEIGHT - 40, right = 112, end = width - right;
  const all = [...curves.flatMap((each) => each.values), ...band.flat()];
  const low = Math.min(...all), high = Math.max(...all), room = Math.max(0.02, 0.08 * (high - low));
  const range = [Math.max(0, low - room), Math.min(1, high + room)];
  const x = glScale([budgets[0], budgets[budgets.length - 1]], [left + 8, end]), y = glScale(range, [foot, 12]);
  const lasts = curves.map((each) => y(each.values[each.values.length - 1])), heights = glApart(lasts, 15);
  const down = Math.max(0, Math.max(...heights) - foot);
  const points = (values) => values.map((value, k) => [x(budgets[k]), y(value)]);
  const outline = [...points(band.map(([least]) => least)), ...points(band.map(([, most]) => most)).reverse()];
  return [
    glAxisY(y, left, end, glTicks(...range, 5)),
    glAxisX(x, foot, glTicks(budgets[0], budgets[budgets.length - 1], 5)),
    glSvg("path", {
      class: "gl-band", d: `${outline.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("")}Z`,
    }),
    [...curves].sort((a, b) => a.active - b.active).map(({ key, values, active }) => [
      glLine(points(values), { class: "gl-gain", "data-strategy": key, "data-active": String(active) }),
      points(values).map(([cx, cy]) =>
        glSvg("circle", {
          class: "gl-gain-dot", "data-strategy": key, "data-active": String(active), cx, cy, r: active ? 3.5 : 2,
        })),
    ]),
    curves.map(({ key, name, values, active }, k) => {
      const [lx, ly] = points(values)[values.length - 1];
      return [
        glLine([[lx + 4, ly], [lx + 11, heights[k] - down]], { class: "gl-lead" }),
        glText(lx + 14, heights[k] - down + 4, name,
          { class: `gl-gain-name${active ? " gl-strong" : ""}`, "data-strategy": key }),
      ];
    }),
    glText((left + end) / 2, GL_GAIN_HEIGHT - 6, "labels bought", { class: "gl-soft", "text-anchor": "middle" }),
    glSvg("text", {
      class: "gl-soft", "text-anchor": "middle", transform: `translate(11 ${(foot + 12) / 2}) rotate(-90)`,
    }, "accuracy on the test pictures"),
  ];
}
