// Drag a joint table: entropies as bars of equal height over one scale, and I(X;Y) as the surprise that Y takes away.

import { glAxisX, glChart, glScale, glText, glTicks, svg } from "../lib/chart.js";
import { GlChoices } from "../lib/choices.js";
import { el, glButton, glButtons, glHint, glReadout, glRender, glSelect, glTitle } from "../lib/dom.js";
import { GL_LOG, glHands, glLevel, glMargins, glShannon } from "../lib/levels.js";
import { glFixed } from "../lib/numbers.js";

const GL_CHANNEL = 0.8;  // of "noisy channel": how often Y is what X was
const GL_FEW_COLUMNS = 4;  // of more, the numbers are set closer on a narrow page

const GL_JOINTS = {
  independent: { text: "independent", from: (p, rows, columns) => {
    const { x, y } = glMargins(p, rows, columns);
    return p.map((_, k) => x[Math.floor(k / columns)] * y[k % columns]);
  } },
  identical: { text: "identical", from: (p, rows, columns) => {
    const least = Math.min(rows, columns);
    return p.map((_, k) => (Math.floor(k / columns) === k % columns ? 1 / least : 0));
  } },
  noisy: { text: "noisy channel", from: (p, rows, columns) => p.map((_, k) => {
    const same = Math.floor(k / columns) % columns === k % columns;
    return (same ? GL_CHANNEL : (1 - GL_CHANNEL) / (columns - 1)) / rows;
  }) },
};

// One bar of an entropy: its name and value inside, as far as there is room. text: "name = value".
/**
 * @param {number} row @param {Scale} x @param {number} from @param {number} to @param {string} kind
 * @param {string} text
 */
function glInfo(row, x, from, to, kind, text) {
  const wide = x(to) - x(from), [name, value] = text.split(" = "), high = 38, top = 22 + row * (high + 14);
  const lines = [[text], [name, value], [value]].find((each) => wide > 7.2 * each[0].length + 6) || [];
  return [
    svg("rect", {
      class: `gl-info ${kind}`, "data-bar": name, "data-value": (to - from).toFixed(6), x: x(from), y: top,
      width: Math.max(0, wide), height: high,
    }, svg("title", text)),
    lines.map((line, i) => glText(x(from) + wide / 2, top + high / 2 + 5 + 16 * (i - (lines.length - 1) / 2), line,
      "gl-on-info", "middle")),
  ];
}

// Three rows over one scale: H(X,Y) whole; H(X) from its left end; H(Y) to its right end. They overlap by I(X;Y).
/** @param {number} width @param {Shannon} given @param {number} most */
function glOverlap(width, { HX, HY, HXY, I, XgivenY, YgivenX }, most) {
  const x = glScale([0, most], [4, width - 4]), top = 16, end = 216;
  const bar = (row, from, to, kind, name, value) => glInfo(row, x, from, to, kind, `${name} = ${glFixed(value, 2)}`);
  return [
    // the overlap as one band through the rows
    I > 0 ? svg("rect.gl-band", { x: x(XgivenY), y: top, width: x(HX) - x(XgivenY), height: end - top + 6 }) : null,
    bar(0, 0, HXY, "gl-both", "H(X,Y)", HXY), bar(1, 0, HX, "gl-x", "H(X)", HX),
    bar(2, XgivenY, HXY, "gl-y", "H(Y)", HY), bar(3, 0, XgivenY, "gl-x gl-rest", "H(X|Y)", XgivenY),
    bar(3, XgivenY, HX, "gl-shared", "I(X;Y)", I), bar(3, HX, HXY, "gl-y gl-rest", "H(Y|X)", YgivenX),
    glAxisX(x, end + 6, glTicks(0, most, 5)),
  ];
}

/** @param {any} found @param {string} unit */
function glMutualSentence(found, unit) {
  const { HX, XgivenY, I } = found;
  const text = `Before Y is seen, X surprises by H(X) = ${glFixed(HX, 3)} ${unit} on average; after it, by ` +
    `H(X|Y) = ${glFixed(XgivenY, 3)}. Mutual information is the reduction: I(X;Y) = ${glFixed(I, 3)} ${unit}.`;
  if (I < 5e-4) return `${text} Y says nothing about X.`;
  return XgivenY < 5e-4 ? `${text} Y says all about X.` : text;
}

class GlMutual {
  /** @type {number[]} */ p; /** @type {number} */ full; /** @type {boolean} */ dragging; /** @type {Shannon} */ found;
  /** @type {[number, number]} */ size; /** @type {Record<string, () => void>} */ hears;
  /** @type {ReturnType<typeof glLevel>[]} */ cells;
  /** @type {{ x: HTMLElement[], y: HTMLElement[] }} */ margins; /** @type {HTMLElement[]} */ given;
  /** @type {HTMLElement} */ label;

