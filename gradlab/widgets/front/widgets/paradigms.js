// The three questions side by side. Everything below runs in the browser; only a new picture asks the kernel.

import { glDecode } from "../lib/answer.js";
import { glFilmstrip, glProbabilityBars, glVoteBars } from "../lib/bars.js";
import { glPhoto, glSigned } from "../lib/colour.js";
import { glClassOptions, glClassPicker } from "../lib/combobox.js";
import { el, glButton, glHint, glRender, glSelect, glSlider, glTitle } from "../lib/dom.js";
import { glClassMap, glContrast, glProbability, glShare, glTop, glValue, glVotes, glWithout } from "../lib/numbers.js";
import { GlPanel, glPlace } from "../lib/panel.js";
import { glCompose, glPins, glSaveAs } from "../lib/pins.js";
import { GlPictureView } from "../lib/source.js";
import { GL_STOPS } from "../lib/stops.js";

const GL_FRAMES = 8;

// P, Q ("runner-up", "self" or a class) and the three maps they give.
/** @param {Maps} a @param {any} state */
function glChosenQ(a, state) {
  if (state.q === "self") return state.p;
  if (state.q === "runner-up") return a.order.find((c) => c !== state.p) ?? state.p;
  return state.q;
}

/** @param {Maps} a @param {string[]} labels @param {any} state */
function glQuestions(a, labels, state) {
  const p = state.p, q = glChosenQ(a, state), said = a.order[0];
  const third = q === p ? `Why not ${labels[p]} with 100 % confidence?`
    : `Why ${labels[said]}, rather than ${labels[q]}?`;
  const meaning = q === p ? "for the other answers, against P"
    : p === said ? "for what the network says, against Q" : "for what the network says (not P), against Q";
  return [
    { key: "why", title: `Why ${labels[p]}?`, meaning: "what speaks for P", map: glClassMap(a, p, 1), unit: "logit" },
    {
      key: "whatif", title: `What if not ${labels[p]}?`, meaning: "what speaks against P", map: glClassMap(a, p, -1),
      unit: "logit",
    },
    { key: "contrast", title: third, meaning, map: glContrast(a, q), unit: "nat" },
  ];
}

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

/** @param {Maps} a @param {string[]} labels @param {any} state @param {Look} look */
function glFrames(a, labels, state, look) {
  const q = glChosenQ(a, state);
  const likely = a.order.filter((c) => c !== state.p).slice(0, GL_FRAMES);
  const last = a.order[a.order.length - 1];
  const classes = [...new Set([...likely, last, state.p])];
  const frames = classes.map((c) => ({
    q: c, text: labels[c], map: glContrast(a, c),
    note: c === state.p ? "Q = P" : c === last && !likely.includes(c) ? "unrelated: least p" : glProbability(a.p[c]),
  }));
  return { q, frames: glScaled(frames, look) };
}

/** @param {string} text */
function glCapital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** @param {Maps} a @param {string[]} labels @param {any} state @param {any} after */
function glSentence(a, labels, state, after) {
  const p = state.p, q = glChosenQ(a, state);
  const change = (c) => `${labels[c]} ${glProbability(a.p[c])} → ${glProbability(after[c])}`;
  if (state.cursor !== null) {
    const named = glVotes(a, state.cursor, 3).map(({ c, value }) => `${labels[c]} ${glValue(value, false)}`);
    return `${glCapital(glPlace(a, state.cursor))} votes for ${named.join(", ")}.` +
      `${after ? ` Without the grey cells: ${change(p)}.` : ""}`;
  }
  if (after) {
    const many = state.cells.size === 1 ? "1 cell" : `${state.cells.size} cells`;
    return `Without ${many}: ${change(p)}${q === p ? "" : `, ${change(q)}`}.`;
  }
  const other = q === p ? "" : `, ${labels[q]} ${glProbability(a.p[q])}`;
  return `The network says ${labels[p]} ${glProbability(a.p[p])}${other}.`;
}

class GlParadigms extends GlPictureView {
  /** @type {any} */ state; /** @type {HTMLElement} */ bars; /** @type {HTMLElement} */ voteBars;
  /** @type {HTMLElement} */ clear; /** @type {HTMLElement} */ says; /** @type {HTMLElement} */ votes;
  /** @type {ReturnType<typeof glClassPicker>} */ p; /** @type {ReturnType<typeof glClassPicker>} */ q;
  /** @type {Maps} */ a; /** @type {HTMLCanvasElement} */ photo; /** @type {Numbers | null} */ after;
  /** @type {HTMLElement} */ barsTitle; /** @type {HTMLElement} */ votesTitle; /** @type {HTMLElement} */ note;

