// Charts in SVG: drawn again at the width they are given, so that text keeps its size; and what chart widgets share.

import { el, glMade } from "./dom.js";
import { glNumber } from "./numbers.js";

const GL_SVG = "http://www.w3.org/2000/svg";

// svg("circle.gl-a", { cx: 3 }, child): as el, in a chart.
/** @template {string} S @param {S} spec @param {any[]} rest @returns {Drawn<S>} */
export function svg(spec, ...rest) {
  return glMade(document.createElementNS(GL_SVG, spec.split(".")[0]), spec, rest);
}

// draw(width) returns what the chart shows, in pixels, in arrays of any depth; it is called again when the width of its
// place changes.
/** @param {string} key @param {number} height @param {(width: number) => Marks} draw @returns {Chart} */
export function glChart(key, height, draw) {
  const chart = svg("svg.gl-chart", { role: "img", "data-chart": key, height }), node = el("div.gl-place", chart);
  let width = 0;
  const again = () => {
    if (!width) return;
    chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
    chart.replaceChildren(...draw(width).flat(Infinity).filter((each) => each !== null));
  };
  const watch = new ResizeObserver(() => {
    if (node.clientWidth === width) return;
    width = node.clientWidth;
    again();
  });
  watch.observe(node);
  return {
    node,
    again,
    // label: what the chart shows, in words
    draw(label) { chart.setAttribute("aria-label", label); again(); },
    stop() { watch.disconnect(); },
  };
}

// From values to pixels, and back.
/** @param {number[]} from @param {number[]} to @returns {Scale} */
export function glScale(from, to) {
  const slope = (to[1] - to[0]) / (from[1] - from[0]);
  const scale = (value) => to[0] + slope * (value - from[0]);
  scale.back = (pixel) => from[0] + (pixel - to[0]) / slope;
  return scale;
}

// About `count` round numbers from low to high.
/** @param {number} low @param {number} high @param {number} count @returns {number[]} */
export function glTicks(low, high, count) {
  const rough = (high - low) / count, ten = 10 ** Math.floor(Math.log10(rough));
  const step = ten * ([1, 2, 5, 10].find((each) => each * ten >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 },
    (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/**
 * @param {number} x @param {number} y @param {string} text @param {string | null} [kind]
 * @param {string | null} [anchor] @param {Props} [more]
 */
export function glText(x, y, text, kind = null, anchor = null, more = {}) {
  return svg("text", { x, y, class: kind, "text-anchor": anchor, ...more }, text);
}

// What an axis shows: below it, or upright beside it.
/** @param {number} x @param {number} y @param {string} text */
export function glAxisName(x, y, text) {
  return glText(x, y, text, "gl-soft", "middle");
}

/** @param {number} x @param {number} y @param {string} text @param {string} [kind] */
export function glUpright(x, y, text, kind = "gl-soft") {
  return svg("text", { class: kind, "text-anchor": "middle", transform: `translate(${x} ${y}) rotate(-90)` }, text);
}

/** @param {string} kind @param {number} x1 @param {number} x2 @param {number} y */
export function glAcross(kind, x1, x2, y) {
  return svg("line", { class: kind, x1, x2, y1: y, y2: y });
}

/** @param {string} kind @param {number} x @param {number} y1 @param {number} y2 */
export function glDown(kind, x, y1, y2) {
  return svg("line", { class: kind, x1: x, x2: x, y1, y2 });
}

/** @param {Scale} scale @param {number} y @param {number[]} ticks */
export function glAxisX(scale, y, ticks) {
  return ticks.map((value) => glText(scale(value), y + 16, glNumber(value), "gl-tick", "middle"));
}

/** @param {Scale} scale @param {number} x @param {number} right @param {number[]} ticks */
export function glAxisY(scale, x, right, ticks) {
  return ticks.flatMap((value) => [
    glAcross("gl-rule", x, right, scale(value)), glText(x - 6, scale(value) + 4, glNumber(value), "gl-tick", "end"),
  ]);
}

// The path through [x, y] pairs of pixels.
/** @param {number[][]} points */
export function glPath(points) {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/** @param {number[][]} points @param {Props} props */
export function glLine(points, props) {
  return svg("path", { d: glPath(points), fill: "none", ...props });
}

// A line as it is drawn, and what it stands for.
/** @param {string} kind @param {string} text */
export function glKey(kind, text) {
  const line = glLine([[0, 5], [26, 5]], { class: kind });
  return el("span", svg("svg", { width: 26, height: 10, "aria-hidden": "true" }, line), ` ${text}`);
}

// Lines of text beside a chart at heights that may be too close: moved apart by `gap`, in their order.
/** @param {number[]} heights @param {number} gap */
export function glApart(heights, gap) {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b]);
  const moved = [...heights];
  order.forEach((i, k) => { if (k) moved[i] = Math.max(moved[i], moved[order[k - 1]] + gap); });
  return moved;
}

// rows: arrays of texts; the first text of a row is its heading.
/** @param {HTMLTableElement} table @param {string[]} head @param {string[][]} rows @param {number} [active] */
export function glFillTable(table, head, rows, active = -1) {
  table.replaceChildren(
    el("thead", el("tr", head.map((text) => el("th", { scope: "col" }, text)))),
    el("tbody", rows.map(([name, ...cells], k) => el("tr", { "data-active": active < 0 ? null : String(k === active) },
      el("th", { scope: "row" }, name), cells.map((text) => el("td", text))))));
}
