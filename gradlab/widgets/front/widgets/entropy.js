// Drag probabilities: each event's surprise, and entropy as the area of surprise over probability.

import {
  glApart, glAxisY, glButtons, glChart, glFillTable, glFixed, glScale, glSvg, glText, glTicks,
} from "../lib/chart.js";
import { glKeepKeys, glNode, glReadout, glSelect } from "../lib/dom.js";
import { GL_LOG, glEntropy, glHeld, glLevel } from "../lib/levels.js";

const GL_EXPERIMENTS = {
  coin: { text: "fair coin", p: [0.5, 0.5], labels: ["heads", "tails"] },
  three: { text: "½, ¼, ¼", p: [0.5, 0.25, 0.25], labels: ["A", "B", "C"] },
  die: { text: "fair die", p: Array(6).fill(1 / 6), labels: ["1", "2", "3", "4", "5", "6"] },
  uniform: { text: "all equal", from: (p) => p.map(() => 1 / p.length) },
  certain: { text: "certain", from: (p) => p.map((_, i) => (i === 0 ? 1 : 0)) },
};
const GL_FEW = 6;  // more bars than this get a row of their own
const GL_MOST_SURPRISE = 7;  // bits: the height of the chart grows up to this

function glSurprise(p, unit) {
  return p > 0 ? -GL_LOG[unit](p) : Infinity;
}

function glSurpriseText(p, unit) {
  return p > 0 ? glFixed(Math.abs(glSurprise(p, unit)), 3) : "∞";
}

// The columns: as wide as p, as high as the surprise; their area is the entropy.
function glAreas(width, { p, labels, unit, active }) {
  const left = 34, right = width - 92, top = 14, base = 206;
  const H = glEntropy(p, unit), most = GL_LOG[unit](p.length), limit = GL_MOST_SURPRISE * GL_LOG[unit](2);
  const highest = p.reduce((high, each) => (each > 0 ? Math.max(high, glSurprise(each, unit)) : high), 1.25 * most);
  const end = Math.min(limit, Math.ceil(highest + 0.3));  // with room for a number above
  const x = glScale([0, 1], [left, right]), y = glScale([0, end], [base, top]);
  let sum = 0;
  const columns = p.flatMap((each, i) => {
    if (!(each > 0)) return [];
    const from = x(sum), wide = x((sum += each)) - from, surprise = Math.max(0, glSurprise(each, unit));
    const high = Math.min(surprise, end);
    const middle = from + wide / 2, fits = (text, size) => wide > size * text.length + 4;
    const number = `${glFixed(surprise, 2)}${surprise > end ? " ↑" : ""}`;
    return [
      glSvg("rect", {
        class: "gl-area", "data-active": String(i === active), "data-odd": String(i % 2), x: from, y: y(high),
        width: wide, height: base - y(high),
      },
        glSvg("title", {}, `${labels[i]}: ${glFixed(each, 3)} × ${glSurpriseText(each, unit)}`)),
      fits(number, 7) ? glText(middle, Math.max(12, y(high) - 4), number, { "text-anchor": "middle" }) : null,
      fits(labels[i], 7) ? glText(middle, base + 16, labels[i], { class: "gl-soft", "text-anchor": "middle" }) : null,
    ];
  });
  const line = (value, kind) =>
    glSvg("line", { class: `gl-level-line ${kind}`, x1: left, x2: right + 6, y1: y(value), y2: y(value) });
  const [atMost, atH] = glApart([y(most) + 4, y(H) + 4], 16);
  return [
    glAxisY(y, left, right, glTicks(0, end, 5)), columns,
    line(most, "gl-most"), line(H, "gl-h"),
    glText(right + 10, atMost, `most: ${glFixed(most, 2)}`, { class: "gl-soft" }),
    glText(right + 10, atH, `H = ${glFixed(H, 2)}`, { class: "gl-strong" }),
    glSvg("line", { class: "gl-base", x1: left, x2: right, y1: base, y2: base }),
    glText((left + right) / 2, base + 34, "width: probability, 1 in all",
      { class: "gl-soft", "text-anchor": "middle" }),
  ];
}

