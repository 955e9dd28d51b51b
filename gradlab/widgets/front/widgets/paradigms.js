// The three questions side by side. Everything below runs in the browser; only a new picture asks the kernel.

import { glDecode } from "../lib/answer.js";
import { glFilmstrip, glProbabilityBars, glVoteBars } from "../lib/bars.js";
import { glPhoto, glSigned } from "../lib/colour.js";
import { GlChoices } from "../lib/choices.js";
import { glClassOptions, glClassPicker } from "../lib/combobox.js";
import { el, glButton, glHint, glRender, glSelect, glSlider, glTitle } from "../lib/dom.js";
import { glContrast, glProbability, glShare, glTop, glValue, glVotes, glWithout } from "../lib/numbers.js";
import { GlPanel, glPlace } from "../lib/panel.js";
import { glCompose, glPins, glSaveAs } from "../lib/pins.js";
import { GlPresenter, glNext } from "../lib/present.js";
import { glDefaultQ, glQuestions, glWords } from "../lib/questions.js";
import { GlPictureView } from "../lib/source.js";
import { GL_STOPS } from "../lib/stops.js";

const GL_FRAMES = 8;
const GL_LOOK = ["opacity", "colours", "threshold", "scale", "units"];

// Values in the chosen units, and the value at the end of the colours: each its own, or one for all.
/** @param {any[]} views @param {Look} look */
function glScaled(views, look) {
  for (const view of views) {
    view.share = look.units === "share";
    if (view.share) view.map = glShare(view.map);
    view.top = glTop(view.map, glSigned(look.colours));
  }
  if (look.scale === "shared") {
    const most = Math.max(...views.map((view) => view.top));
    for (const view of views) view.top = view.top > 0 ? most : 0;
  }
  return views;
}

// The likeliest other classes, the least likely one, and P itself, each as Q.
/** @param {Maps} a @param {string[]} labels @param {number} p @param {Look} look */
function glFrames(a, labels, p, look) {
  const likely = a.order.filter((c) => c !== p).slice(0, GL_FRAMES);
  const last = a.order[a.order.length - 1];
  const classes = [...new Set([...likely, last, p])];
  return glScaled(classes.map((c) => ({
    q: c, text: labels[c], map: glContrast(a, c),
    note: c === p ? "Q = P" : c === last && !likely.includes(c) ? "the least likely" : glProbability(a.p[c]),
  })), look);
}

/** @param {string} text */
function glCapital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** @param {Maps} a @param {string[]} labels @param {any} state @param {any} after */
function glSentence(a, labels, { p, q, cells, cursor }, after) {
  const change = (c) => `${labels[c]} ${glProbability(a.p[c])} → ${glProbability(after[c])}`;
  if (cursor !== null) {
    const named = glVotes(a, cursor, 3).map(({ c, value }) => `${labels[c]} ${glValue(value, false)}`);
    return `${glCapital(glPlace(a, cursor))} votes for ${named.join(", ")}.` +
      `${after ? ` Without the grey cells: ${change(p)}.` : ""}`;
  }
  if (after) {
    const many = cells.size === 1 ? "1 cell" : `${cells.size} cells`;
    return `Without ${many}: ${change(p)}${q === p ? "" : `, ${change(q)}`}.`;
  }
  return glWords(labels, a.p, a.order[0], p, q).said;
}

class GlParadigms extends GlPictureView {
  /** @type {any} */ state; /** @type {HTMLElement} */ bars; /** @type {HTMLElement} */ voteBars;
  /** @type {HTMLElement} */ clear; /** @type {HTMLElement} */ says; /** @type {HTMLElement} */ votes;
  /** @type {ReturnType<typeof glClassPicker>} */ p; /** @type {ReturnType<typeof glClassPicker>} */ q;
  /** @type {Maps} */ a; /** @type {HTMLCanvasElement} */ photo; /** @type {Numbers | null} */ after;
  /** @type {Record<string, { node: HTMLElement, set: (value: any) => void }>} */ inputs;
  /** @type {HTMLElement} */ barsTitle; /** @type {HTMLElement} */ votesTitle; /** @type {HTMLElement} */ note;

