// Charts in SVG: drawn again at the width they are given, so that text keeps its size; and what chart widgets share.

import { glButton, glNode } from "./dom.js";

const GL_SVG = "http://www.w3.org/2000/svg";

// glSvg("circle", { cx: 3, class: "a" }, child, "text")
export function glSvg(tag, props, ...children) {
  const node = document.createElementNS(GL_SVG, tag);
  for (const [key, value] of Object.entries(props || {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// draw(width) returns what the chart shows, in pixels, in arrays of any depth; it is called again when the width of its
// place changes.
export function glChart(key, height, draw) {
  const svg = glSvg("svg", { class: "gl-chart", role: "img", "data-chart": key, height });
  const node = glNode("div", { class: "gl-place" }, svg);
  let width = 0;
  const again = () => {
    if (!width) return;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren(...draw(width).flat(Infinity).filter((each) => each !== null));
  };
  const watch = new ResizeObserver(() => {
    if (node.clientWidth === width) return;
    width = node.clientWidth;
    again();
  });
  watch.observe(node);
  return {
    node,
    // label: what the chart shows, in words
    draw(label) { svg.setAttribute("aria-label", label); again(); },
    stop() { watch.disconnect(); },
  };
}

// From values to pixels, and back.
export function glScale(from, to) {
  const slope = (to[1] - to[0]) / (from[1] - from[0]);
  const scale = (value) => to[0] + slope * (value - from[0]);
  scale.back = (pixel) => from[0] + (pixel - to[0]) / slope;
  return scale;
}

// About `count` round numbers from low to high.
export function glTicks(low, high, count) {
  const rough = (high - low) / count, ten = 10 ** Math.floor(Math.log10(rough));
  const step = ten * [1, 2, 5, 10].find((each) => each * ten >= rough);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 },
    (_, i) => Number(((first + i) * step).toPrecision(12)));
}

export function glText(x, y, text, props) {
  return glSvg("text", { x, y, ...props }, text);
}

export function glAxisX(scale, y, ticks) {
  return ticks.map((value) =>
    glText(scale(value), y + 16, glNumber(value), { class: "gl-tick", "text-anchor": "middle" }));
}

export function glAxisY(scale, x, right, ticks) {
  return ticks.flatMap((value) => [
    glSvg("line", { class: "gl-rule", x1: x, x2: right, y1: scale(value), y2: scale(value) }),
    glText(x - 6, scale(value) + 4, glNumber(value), { class: "gl-tick", "text-anchor": "end" }),
  ]);
}

// A polyline through [x, y] pairs of pixels.
export function glLine(points, props) {
  const path = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return glSvg("path", { d: path, fill: "none", ...props });
}

// Lines of text beside a chart at heights that may be too close: moved apart by `gap`, in their order.
export function glApart(heights, gap) {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b]);
  const moved = [...heights];
  order.forEach((i, k) => { if (k) moved[i] = Math.max(moved[i], moved[order[k - 1]] + gap); });
  return moved;
}

// A number as short as it can be, with a real minus sign.
export function glNumber(value) {
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

export function glFixed(value, digits) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

// rows: arrays of texts; the first text of a row is its heading.
export function glFillTable(table, head, rows) {
  table.replaceChildren(
    glNode("thead", {}, glNode("tr", {}, head.map((text) => glNode("th", { scope: "col" }, text)))),
    glNode("tbody", {}, rows.map(([name, ...cells]) => glNode("tr", {},
      glNode("th", { scope: "row" }, name), cells.map((text) => glNode("td", {}, text))))));
}

// A labelled row of buttons.
export function glButtons(label, names, choose) {
  return glNode("div", { class: "gl-presets", role: "group", "aria-label": label },
    glNode("span", { class: "gl-hint" }, label),
    Object.entries(names).map(([name, text]) => glButton(name, text, () => choose(name))));
}

// A slider of any range. text(value) is shown beside it.
export function glRange({ name, label, low, high, step, value, text, change }) {
  const shown = glNode("output", { class: "gl-number" });
  const input = glNode("input", {
    type: "range", "data-control": name, min: low, max: high, step,
    oninput: () => { tell(); change(Number(input.value)); },
  });
  const tell = () => {
    shown.textContent = text(Number(input.value));
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  const title = glNode("span", {}, label);
  const api = {
    node: glNode("label", { class: "gl-control gl-range" }, title, input, shown),
    input,
    set(next) { input.value = next; tell(); },
    // another range: { label, low, high, step, value }
    reset(next) {
      title.textContent = next.label;
      for (const [key, each] of [["min", next.low], ["max", next.high], ["step", next.step]]) {
        input.setAttribute(key, each);
      }
      api.set(next.value);
    },
  };
  api.set(value);
  return api;
}
