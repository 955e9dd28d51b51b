// A reliability diagram whose bins open: temperature, several networks, and the pictures of a bin.

import { glPhotos } from "../lib/answer.js";
import { glClassBars } from "../lib/bars.js";
import { glChart, glFillTable } from "../lib/chart.js";
import { GlChoices } from "../lib/choices.js";
import { glPhotoTile } from "../lib/colour.js";
import { GlDetail } from "../lib/detail.js";
import { el, glButton, glButtons, glHint, glPress, glRange, glReadout, glRender, glRove, glTitle } from "../lib/dom.js";
import { glDrag, glSliderKeys, glWhere } from "../lib/drag.js";
import { glClamp, glFixed, glKept, glProbability, glRanked } from "../lib/numbers.js";
import { glChances, glDecodeArm, glJudge } from "../lib/reliability.js";
import {
  GL_DIAGRAM, GL_HEAT, GL_HEATS, glDiagram, glDiagramX, glHeatChart, glScatter,
} from "../lib/reliability_charts.js";
import { glUnpacked } from "../lib/wire.js";

const GL_TILES = 40;  // pictures of a bin that are shown at once
const GL_EVEN = 0.005;  // a gap that is put into words as none
const GL_CONTROL = "A control is missing: set the same H on h, IntrospectiveNetwork(net, on=\"h\"), beside the " +
  "introspective network.";

/** @param {Bin} bin */
function glGapText(bin) {
  if (!bin.count) return "no picture";
  const way = Math.abs(bin.gap) < GL_EVEN
    ? "as sure as it is right"
    : bin.gap > 0 ? `too sure by ${glFixed(bin.gap, 2)}` : `not sure enough, by ${glFixed(-bin.gap, 2)}`;
  return `${bin.count} ${bin.count === 1 ? "picture" : "pictures"}, ${bin.right} right ` +
    `(${glFixed(bin.accuracy, 2)}), mean confidence ${glFixed(bin.confidence, 2)}: ${way}`;
}

// The bin whose gap weighs most.
/** @param {Bin[]} bins */
function glWorst(bins) {
  const weight = ({ count, gap }) => (count ? count * Math.abs(gap) : -1);
  return bins.reduce((best, each, k) => (weight(each) > weight(bins[best]) ? k : best), 0);
}

/** @param {string} kind @param {string} text */
function glSwatch(kind, text) {
  return el("span", el(`span.gl-swatch.${kind}`), ` ${text}`);
}

class GlCalibration {
  /** @type {Chart} */ diagram; /** @type {Chart} */ scatter; /** @type {HTMLElement} */ hand;
  /** @type {HTMLElement} */ choice; /** @type {ReturnType<typeof glRange>} */ slider;
  /** @type {HTMLButtonElement} */ fit; /** @type {any} */ start; /** @type {string[]} */ labels;
  /** @type {number} */ bins; /** @type {(i: number) => HTMLCanvasElement} */ photo; /** @type {HTMLElement} */ title;
  /** @type {HTMLElement} */ binTitle; /** @type {HTMLElement} */ more; /** @type {HTMLElement} */ heatHint;
  /** @type {Chart} */ nll; /** @type {Chart} */ ece; /** @type {Record<string, () => void>} */ hears;

  /** @param {Model} model */
  constructor(model) {
    const start = model.get("start");
    Object.assign(this, { start, labels: start.labels, bins: start.bins, photo: glPhotos(start.tiles) });
    this.truth = glUnpacked(start.truth).values;
    this.arms = start.arms.map(glDecodeArm);
    const judge = (arm, T) => glJudge(arm, this.truth, this.bins, T);
    this.fitted = this.arms.map((arm) => judge(arm, arm.fitted));
    this.plain = this.arms.map((arm) => judge(arm, 1));
    this.curve = glKept((k) => GL_HEATS.map((heat) => judge(this.arms[k], 10 ** heat)));
    this.state = { arm: 0, T: 1, bin: 0, picture: -1, judged: this.plain[0] };
    const names = ["network", "temperature", "bin", "picture", "map"];
    const chosen = (this.chosen = new GlChoices(model, names, (changed) => this.changed(changed)));
    this.hears = chosen.hears;
    this.readout = glReadout();
    [this.title, this.binTitle] = [glTitle(), glTitle()];
    [this.more, this.heatHint] = [glHint(), glHint()];
    this.charts();
    this.figures = el("table.gl-table", { "data-table": "figures" });
    this.networks = el("table.gl-table", { "data-table": "networks" });
    this.tiles = glRove(el("div.gl-tiles",
      { role: "group", "aria-label": "Pictures of the bin: press one to see it at length" }));
    this.detail = new GlDetail("gl-at-length", true, chosen);
    this.node = this.layout();
    this.stops = [this.diagram, this.nll, this.ece, this.scatter, this.readout, chosen];
  }