function glEntropySentence({ p, unit }) {
  const H = glEntropy(p, unit), possible = p.filter((each) => each > 0);
  const terms = possible.map((each) => `${glFixed(each, 2)} × ${glFixed(Math.max(0, glSurprise(each, unit)), 2)}`)
    .join(" + ");
  const sum = possible.length > 1 && possible.length <= 4 ? `${terms} = ` : "";
  const most = glFixed(GL_LOG[unit](p.length), 2);
  const ends = H < 5e-4
    ? " Nothing here can surprise."
    : H > GL_LOG[unit](p.length) - 5e-4 ? " Nothing with so many events surprises more." : "";
  return `Entropy is the expected surprise: H = ${sum}${glFixed(H, 3)} ${unit}, of at most ` +
    `${unit === "bits" ? "log₂" : "ln"} ${p.length} = ${most}.${ends}`;
}

function render({ model, el }) {
  const start = model.get("start");
  const state = { p: start.p, labels: start.labels, unit: start.unit, active: null };
  let bars = [], held = null;

  const levels = glNode("div",
    { class: "gl-levels", role: "group", "aria-label": "Probabilities: drag a bar, or use its arrow keys" });
  const table = glNode("table", { class: "gl-table" });
  const readout = glReadout();
  const chart = glChart("areas", 244, (width) => glAreas(width, state));

  const draw = () => {
    state.p = held.p;
    const { p, labels, unit, active } = state;
    bars.forEach((bar, i) => {
      bar.draw(`${glFixed(p[i], 3)}, surprise ${glSurpriseText(p[i], unit)} ${unit}`);
      bar.node.dataset.active = String(i === active);
    });
    const parts = p.map((each) => glFixed(glEntropy([each], unit), 3));
    glFillTable(table, ["event", "p", `surprise −log p, ${unit}`, "p × surprise"], [
      ...p.map((each, i) => [labels[i], glFixed(each, 3), glSurpriseText(each, unit), parts[i]]),
      ["H", "1", "", glFixed(glEntropy(p, unit), 3)],
    ]);
    const rows = table.tBodies[0].rows;
    rows[p.length].className = "gl-sum";
    if (active !== null) rows[active].dataset.active = "true";
    title.textContent = `Surprise, ${unit}: the area is the entropy`;
    const sentence = glEntropySentence(state);
    chart.draw(`${labels.length} columns, as wide as the probability and as high as the surprise. ${sentence}`);
    readout.say(sentence);
  };
  const build = (p, labels) => {
    state.labels = labels;
    state.active = null;
    held = glHeld(p, (i) => { if (i !== undefined) state.active = i; draw(); });
    columns.classList.toggle("gl-many", labels.length > GL_FEW);
    bars = labels.map((label, i) => glLevel(label, () => ({ p: held.p[i], full: 1 }), held.hand(i, () => {})));
    const look = (i) => { state.active = i; draw(); };
    levels.replaceChildren(...bars.map((bar, i) => {
      bar.node.addEventListener("focus", () => look(i));
      return glNode("div", { class: "gl-level-place" }, bar.node,
        glNode("span", { class: "gl-level-label", title: labels[i] }, labels[i]));
    }));
    draw();
  };

  const experiments = {
    ...(start.given ? { given: { text: "as given", p: start.p, labels: start.labels } } : {}), ...GL_EXPERIMENTS,
  };
  const presets = glButtons("begin with",
    Object.fromEntries(Object.entries(experiments).map(([name, each]) => [name, each.text])), (name) => {
      const { p, labels, from } = experiments[name];
      build(from ? from(held.p) : p, from ? state.labels : labels);
    });
  const unit = glSelect("unit", "unit", Object.keys(GL_LOG), state.unit, (value) => { state.unit = value; draw(); });
  const title = glNode("h3", { class: "gl-title" });
  const columns = glNode("div", { class: "gl-columns" },
    glNode("section", {}, glNode("h3", { class: "gl-title" }, "Probability: drag a bar"), levels,
      glNode("p", { class: "gl-hint" },
        "The others make room, so that all add up to 1. A rare event is a big surprise.")),
    glNode("section", {}, title, chart.node),
    glNode("section", {}, table));
  const root = glNode("div",
    { class: "gl-root gl-entropy", role: "region", lang: "en", "aria-label": "Entropy is the expected surprise" },
    glNode("div", { class: "gl-figure" },
      glNode("div", { class: "gl-controls" }, presets, unit),
      columns, readout.node));
  glKeepKeys(root);
  el.append(root);
  build(start.p, start.labels);
  return () => {
    chart.stop();
    readout.stop();
    root.remove();
  };
}

export default { render };
