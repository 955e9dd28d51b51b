// Drag probabilities: each event's surprise, and entropy as the area of surprise over probability.

import {
  glAcross, glApart, glAxisName, glAxisY, glChart, glFillTable, glScale, glText, glTicks, svg,
} from "../lib/chart.js";
import { GlChoices } from "../lib/choices.js";
import { el, glButton, glButtons, glHint, glReadout, glRender, glSelect, glTitle } from "../lib/dom.js";
import { GL_LOG, glEntropy, glHands, glLevel } from "../lib/levels.js";
import { glFixed } from "../lib/numbers.js";

const GL_EXPERIMENTS = {
  coin: { text: "fair coin", p: [0.5, 0.5], labels: ["heads", "tails"] },
  three: { text: "½, ¼, ¼", p: [0.5, 0.25, 0.25], labels: ["A", "B", "C"] },
  die: { text: "fair die", p: Array(6).fill(1 / 6), labels: ["1", "2", "3", "4", "5", "6"] },
  uniform: { text: "all equal", from: (p) => p.map(() => 1 / p.length) },
  certain: { text: "certain", from: (p) => p.map((_, i) => (i === 0 ? 1 : 0)) },
};
const GL_FEW = 6;  // more bars than this get a row of their own
const GL_MOST_SURPRISE = 7;  // bits: the height of the chart grows up to this

/** @param {number} p @param {"bits" | "nats"} unit */
function glSurprise(p, unit) {
  return p > 0 ? -GL_LOG[unit](p) : Infinity;
}

/** @param {number} p @param {"bits" | "nats"} unit */
function glSurpriseText(p, unit) {
  return p > 0 ? glFixed(Math.abs(glSurprise(p, unit)), 3) : "∞";
}

// The columns: as wide as p, as high as the surprise; their area is the entropy.
/** @param {number} width @param {any} given */
function glAreas(width, { p, labels, unit, active }) {
  const left = 34, right = width - 92, top = 14, base = 206;
  const H = glEntropy(p, unit), most = GL_LOG[unit](p.length), limit = GL_MOST_SURPRISE * GL_LOG[unit](2);
  const highest = p.reduce((high, each) => (each > 0 ? Math.max(high, glSurprise(each, unit)) : high), 1.25 * most);
  const end = Math.min(limit, Math.ceil(highest + 0.3));  // with room for a number above
  const x = glScale([0, 1], [left, right]), y = glScale([0, end], [base, top]);
  let sum = 0;
  const columns = p.map((each, i) => {
    if (!(each > 0)) return [];
    const from = x(sum), wide = x((sum += each)) - from, surprise = Math.max(0, glSurprise(each, unit));
    const high = y(Math.min(surprise, end)), middle = from + wide / 2, fits = (text) => wide > 7 * text.length + 4;
    const number = `${glFixed(surprise, 2)}${surprise > end ? " ↑" : ""}`;
    return [
      svg("rect.gl-area", {
        "data-active": String(i === active), "data-odd": String(i % 2), x: from, y: high, width: wide,
        height: base - high,
      }, svg("title", `${labels[i]}: ${glFixed(each, 3)} × ${glSurpriseText(each, unit)}`)),
      fits(number) ? glText(middle, Math.max(12, high - 4), number, null, "middle") : null,
      fits(labels[i]) ? glAxisName(middle, base + 16, labels[i]) : null,
    ];
  });
  const [atMost, atH] = glApart([y(most) + 4, y(H) + 4], 16);
  return [
    glAxisY(y, left, right, glTicks(0, end, 5)), columns,
    glAcross("gl-level-line gl-most", left, right + 6, y(most)), glAcross("gl-level-line gl-h", left, right + 6, y(H)),
    glText(right + 10, atMost, `most: ${glFixed(most, 2)}`, "gl-soft"),
    glText(right + 10, atH, `H = ${glFixed(H, 2)}`, "gl-strong"),
    glAcross("gl-base", left, right, base),
    glAxisName((left + right) / 2, base + 34, "width: probability, 1 in all"),
  ];
}

/** @param {{ p: number[], unit: "bits" | "nats" }} given */
function glEntropySentence({ p, unit }) {
  const H = glEntropy(p, unit), possible = p.filter((each) => each > 0);
  const terms = possible.map((each) => `${glFixed(each, 2)} × ${glFixed(Math.max(0, glSurprise(each, unit)), 2)}`)
    .join(" + ");
  const sum = possible.length > 1 && possible.length <= 4 ? `${terms} = ` : "";
  const most = glFixed(GL_LOG[unit](p.length), 3);
  const ends = H < 5e-4
    ? " Nothing here can surprise."
    : H > GL_LOG[unit](p.length) - 5e-4 ? " Nothing with so many events surprises more." : "";
  return `Entropy is the expected surprise: H = ${sum}${glFixed(H, 3)} ${unit}, of at most ` +
    `${unit === "bits" ? "log₂" : "ln"} ${p.length} = ${most}.${ends}`;
}

