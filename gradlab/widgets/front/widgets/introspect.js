// Why P, rather than 0, 1 ... 9? All panels at once, as rows of a gradient or on the picture, while noise rises.

import { glClassBars } from "../lib/bars.js";
import { glChart, glKey } from "../lib/chart.js";
import { glPaintSigned, glPhotoTile, glStrip, glTopOf } from "../lib/colour.js";
import {
  GlPanelButton, glCosineChart, glNoiseChart, glOuter, glOuterHeight, glPaintRows,
} from "../lib/contrast_charts.js";
import { GlChoices } from "../lib/choices.js";
import { GL_HINTS, GL_LOSSES, glSparsityText } from "../lib/contrast_words.js";
import { GL_ONES, glDecodePanels, glEffective, glHeldRows, glLength, glRowsOf, glSparsity } from "../lib/contrasts.js";
import {
  el, glButton, glCheck, glContext, glHint, glPress, glRange, glReadout, glRender, glRove, glSelect, glTitle,
} from "../lib/dom.js";
import { GlInk } from "../lib/ink.js";
import { glFixed, glMean, glRanked } from "../lib/numbers.js";
import { GlAnswers } from "../lib/source.js";
import { glPacked } from "../lib/wire.js";

class GlIntrospect extends GlAnswers {
  /** @type {any} */ state; /** @type {HTMLElement} */ gallery; /** @type {Chart} */ outer;
  /** @type {Chart} */ rowsChart; /** @type {Chart} */ sureChart; /** @type {Chart} */ cosines;
  /** @type {Child} */ node; /** @type {string[]} */ labels; /** @type {number[]} */ noise;
  /** @type {("ce" | "mse" | "bce")[]} */ losses; /** @type {Digit[]} */ digits; /** @type {boolean} */ alive;
  /** @type {number} */ asked; /** @type {number} */ waits; /** @type {Digit | undefined} */ drawn;
  /** @type {any} */ inputs; /** @type {GlPanelButton[]} */ panels;
  /** @type {ReturnType<typeof glReadout>} */ readout; /** @type {HTMLElement} */ heading;
  /** @type {HTMLElement} */ detailTitle; /** @type {HTMLElement} */ hint; /** @type {HTMLElement} */ detailHint;
  /** @type {HTMLElement} */ cosineHint; /** @type {HTMLElement} */ low; /** @type {HTMLElement} */ high;

  /** @param {Model} model */
  constructor(model) {
    super(model);
    const start = model.get("start"), { noise, losses } = start;
    Object.assign(this, { labels: model.get("labels"), noise, losses, digits: glDecodePanels(start) });
    const names = ["picture", "noise", "contrast", "show", "each", "loss", "mean"];
    const chosen = (this.chosen = new GlChoices(model, names, () => this.changed()));
    this.state = { digit: 0, level: 0, q: null, view: "rows", each: false, loss: losses[0], mean: false };
    Object.assign(this, { alive: !model.gradlabSaved, asked: 0, waits: 0, panels: [], readout: glReadout() });
    [this.heading, this.detailTitle] = [glTitle(), glTitle()];
    [this.hint, this.detailHint, this.cosineHint] = [glHint(), glHint(), glHint()];
    this.photo = el("canvas.gl-photo", { role: "img" });
    this.bars = el("ul.gl-bars", { "aria-label": "Probabilities" });
    this.grid = glRove(el("div.gl-asks",
      { role: "group", "aria-label": "Rather than each class: press one to see it at length" }));
    [this.low, this.high] = [el("span"), el("span")];
    this.ink = new GlInk((canvas) => this.sendDrawing(canvas), () => {
      this.asked += 1;
      this.settle("");
      if (this.state.digit < 0) this.pick(0);
    });
    if (!this.alive) this.ink.disable();
    this.charts();
    this.node = this.layout();
    const told = (name, act) => () => { if (model.get(name)) act(model.get(name)); };
    this.hears = {
      "change:answer": () => this.arrived(),
      "change:busy": told("busy", (text) => { this.status.textContent = text; }),
      "change:error": told("error", (text) => this.settle(text)),
      comm_live_update: () => this.lost(),
      ...chosen.hears,
    };
    const forget = { stop: () => { this.asked += 1; this.stop(); } };  // nothing that was drawn is sent any more
    this.stops = [forget, this.outer, this.rowsChart, this.sureChart, this.cosines, this.readout, chosen];
    this.take();
  }