  /** @param {Model} model */
  constructor(model) {
    const start = model.get("start"), size = [start.rows.length, start.columns.length];
    const chosen = (this.chosen = new GlChoices(model, ["joint", "unit"], () => this.changed()));
    Object.assign(this, { size, hears: chosen.hears, p: chosen.get("joint").flat(), full: 1, dragging: false });
    this.readout = glReadout();
    this.chart = glChart("overlap", 252, (width) => glOverlap(width, this.found, this.most()));
    this.title = glTitle();
    this.scale = glHint();
    this.note = glHint();
    const given = { text: start.given ? "as given" : "animals", from: () => model.get("initial").joint.flat() };
    const joints = { start: given, ...GL_JOINTS };
    const presets = glButtons("begin with", Object.entries(joints).map(([name, { text }]) => [name, text]), (name) =>
      this.put(joints[name].from(this.p, ...this.size)));
    this.unit = glSelect("unit", "unit", Object.keys(GL_LOG), "", (unit) => chosen.set({ unit }));
    const reset = glButton("reset", "reset", () => chosen.reset());
    this.node = el("div.gl-figure", el("div.gl-controls", presets, this.unit.node, reset),
      el("div.gl-columns",
        el("section", glTitle("Joint probability p(x, y): drag a cell up or down"), this.table(start), this.scale,
          this.note),
        el("section", this.title, this.chart.node,
          glHint("I(X;Y) = H(X) − H(X|Y) = H(Y) − H(Y|X) = H(X) + H(Y) − H(X,Y)"))),
      this.readout.node);
    this.stops = [this.chart, this.readout, chosen];
  }

  begin() { this.changed(); }

  /** @param {number[]} p */
  put(p) {
    const [R, C] = this.size;
    this.chosen.set({ joint: Array.from({ length: R }, (_, i) => p.slice(i * C, (i + 1) * C)) });
  }

  changed() {
    this.p = this.chosen.get("joint").flat();
    this.unit.set(this.chosen.get("unit"));
    if (this.dragging) this.draw(); else this.fit();
  }

  most() {
    const [R, C] = this.size, log = GL_LOG[this.chosen.get("unit")];
    return log(R) + log(C);
  }

  /** @param {{ rows: string[], columns: string[] }} given */
  table({ rows, columns }) {
    const C = columns.length, number = () => el("span.gl-number"), soft = (text = "") => el("span.gl-soft-text", text);
    const head = (text) => el("span.gl-cell-head", { title: text }, text);
    const hands = glHands(() => this.p, (p) => { this.p = p; this.put(p); });
    const hand = (k) => {
      const { start, ...rest } = hands(k, () => { this.dragging = false; this.fit(); });
      return { start: () => { this.dragging = true; start(); }, ...rest };
    };
    this.cells = rows.flatMap((row) => columns.map((column) => `${row}, ${column}`)).map((name, k) =>
      glLevel(name, () => ({ p: this.p[k], full: this.full }), hand(k)));
    this.margins = { x: rows.map(number), y: columns.map(number) };
    this.given = columns.map(number);
    this.label = soft();
    const table = el(`div.gl-joint${C > GL_FEW_COLUMNS ? ".gl-many" : ""}`,
      { role: "group", "aria-label": "Joint probabilities: drag a cell up or down, or use its arrow keys" },
      soft("X ╲ Y"), columns.map(head), soft("p(x)"),
      rows.map((row, i) =>
        [head(row), this.cells.slice(i * C, (i + 1) * C).map((cell) => cell.node), this.margins.x[i]]),
      soft("p(y)"), this.margins.y, el("span.gl-number", "1"), this.label, this.given, el("span"));
    table.style.gridTemplateColumns = `minmax(min-content, var(--gl-heads, 120px)) repeat(${C}, minmax(28px, 1fr)) ` +
      "minmax(min-content, var(--gl-ends, 48px))";
    return table;
  }

  // What a full cell stands for: changed between two drags, never during one.
  fit() {
    this.full = [0.25, 0.5, 1].find((each) => this.p.every((p) => p <= each)) || 1;
    this.scale.textContent = `A full cell is ${this.full}. The others make room, so that all add up to 1.`;
    this.draw();
  }

  draw() {
    const { p, size: [R, C] } = this, unit = this.chosen.get("unit"), found = (this.found = glShannon(p, R, C, unit));
    this.cells.forEach((cell, k) =>
      cell.draw(`${glFixed(p[k], 3)}, mutual information ${glFixed(found.I, 3)} ${unit}`));
    for (const key of /** @type {const} */ (["x", "y"])) {
      this.margins[key].forEach((node, i) => { node.textContent = glFixed(found[key][i], 3); });
    }
    const more = found.given.map((each) => each > found.HX + 1e-9);
    this.given.forEach((node, j) => {
      node.textContent = Number.isNaN(found.given[j]) ? "–" : glFixed(found.given[j], 3);
      node.dataset.more = String(more[j]);
    });
    this.note.textContent = more.includes(true)
      ? "An outcome of Y may leave more surprise about X than there was (marked). The average, H(X|Y), is never more " +
        "than H(X)."
      : "H(X|y): the surprise about X that is left once y is seen. The average, weighted by p(y), is H(X|Y).";
    const sentence = glMutualSentence(found, unit);
    this.chart.draw(`Bars as long as the entropies. ${sentence}`);
    this.title.textContent = `Entropies, ${unit}: areas true to the numbers`;
    this.label.textContent = `H(X|y), ${unit}`;
    this.readout.say(sentence);
  }
}
const render = glRender("mutual", "Mutual information is the reduction of surprise", (model) => new GlMutual(model));

export default { render };