  begin() { this.changed(new Set()); }

  // Redraw what other choices have changed; a bin and a picture change no chart.
  /** @param {Set<string>} names */
  changed(names) {
    const { arms, chosen, plain, start, state } = this, { network, temperature, bin, picture } = chosen.all();
    state.arm = Math.max(0, arms.findIndex(({ name }) => name === network));
    state.T = temperature;
    state.bin = bin ?? glWorst(plain[0].bins);
    state.picture = start.shown.indexOf(picture);
    this.slider.set(Math.log10(temperature));
    if (names.size && !names.has("network") && !names.has("temperature")) {
      this.diagram.again();
      this.drawBin();
    } else this.draw();
  }

  get arm() { return this.arms[this.state.arm]; }

  charts() {
    const { state } = this;
    this.diagram = glChart("reliability", GL_DIAGRAM.height, (width) => glDiagram(width, state.judged, state.bin));
    this.hand = el("div.gl-bins", {
      role: "slider", tabindex: 0, "aria-label": "Bin of the reliability diagram", "aria-valuemin": 1,
      "aria-valuemax": this.bins,
    }, this.diagram.node);
    const pull = (event) => {
      const { width } = this.diagram.node.getBoundingClientRect(), { x } = glWhere(this.diagram.node, event);
      this.choose(Math.floor(this.bins * glClamp(glDiagramX(width).back(x * width), 0, 0.9999)));
    };
    glDrag(this.hand, { down: pull, move: pull });
    glSliderKeys(this.hand, () => ({ at: state.bin, step: 1, low: 0, high: this.bins - 1 }), (k) => this.choose(k));
    const heat = (key, name) => glChart(key, 112, (width) => glHeatChart(width, 112,
      this.curve(state.arm).map((judged) => judged[key]), { T: state.T, value: state.judged[key] }, this.arm.fitted,
      name));
    [this.nll, this.ece] = [heat("nll", "NLL over T, nats"), heat("ece", "ECE over T")];
    this.scatter = glChart("scatter", 230, (width) => glScatter(width, 230, this.arms.map(({ name }, k) => ({
      name, accuracy: this.plain[k].accuracy, one: this.plain[k].ece, fitted: this.fitted[k].ece,
      now: k === state.arm ? state.judged.ece : this.plain[k].ece,
    })), state.arm));
  }

  layout() {
    const { arms, chosen, start, state, truth } = this;
    this.slider = glRange({
      name: "temperature", label: "temperature T", low: -GL_HEAT, high: GL_HEAT, step: 0.01, value: 0,
      text: () => glFixed(state.T, 2), change: (value) => chosen.set({ temperature: 10 ** value }),
    });
    this.fit = glButton("fitted", "", () => chosen.set({ temperature: this.arm.fitted }));
    this.choice = glRove(glButtons("network", arms.map((arm, k) => [k, arm.name]), (k) =>
      chosen.set({ network: arms[k].name, temperature: 1 })));
    return el("div.gl-figure",
      el("div.gl-controls", arms.length > 1 ? this.choice : null, this.slider.node,
        glButton("one", "T = 1", () => chosen.set({ temperature: 1 })), this.fit,
        glButton("reset", "reset", () => chosen.reset())),
      start.control ? el("p.gl-error", GL_CONTROL) : null,
      el("div.gl-columns.gl-upper",
        el("section", this.title, this.hand,
          el("p.gl-hint.gl-key", glSwatch("gl-is-right", "accuracy"), glSwatch("gl-is-over", "too sure"),
            glSwatch("gl-is-under", "not sure enough"), "Press a bin, or use the arrow keys.")),
        el("section", this.binTitle, this.more, this.tiles, this.detail.node)),
      this.readout.node,
      el("div.gl-columns.gl-lower",
        el("section", glTitle("One temperature for all logits: softmax(z / T)"), this.nll.node, this.ece.node,
          this.heatHint),
        el("section", glTitle("In numbers"), this.figures,
          glHint(`By luck alone: what a calibrated network with these confidences shows on ${truth.length} pictures ` +
            `in ${this.bins} bins.`)),
        el("section", glTitle("Accuracy against ECE"), this.scatter.node,
          glHint("Filled: T = 1. Hollow: T fitted. ✕: now."), this.networks,
          arms.some((arm) => !arm.heldOut) ? glHint("* fitted on the pictures shown") : null)));
  }