  begin() { this.changed(); }

  // What was drawn last, if anything was.
  take() {
    const answer = this.model.get("answer");
    if (answer.serial) [this.drawn] = glDecodePanels(answer);
  }

  // The choices as they are shown here.
  changed() {
    const { chosen, noise, state, inputs } = this, { picture, contrast, show, ...rest } = chosen.all();
    const digit = picture < 0 && !this.drawn ? 0 : picture;
    Object.assign(state, { ...rest, digit, level: noise.indexOf(rest.noise), view: show });
    const { asked } = this.digit, { at } = this, others = asked.filter((c) => c !== at.said);
    const known = contrast === "ones" || asked.includes(contrast);
    state.q = known ? contrast
      : others.length ? others.reduce((best, c) => (at.p[c] > at.p[best] ? c : best)) : asked[0];
    inputs.noise.set(state.level);
    inputs.show.set(show);
    inputs.each.set(rest.each);
    inputs.loss.value = rest.loss;
    inputs.mean.set(rest.mean);
    this.draw();
  }

  /** @returns {Digit} */
  get digit() { return this.state.digit < 0 ? this.drawn : this.digits[this.state.digit]; }

  get at() { return this.digit.levels[this.state.level]; }

  /** @param {Digit} [digit] */
  sparsity(digit = this.digit) {
    return (digit.sparsity ??= digit.levels.map((at) => glSparsity(at, digit.asked)));
  }

  // Rows of the gradient: of the label of all ones, or rather than q.
  /** @param {any} [q] @param {Level} [at] */
  rows(q = this.state.q, at = this.at) {
    return q === "ones" ? GL_ONES[this.state.loss](at) : glRowsOf(at, q);
  }

  // A figure over the noise, of the picture or the mean of all.
  /** @param {(digit: Digit, k: number) => number} of */
  over(of) {
    const all = this.state.mean ? this.digits : [this.digit];
    return this.noise.map((_, k) => glMean(all.map((digit) => of(digit, k))));
  }

  charts() {
    const { labels, noise, state } = this;
    const kept = (key) => this.over((digit, k) => this.sparsity(digit)[k][key]);
    this.outer = glChart("outer", glOuterHeight(this.digit.asked.length), (width) =>
      glOuter(width, this.rows(), this.at, this.digit.asked, labels,
        { q: state.q, factor: state.q === "ones" ? "u" : "p − e_Q" }));
    this.rowsChart = glChart("rows", 190, (width) => {
      const lines = [
        { values: kept("held"), kind: "gl-line-held" }, { values: kept("effective"), kind: "gl-line-rows" },
        { values: this.over((digit, k) => glEffective(this.rows("ones", digit.levels[k]))), kind: "gl-line-ones" },
      ];
      const most = Math.max(4, ...lines.flatMap((line) => line.values)) * 1.05;
      return glNoiseChart(width, 190, noise, state.level, most, lines);
    });
    this.sureChart = glChart("sure", 130, (width) => {
      const { truth, levels } = this.digit;
      const wrong = state.mean || truth === null ? [] : levels.map(({ said }) => said !== truth);
      return glNoiseChart(width, 130, noise, state.level, 1, [{ values: kept("sure"), kind: "gl-line-sure" }], wrong);
    });
    this.cosines = glChart("cosines", 300, (width) => {
      const { asked } = this.digit;
      return glCosineChart(Math.min(width, 280), asked.map((q) => this.rows(q)), asked, labels, this.at.said, state.q);
    });
  }

  // A control that changes one choice.
  /** @param {string} name */
  set(name) { return (value) => this.chosen.set({ [name]: value }); }