  /** @param {Model} model */
  constructor(model) {
    super(model);
    this.look = { opacity: 0.55, colours: "viridis", threshold: 0, scale: "each", units: "raw" };
    this.state = { p: 0, q: "runner-up", cells: new Set(), cursor: null };
    this.pins = glPins();
    const isPicked = (cell) => this.state.cells.has(cell);
    this.panels = ["why", "whatif", "contrast"].map((key) => new GlPanel(key, this.hands(), isPicked));
    this.film = glFilmstrip((q) => this.ask({ q: q === this.state.p ? "self" : q }));
    this.pickers();
    this.boxes();
    this.node = [
      el("div.gl-main", el("div.gl-side", this.source.node, this.says, this.votes),
        el("div.gl-asking", el("div.gl-panels", this.panels.map((panel) => panel.node)), this.readout.node,
          glTitle("Rather than ..."), this.film.node, this.controls())),
      this.pins.node,
    ];
  }

  hands() {
    const { state } = this;
    return {
      cursor: (cell) => { if (cell !== state.cursor) { state.cursor = cell; this.cursorMoved(); } },
      toggle: (cell, wanted = !state.cells.has(cell)) => {
        if (wanted) state.cells.add(cell); else state.cells.delete(cell);
        this.cellsChanged();
      },
    };
  }

  // The pickers of P and Q: the class lists, likeliest first.
  pickers() {
    const classes = () => glClassOptions(this.a, this.labels);
    this.p = glClassPicker("P", "P: the class asked about",
      () => [{ value: "said", text: "what the network says (default)" }, ...classes()],
      (value) => this.ask({ p: value === "said" ? this.a.order[0] : value }));
    this.q = glClassPicker("Q", "Q: rather than which class", () => [
      { value: "runner-up", text: "runner-up (default)" },
      { value: "self", text: "P itself: why not P with 100 % confidence?" }, ...classes(),
    ], (value) => this.ask({ q: value }));
    this.panels[0].node.append(this.p.node);
    this.panels[2].node.append(this.q.node);
  }

  boxes() {
    this.bars = el("ul.gl-bars", { "data-bars": "p" });
    this.voteBars = el("ul.gl-bars", { "data-bars": "votes" });
    [this.barsTitle, this.votesTitle, this.note] = [glTitle(), glTitle(), glHint()];
    this.clear = glButton("clear", "put the cells back", () => {
      this.state.cells.clear();
      this.cellsChanged();
      this.panels[0].canvas.focus();
    });
    this.says = el("section.gl-says", this.barsTitle, this.bars, this.note, this.clear);
    this.votes = el("section.gl-votes", this.votesTitle, this.voteBars);
  }

  controls() {
    const { look, panels } = this, set = (name) => (value) => { look[name] = value; this.refresh(); };
    const compose = () => glCompose(panels, this.sentence());
    const select = (name, values) => glSelect(name, name, values, look[name], set(name)).node;
    return el("div.gl-controls", { role: "group", "aria-label": "How the maps are shown" },
      glSlider("opacity", "opacity", look.opacity, set("opacity")), select("colours", Object.keys(GL_STOPS)),
      glSlider("threshold", "threshold", look.threshold, set("threshold")), select("scale", ["each", "shared"]),
      select("units", ["raw", "share"]),
      el("div.gl-keep",
        glButton("pin", "pin", () => this.pins.add(compose(), `${panels[2].view.title} ${this.sentence()}`)),
        glButton("save", "save", () => glSaveAs(compose(), `${this.a.name.replace(/\W+/g, "-")}-paradigms.png`))));
  }

  sentence() { return glSentence(this.a, this.labels, this.state, this.after); }

  // Another P or Q.
  /** @param {Props} change */
  ask(change) {
    Object.assign(this.state, change);
    this.refresh();
  }

  arrived() {
    const a = (this.a = glDecode(this.model.get("answer"))), { p, q } = a.start;
    this.photo = glPhoto(a);
    Object.assign(this.state, { p, q: q === p ? "self" : q, cells: new Set(), cursor: null });
    if (q === a.order.find((c) => c !== p)) this.state.q = "runner-up";
    this.source.show(a);
    this.refresh();
  }

  refresh() {
    const { a, labels, look, photo, state } = this, views = glScaled(glQuestions(a, labels, state), look);
    this.panels.forEach((panel, i) => panel.draw(a, photo, views[i], look, state.cursor, state.cells));
    const { q, frames } = glFrames(a, labels, state, look);
    this.film.draw(a, photo, frames, look, q);
    this.p.set(labels[state.p]);
    this.q.set(q === state.p ? "P itself" : labels[q]);
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
    glProbabilityBars(this.bars, a, this.labels, state.p, glChosenQ(a, state), after, 5);
    this.cursorMoved();
  }

  cursorMoved() {
    const { a, state, voteBars } = this, cell = state.cursor;
    for (const panel of this.panels) panel.mark(cell, state.cells);
    this.votesTitle.textContent = cell === null ? "A cell votes for ..." : `${glCapital(glPlace(a, cell))} votes for`;
    if (cell === null) {
      voteBars.replaceChildren(el("li.gl-hint",
        "Point at a map, or move on it with the arrow keys. A click or Space takes the cell away."));
    } else glVoteBars(voteBars, a, this.labels, state.p, glChosenQ(a, state), cell, 5);
    this.readout.say(this.sentence());
  }
}
const render = glRender("paradigms", "Why P? What if not P? Why P, rather than Q?", (model) => new GlParadigms(model));

export default { render };