  /** @param {number} k */
  choose(k) { this.chosen.set({ bin: glClamp(k, 0, this.bins - 1) }); }

  // The pictures of the bin that can be shown, the wrong ones first, the surest first.
  members() {
    const { arm, start, state: { judged, bin }, truth } = this;
    return start.shown.map((i, j) => ({ i, j, right: arm.said[i] === truth[i], p: judged.confidence[i] }))
      .filter(({ i }) => judged.bin[i] === bin).sort((a, b) => a.right - b.right || b.p - a.p);
  }

  drawPicture() {
    const { arm, detail, labels, state, truth } = this, i = this.start.shown[state.picture];
    detail.node.hidden = i === undefined;
    if (i === undefined) return;
    const p = glChances(arm, i, state.T), P = arm.said[i], Q = arm.second[i], own = truth[i];
    detail.ask(labels, P, Q, p[P], p[Q]);
    detail.paint(this.photo(state.picture), arm.maps, state.picture,
      `Picture ${i}: it is ${labels[own]}; ${arm.name} says ${labels[P]}`);
    const order = glRanked(p).slice(0, 4);
    if (!order.includes(own)) order.push(own);
    glClassBars(detail.bars, order, p, (c) => `${labels[c]}${c === own ? " (true)" : ""}`, P, Q);
    const map = arm.maps ? "Contrast map Σ p_c L^c − L^Q at T = 1, to its own largest value."
      : `No contrast map: ${arm.name} was given as logits, or has no spatial layer.`;
    detail.hint.textContent = `${P === own ? "✓ Right." : `✗ Wrong: it is ${labels[own]}.`} ${map}`;
    detail.legend.hidden = !arm.maps;
  }

  /** @param {{ i: number, j: number, right: boolean, p: number }} given */
  tile({ i, j, right, p }) {
    const { labels, state, truth } = this, said = labels[this.arm.said[i]], pressed = j === state.picture;
    return el("button", {
      type: "button", "data-picture": i, "data-right": String(right), tabindex: pressed ? 0 : -1,
      "aria-pressed": String(pressed), title: `${said} ${glProbability(p)}`,
      "aria-label": `${said} with ${glProbability(p)}: ${right ? "right" : `wrong: it is ${labels[truth[i]]}`}`,
      onclick: () => this.chosen.set({ picture: i }),
    }, glPhotoTile(this.photo(j)), el("span.gl-tile-text", el("span.gl-mark", right ? "✓" : "✗"), ` ${said}`));
  }

  drawBin() {
    const { hand, state, tiles } = this, bin = state.judged.bins[state.bin];
    const some = this.members().slice(0, GL_TILES), range = `${glFixed(bin.low, 2)} to ${glFixed(bin.high, 2)}`;
    this.binTitle.textContent = `Confidence ${range}`;
    hand.setAttribute("aria-valuenow", String(state.bin + 1));
    hand.setAttribute("aria-valuetext", `confidence ${range}: ${glGapText(bin)}`);
    const here = bin.count > some.length
      ? ` ${some.length} of them are here, the wrong ones first.`
      : some.length > 1 ? " The wrong ones come first." : "";
    this.more.textContent = `${glGapText(bin)}.${here}`;
    if (!some.some(({ j }) => j === state.picture)) state.picture = some.length ? some[0].j : -1;
    const focused = tiles.contains(document.activeElement);
    tiles.replaceChildren(...some.map((each) => this.tile(each)));
    if (focused) /** @type {HTMLElement | null} */ (tiles.querySelector('[aria-pressed="true"]'))?.focus();
    this.drawPicture();
  }