  layout() {
    const { losses, model, noise } = this;
    this.gallery = glRove(el("div.gl-gallery", { role: "group", "aria-label": "Pictures to choose from" },
      this.digits.map(({ name, levels }, i) => el("button",
        { type: "button", "data-digit": i, "aria-label": name, title: name, onclick: () => this.pick(i) },
        glPhotoTile(levels[0].photo)))));
    const loss = el("select", {
      "data-control": "loss", onchange: () => this.set("loss")(loss.value),
    }, losses.map((each) => el("option", { value: each }, GL_LOSSES[each])));
    this.inputs = {
      noise: glRange({
        name: "noise", label: "noise", low: 0, high: noise.length - 1, step: 1, value: 0,
        text: (k) => glFixed(noise[k], 1), change: (k) => this.chosen.set({ noise: noise[k] }),
      }),
      show: glSelect("view", "show", ["rows", "picture"], "", this.set("show")),
      each: glCheck("each", "each panel to its own scale", this.set("each")),
      mean: glCheck("mean", `mean of the ${this.digits.length} pictures`, this.set("mean")),
      loss,
    };
    const { inputs } = this;
    return [
      el("div.gl-main",
        el("div.gl-side",
          el("section.gl-source", glTitle("Pick a picture"), this.gallery,
            model.get("draws") ? [glTitle("or draw a digit"), this.ink.node] : null, this.status, this.error),
          el("section.gl-says", glTitle("What the network sees and says"), this.photo, this.bars)),
        el("div.gl-asking", this.heading,
          el("div.gl-controls.gl-first", inputs.noise.node, inputs.show.node, inputs.each.node,
            glButton("reset", "reset", () => this.chosen.reset())),
          this.grid, el("div.gl-legend", this.low, glStrip("blue-orange"), this.high), this.hint,
          el("label.gl-control.gl-ones", el("span", "all ones, loss:"), loss), this.readout.node)),
      this.detail(),
    ];
  }

  detail() {
    return el("div.gl-columns.gl-detail",
      el("section", this.detailTitle, this.outer.node, this.detailHint),
      el("section", glTitle("How many rows, as noise rises"),
        this.inputs.mean.node, this.rowsChart.node,
        el("p.gl-hint.gl-key", glKey("gl-line-rows", "effective rows"), glKey("gl-line-held", "rows that hold 99 %"),
          glKey("gl-line-ones", "effective rows, all ones")),
        glHint(`Means over the panels but that of its own answer, of ${this.labels.length} rows. ${GL_HINTS.noise}`),
        this.sureChart.node, el("p.gl-hint.gl-key", glKey("gl-line-sure", "p of what it says"), "✗ wrong")),
      el("section", glTitle("Cosine between two panels"), this.cosines.node, this.cosineHint));
  }

  // What each panel shows, and the value at the end of its colours.
  shown() {
    const { at, losses, state } = this;
    const map = (kind, j) => (kind === "ones" ? at.ones(losses.indexOf(state.loss)) : at.map(j));
    return this.panels.map(({ kind }, j) => {
      const u = this.rows(kind), values = state.view === "picture" ? map(kind, j) : null;
      return { u, values, top: values ? glTopOf(values) : glTopOf(u) * glTopOf(at.h) };
    });
  }

  drawPanels() {
    const { at, digit: { asked }, grid, labels, state } = this, map = state.view === "picture";
    const kinds = [...asked, /** @type {const} */ ("ones")];
    if (kinds.join() !== this.panels.map((panel) => panel.kind).join()) {  // the buttons stay, and with them the focus
      this.panels = kinds.map((kind) => new GlPanelButton(kind, () => this.set("contrast")(kind)));
      grid.replaceChildren(...this.panels.map((panel) => panel.node));
    }
    const shown = this.shown(), shared = Math.max(...shown.slice(0, -1).map((each) => each.top));
    this.panels.forEach((panel, j) => {
      const { kind } = panel, { u, values, top } = shown[j], isOnes = kind === "ones", own = kind === at.said;
      // the label of all ones has another loss: always to its own scale
      const scale = state.each || isOnes ? top : shared;
      if (map) glPaintSigned(panel.canvas, at, values, scale);
      else glPaintRows(u, at.h, asked, scale, panel.canvas);
      const place = (c) => (asked.indexOf(c) + 0.5) / asked.length;
      const both = [{ tag: "P", part: place(at.said) }, { tag: "Q", part: place(kind) }];
      const tags = map || isOnes ? [] : both.slice(own ? 1 : 0);
      const text = isOnes ? "all ones" : `rather than ${labels[kind]}${own ? " itself" : ""}`;
      panel.draw(text, u, glLength(u) * glLength(at.h), tags.filter(({ part }) => part > 0), own, kind === state.q);
    });
    grid.dataset.view = state.view;
    [this.low.textContent, this.high.textContent] = map
      ? ["speaks for Q", "speaks against Q"] : ["weights rise", "weights fall"];
    this.hint.textContent = GL_HINTS[state.view];
  }