  /** @param {Model} model */
  constructor(model) {
    super(model);
    this.chosen = new GlChoices(model, ["target", "contrast", "cells", ...GL_LOOK], (names) => this.changed(names));
    Object.assign(this.hears, this.chosen.hears);
    this.stops.push(this.chosen);
    this.state = { p: 0, q: 0, cells: new Set(), cursor: null };
    this.pins = glPins();
    const isPicked = (cell) => this.state.cells.has(cell);
    this.panels = ["why", "whatif", "contrast"].map((key) => new GlPanel(key, this.hands(), isPicked));
    this.film = glFilmstrip((q) => this.chosen.set({ contrast: q }));
    this.pickers();
    this.boxes();
    this.presenter = new GlPresenter(model, this.presented());
    Object.assign(this.hears, this.presenter.hears);
    this.node = [
      el("div.gl-main", el("div.gl-side", this.source.node, this.says, this.votes),
        el("div.gl-asking", el("div.gl-panels", this.panels.map((panel) => panel.node)), this.readout.node,
          this.presenter.hint, glTitle("Rather than ..."), this.film.node, this.controls())),
      this.pins.node,
    ];
  }

  hands() {
    const { state } = this;
    return {
      cursor: (cell) => { if (cell !== state.cursor) { state.cursor = cell; this.cursorMoved(); } },
      toggle: (cell, wanted = !state.cells.has(cell)) => {
        const others = [...state.cells].filter((each) => each !== cell);
        this.putCells(wanted ? [...others, cell] : others);
      },
    };
  }

  // What a lecturer's keys do: likely classes, and the pictures of the list.
  presented() {
    const likely = () => this.a.order.slice(0, GL_FRAMES);
    return {
      p: /** @type {[string, (step: number) => void]} */ (["next P", (step) =>
        this.askAbout(glNext(likely(), this.state.p, step))]),
      q: /** @type {[string, (step: number) => void]} */ (["next Q", (step) =>
        this.chosen.set({ contrast: glNext(likely().filter((c) => c !== this.state.p), this.state.q, step) })]),
      n: /** @type {[string, (step: number) => void]} */ (["next picture", (step) => this.nextPicture(step)]),
    };
  }

  /** @param {number} step */
  nextPicture(step) {
    const name = glNext(this.model.get("choices"), this.a.name, step);
    if (this.alive) this.source.ask({ name });
    else this.readout.say("A saved page: another picture needs a kernel.");
  }

  // The pickers of P and Q: the class lists, likeliest first.
  pickers() {
    const classes = () => glClassOptions(this.a, this.labels), other = () => this.state.p === this.a.order[0];
    this.p = glClassPicker("P", "P: the class asked about",
      () => [{ value: null, text: "what the network says (default)" }, ...classes()],
      (value) => this.askAbout(value), this.groups);
    this.q = glClassPicker("Q", "Q: rather than which class", () => [
      { value: null, text: `${other() ? "runner-up" : "what the network says"} (default)` },
      { value: this.state.p, text: "P itself: why not P with 100 % confidence?" }, ...classes(),
    ], (value) => this.chosen.set({ contrast: value }), this.groups);
    this.panels[0].node.append(this.p.node);
    this.panels[2].node.append(this.q.node);
  }

  // Another P; a Q that is P itself goes with it.
  /** @param {number | null} target */
  askAbout(target) {
    const own = this.chosen.get("contrast") === this.state.p;
    this.chosen.set({ target, ...(own ? { contrast: target ?? this.a.order[0] } : {}) });
  }

  boxes() {
    this.bars = el("ul.gl-bars", { "data-bars": "p" });
    this.voteBars = el("ul.gl-bars", { "data-bars": "votes" });
    [this.barsTitle, this.votesTitle, this.note] = [glTitle(), glTitle(), glHint()];
    this.clear = glButton("clear", "put the cells back", () => {
      this.putCells([]);
      this.panels[0].canvas.focus();
    });
    this.says = el("section.gl-says", this.barsTitle, this.bars, this.note, this.clear);
    this.votes = el("section.gl-votes", this.votesTitle, this.voteBars);
  }