  /** @param {Judged} judged @param {Judged} best @param {Judged} one */
  drawTables(judged, best, one) {
    const { arm, arms, fitted, plain, state: { T } } = this;
    const row = (name, key) => [name, ...[one, judged, best].map((each) => glFixed(each[key], 3))];
    const luck = arm.luck.map((each) => glFixed(each, 3));
    glFillTable(this.figures, ["figure", "T = 1", `now: T = ${glFixed(T, 2)}`, `fitted: ${glFixed(arm.fitted, 2)}`], [
      row("accuracy", "accuracy"), row("mean confidence", "sure"), row("ECE", "ece"),
      ["ECE by luck alone", luck[0], T === 1 ? luck[0] : T === arm.fitted ? luck[1] : "–", luck[1]],
      row("largest gap (MCE)", "mce"), row("NLL, nats", "nll"),
    ]);
    glFillTable(this.networks, ["network", "accuracy", "ECE", "ECE, T fitted", "T fitted"], arms.map((each, k) => [
      each.name, ...[plain[k].accuracy, plain[k].ece, fitted[k].ece].map((value) => glFixed(value, 3)),
      `${glFixed(each.fitted, 2)}${each.heldOut ? "" : " *"}`,
    ]), this.state.arm);
  }

  /** @param {Judged} judged */
  drawCharts(judged) {
    const filled = judged.bins.filter((each) => each.count).map((each) =>
      `confidence ${glFixed(each.confidence, 2)}, accuracy ${glFixed(each.accuracy, 2)}, ${each.count} pictures`);
    this.diagram.draw(`Reliability diagram of ${this.arm.name}: ${filled.join("; ")}`);
    this.nll.draw(`Negative log-likelihood over the temperature; ${glFixed(judged.nll, 3)} now`);
    this.ece.draw(`Expected calibration error over the temperature; ${glFixed(judged.ece, 3)} now`);
    const places = this.arms.map(({ name }, k) =>
      `${name} ${glFixed(this.plain[k].accuracy, 3)}, ${glFixed(this.plain[k].ece, 3)}`);
    this.scatter.draw(`Accuracy against ECE: ${places.join("; ")}`);
  }

  draw() {
    const { arm, state, truth } = this, judged = (state.judged = glJudge(arm, truth, this.bins, state.T));
    const one = this.plain[state.arm], T = glFixed(state.T, 2), fitted = glFixed(arm.fitted, 2);
    this.title.textContent = `${arm.name}: reliability of ${truth.length} pictures, T = ${T}`;
    const on = arm.heldOut ? "held-out pictures" : "the very pictures shown: too good by a little";
    this.heatHint.textContent = one.accuracy === 1 && !arm.heldOut
      ? "All pictures are right: the lower T, the smaller the NLL, so that no T is the best."
      : `T = ${fitted} (dashed) has the smallest NLL on ${on}. No prediction changes with T.`;
    this.fit.textContent = `fitted: T = ${fitted}`;
    this.drawTables(judged, this.fitted[state.arm], one);
    glPress(this.choice, state.arm);
    this.drawCharts(judged);
    this.drawBin();
    const gap = judged.sure - judged.accuracy;
    const way = Math.abs(gap) < GL_EVEN ? "as sure as it is right" : gap > 0 ? "too sure" : "not sure enough";
    this.readout.say(`${arm.name} at T = ${T}: right in ${glFixed(judged.accuracy, 3)}, ${glFixed(judged.sure, 3)} ` +
      `sure on average, so on the whole ${way}. ECE ${glFixed(judged.ece, 3)}, NLL ${glFixed(judged.nll, 3)}.`);
  }
}
const render = glRender("calibration", "Calibration: is a network right as often as it says?",
  (model) => new GlCalibration(model));

export default { render };