  drawDetail() {
    const { at, digit, digits, labels, noise, state } = this, u = this.rows(), isOnes = state.q === "ones";
    const said = labels[at.said], all = this.sparsity();
    const name = isOnes ? "The label of all ones" : state.q === at.said
      ? `Why not ${said} with certainty?` : `Why ${said}, rather than ${labels[state.q]}?`;
    this.detailTitle.textContent = name;
    this.detailHint.textContent = `${glFixed(glEffective(u), 2)} effective rows, (Σ r²)² / Σ r⁴ of the rows’ lengths ` +
      `r: 2 for two rows as long as each other. ${glHeldRows(u)} of ${u.length} rows hold 99 % of the squared length.` +
      `${isOnes ? " A one-hot contrast of a sure network has two rows; this label asks all classes at once." : ""}`;
    this.outer.draw(`${name} ${digit.asked.map((c) => `${labels[c]} ${glFixed(u[c], 3)}`).join(", ")}`);
    const of = state.mean ? `mean of ${digits.length} pictures` : digit.name;
    const cosine = glFixed(all[state.level].cosine, 2);
    const rowsAt = all.map(({ effective, held }, k) =>
      `${noise[k]}: ${glFixed(effective, 2)} effective, ${glFixed(held, 1)} hold 99 %`);
    this.rowsChart.draw(`Rows of a panel over the noise, ${of}: ${rowsAt.join("; ")}`);
    this.sureChart.draw(`Probability of what it says over the noise, ${of}`);
    this.cosines.draw(`Cosines between the panels; between two that are not of its own answer ${cosine} on average`);
    this.cosineHint.textContent = `Mean between two others: ${cosine}. With a sure network it is 0.5, not 0: they ` +
      "share the row of P. Only −grad z_Q differs from panel to panel.";
  }

  draw() {
    const { at, bars, digit, labels, noise, photo, state } = this, { asked, truth } = digit, level = noise[state.level];
    Object.assign(photo, { width: at.photo.width, height: at.photo.height });
    glContext(photo).drawImage(at.photo, 0, 0);
    photo.setAttribute("aria-label", `What the network sees: ${digit.name}, noise ${level}`);
    const order = glRanked(at.p).filter((c) => asked.includes(c)).slice(0, 5);
    glClassBars(bars, order, at.p, (c) => labels[c], at.said, state.q);
    const mark = truth === null ? "" : truth === at.said ? " ✓" : ` ✗ (it is ${labels[truth]})`;
    const others = asked.length < labels.length
      ? "the likeliest others" : `${labels[0]} … ${labels[labels.length - 1]}`;
    this.heading.textContent = `Why ${labels[at.said]}${mark}, rather than ${others}?`;
    glPress(this.gallery, state.digit, Math.max(0, state.digit));
    this.drawPanels();
    this.drawDetail();
    this.readout.say(glSparsityText(digit, at, labels, level, this.sparsity()[state.level]));
  }

  /** @param {number} i */
  pick(i) {
    this.error.textContent = "";
    this.set("picture")(i);
  }

  // A drawing, unless a later stroke is on its way.
  /** @param {HTMLCanvasElement} canvas */
  async sendDrawing(canvas) {
    const mine = ++this.asked;
    this.wait("asking the network ...");
    const blob = await new Promise((done) => { canvas.toBlob(done, "image/png"); });
    const bytes = new Uint8Array(await blob.arrayBuffer());
    if (mine !== this.asked) return;
    this.waits = mine;
    this.send({ kind: "picture", name: "your drawing", upload: glPacked(bytes, "uint8") });
  }

  arrived() {
    this.take();
    const { waits, asked } = this, mine = waits && waits === asked && this.ink.drawn;  // not cleared in the meantime
    this.waits = 0;
    if (!waits || mine) this.settle("");  // another view may have asked
    if (mine && this.state.digit >= 0) this.pick(-1); else this.changed();
  }
}

const render = glRender("introspect", "Why P, rather than every other class: introspective panels",
  (model) => new GlIntrospect(model));

export default { render };