/** @param {[string, number][]} events @returns {[number[], string[]]} */
function glApartEvents(events) {
  return [events.map(([, p]) => p), events.map(([label]) => label)];
}

class GlEntropy {
  /** @type {ReturnType<typeof glLevel>[]} */ bars; /** @type {number[]} */ p; /** @type {string[]} */ labels;
  /** @type {number | null} */ active; /** @type {Record<string, () => void>} */ hears;

  /** @param {Model} model */
  constructor(model) {
    const chosen = (this.chosen = new GlChoices(model, ["events", "unit"], () => this.changed()));
    Object.assign(this, { hears: chosen.hears, labels: [], active: null });
    this.title = glTitle();
    this.levels = el("div.gl-levels",
      { role: "group", "aria-label": "Probabilities: drag a bar, or use its arrow keys" });
    this.table = el("table.gl-table");
    this.readout = glReadout();
    this.chart = glChart("areas", 244, (width) => glAreas(width, this.shown()));
    const [p, labels] = glApartEvents(model.get("initial").events);
    const given = model.get("start").given ? { given: { text: "as given", p, labels } } : {};
    const experiments = { ...given, ...GL_EXPERIMENTS };
    const presets = glButtons("begin with", Object.entries(experiments).map(([name, { text }]) => [name, text]),
      (name) => {
        const next = experiments[name];
        this.active = null;
        this.put(next.from ? next.from(this.p) : next.p, next.labels ?? this.labels);
      });
    this.unit = glSelect("unit", "unit", Object.keys(GL_LOG), "", (unit) => chosen.set({ unit }));
    const reset = glButton("reset", "reset", () => chosen.reset());
    this.columns = el("div.gl-columns",
      el("section", glTitle("Probability: drag a bar"), this.levels,
        glHint("The others make room, so that all add up to 1. A rare event is a big surprise.")),
      el("section", this.title, this.chart.node), el("section", this.table));
    this.node = el("div.gl-figure", el("div.gl-controls", presets, this.unit.node, reset), this.columns,
      this.readout.node);
    this.stops = [this.chart, this.readout, chosen];
  }

  begin() { this.changed(); }

  /** @param {number[]} p @param {string[]} labels */
  put(p, labels) { this.chosen.set({ events: labels.map((label, i) => [label, p[i]]) }); }

  shown() {
    const { p, labels, active, chosen } = this;
    return { p, labels, active, unit: chosen.get("unit") };
  }

  changed() {
    const [p, labels] = glApartEvents(this.chosen.get("events")), before = this.labels;
    Object.assign(this, { p, labels });
    this.unit.set(this.chosen.get("unit"));
    if (JSON.stringify(labels) !== JSON.stringify(before)) this.build();
    this.draw();
  }

  build() {
    const { labels, columns, levels } = this;
    const hand = glHands(() => this.p, (p, i) => { this.active = i; this.put(p, this.labels); });
    this.active = null;
    columns.classList.toggle("gl-many", labels.length > GL_FEW);
    this.bars = labels.map((label, i) => glLevel(label, () => ({ p: this.p[i], full: 1 }), hand(i, () => {})));
    levels.replaceChildren(...this.bars.map((bar, i) => {
      bar.node.addEventListener("focus", () => this.look(i));
      return el("div.gl-level-place", bar.node, el("span.gl-level-label", { title: labels[i] }, labels[i]));
    }));
  }

  // Event i is the one under the hand.
  /** @param {number} i */
  look(i) {
    this.active = i;
    this.draw();
  }

  draw() {
    const shown = this.shown(), { p, labels, unit, active } = shown;
    this.bars.forEach((bar, i) => {
      bar.draw(`${glFixed(p[i], 3)}, surprise ${glSurpriseText(p[i], unit)} ${unit}`);
      bar.node.dataset.active = String(i === active);
    });
    glFillTable(this.table, ["event", "p", `surprise −log p, ${unit}`, "p × surprise"], [
      ...p.map((each, i) =>
        [labels[i], glFixed(each, 3), glSurpriseText(each, unit), glFixed(glEntropy([each], unit), 3)]),
      ["H", "1", "", glFixed(glEntropy(p, unit), 3)],
    ]);
    const { rows } = this.table.tBodies[0];
    rows[p.length].className = "gl-sum";
    if (active !== null) rows[active].dataset.active = "true";
    this.title.textContent = `Surprise, ${unit}: the area is the entropy`;
    const sentence = glEntropySentence(shown);
    this.chart.draw(`${labels.length} columns, as wide as the probability and as high as the surprise. ${sentence}`);
    this.readout.say(sentence);
  }
}
const render = glRender("entropy", "Entropy is the expected surprise", (model) => new GlEntropy(model));

export default { render };