  controls() {
    const { chosen, panels } = this, set = (name) => (value) => chosen.set({ [name]: value });
    const compose = () => glCompose(panels, this.sentence());
    const select = (name, values) => glSelect(name, name, values, chosen.get(name), set(name));
    this.inputs = {
      opacity: glSlider("opacity", "opacity", chosen.get("opacity"), set("opacity")),
      colours: select("colours", Object.keys(GL_STOPS)),
      threshold: glSlider("threshold", "threshold", chosen.get("threshold"), set("threshold")),
      scale: select("scale", ["each", "shared"]),
      units: select("units", ["raw", "share"]),
    };
    return el("div.gl-controls", { role: "group", "aria-label": "How the maps are shown" },
      Object.values(this.inputs).map((each) => each.node),
      el("div.gl-keep", this.presenter.button, glButton("reset", "reset", () => chosen.reset()),
        glButton("pin", "pin", () => this.pins.add(compose(), `${panels[2].view.title} ${this.sentence()}`)),
        glButton("save", "save", () => glSaveAs(compose(), `${this.a.name.replace(/\W+/g, "-")}-paradigms.png`))));
  }

  sentence() { return glSentence(this.a, this.labels, this.state, this.after); }

  /** @param {number[]} cells */
  putCells(cells) {
    this.chosen.set({ cells: cells.sort((a, b) => a - b) });
    this.state.cells = new Set(cells);  // before the next cell of this drag
  }

  begin() {
    this.presenter.begin();
    super.begin();
  }

  arrived() {
    this.a = glDecode(this.model.get("answer"));
    this.photo = glPhoto(this.a);
    this.state.cursor = null;
    this.source.show(this.a);
    this.changed(new Set());
  }

  // Redraw what other choices have changed; taking cells away changes no map.
  /** @param {Set<string>} names */
  changed(names) {
    const { a, chosen, state } = this;
    state.cells = new Set(chosen.get("cells"));
    if (names.size === 1 && names.has("cells")) { this.cellsChanged(); return; }
    state.p = chosen.get("target") ?? a.order[0];
    state.q = chosen.get("contrast") ?? glDefaultQ(a.order, state.p);
    this.refresh();
  }

  refresh() {
    const { a, chosen, inputs, labels, photo, state: { p, q, cells, cursor } } = this;
    const look = /** @type {Look} */ (chosen.all()), views = glScaled(glQuestions(a, labels, p, q), look);
    this.panels.forEach((panel, i) => panel.draw(a, photo, views[i], look, cursor, cells));
    this.film.draw(a, photo, glFrames(a, labels, p, look), look, q);
    this.p.set(labels[p]);
    this.q.set(q === p ? "P itself" : labels[q]);
    for (const [name, input] of Object.entries(inputs)) input.set(look[name]);
    this.cellsChanged();
  }

  cellsChanged() {
    const { a, state } = this, after = state.cells.size ? glWithout(a, state.cells) : null;
    this.after = after;
    this.barsTitle.textContent = after
      ? `Without ${state.cells.size === 1 ? "this cell" : "these cells"}` : "The network says";
    this.note.textContent = !after ? "" : a.exact
      ? "exact: this network ends in average pooling and one linear layer"
      : "first-order: this network is not linear after its maps";
    this.clear.hidden = !after;
    glProbabilityBars(this.bars, a, this.labels, state.p, state.q, after, 5);
    this.cursorMoved();
  }

  cursorMoved() {
    const { a, state, voteBars } = this, cell = state.cursor;
    for (const panel of this.panels) panel.mark(cell, state.cells);
    this.votesTitle.textContent = cell === null ? "A cell votes for ..." : `${glCapital(glPlace(a, cell))} votes for`;
    if (cell === null) {
      voteBars.replaceChildren(el("li.gl-hint",
        "Point at a map, or move on it with the arrow keys. A click or Space takes the cell away."));
    } else glVoteBars(voteBars, a, this.labels, state.p, state.q, cell, 5);
    this.readout.say(this.sentence());
  }
}
const render = glRender("paradigms", "Why P? What if not P? Why P, rather than Q?", (model) => new GlParadigms(model));

export default { render };
