// The three questions side by side. Everything below runs in the browser; only a new picture asks the kernel.

import { glDecode } from "../lib/answer.js";
import { glFilmstrip, glProbabilityBars, glVoteBars } from "../lib/bars.js";
import { glPhoto, glSigned } from "../lib/colour.js";
import { glCombobox } from "../lib/combobox.js";
import { glButton, glKeepKeys, glNode, glReadout, glSelect, glSlider } from "../lib/dom.js";
import { glClassMap, glContrast, glProbability, glShare, glTop, glValue, glVotes, glWithout } from "../lib/numbers.js";
import { glPanel } from "../lib/panel.js";
import { glCompose, glPins, glSaveAs } from "../lib/pins.js";
import { glSource } from "../lib/source.js";
import { GL_STOPS } from "../lib/stops.js";

const GL_FRAMES = 8;

// P, Q ("runner-up", "self" or a class) and the three maps they give.
function glChosenQ(a, state) {
  if (state.q === "self") return state.p;
  if (state.q === "runner-up") return a.order.find((c) => c !== state.p) ?? state.p;
  return state.q;
}

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

function glSentence(a, labels, state, votes, after) {
  const p = state.p, q = glChosenQ(a, state);
  const change = (c) => `${labels[c]} ${glProbability(a.p[c])} → ${glProbability(after[c])}`;
  if (state.cursor !== null) {
    const where = `Row ${Math.floor(state.cursor / a.w) + 1}, column ${(state.cursor % a.w) + 1}`;
    const named = votes.slice(0, 3).map(({ c, value }) => `${labels[c]} ${glValue(value, false)}`);
    return `${where} votes for ${named.join(", ")}.${after ? ` Without the grey cells: ${change(p)}.` : ""}`;
  }
  if (after) {
    const many = state.cells.size === 1 ? "1 cell" : `${state.cells.size} cells`;
    return `Without ${many}: ${change(p)}${q === p ? "" : `, ${change(q)}`}.`;
  }
  const other = q === p ? "" : `, ${labels[q]} ${glProbability(a.p[q])}`;
  return `The network says ${labels[p]} ${glProbability(a.p[p])}${other}.`;
}

// The pickers of P and Q: the class lists, likeliest first.
function glPickers(now, labels, set) {
  const classes = (a) => a.order.map((c) => ({ value: c, text: labels[c], note: glProbability(a.p[c]) }));
  const p = glCombobox({
    name: "p", label: "P: the class asked about",
    choose: (value) => set({ p: value === "said" ? now().a.order[0] : value }),
    options: () => [{ value: "said", text: "what the network says (default)" }, ...classes(now().a)],
  });
  const q = glCombobox({
    name: "q", label: "Q: rather than which class", choose: (value) => set({ q: value }),
    options: () => [
      { value: "runner-up", text: "runner-up (default)" },
      { value: "self", text: "P itself: why not P with 100 % confidence?" },
      ...classes(now().a),
    ],
  });
  return { p, q };
}

function glControls(look, changed) {
  const set = (name) => (value) => { look[name] = value; changed(); };
  return glNode("div", { class: "gl-controls", role: "group", "aria-label": "How the maps are shown" },
    glSlider("opacity", "opacity", look.opacity, set("opacity")),
    glSelect("colours", "colours", Object.keys(GL_STOPS), look.colours, set("colours")),
    glSlider("threshold", "threshold", look.threshold, set("threshold")),
    glSelect("scale", "scale", ["each", "shared"], look.scale, set("scale")),
    glSelect("units", "units", ["raw", "share"], look.units, set("units")));
}

function glBoxes() {
  const bars = glNode("ul", { class: "gl-bars", "data-bars": "p" });
  const votes = glNode("ul", { class: "gl-bars", "data-bars": "votes" });
  const barsTitle = glNode("h3", { class: "gl-title" });
  const votesTitle = glNode("h3", { class: "gl-title" });
  const note = glNode("p", { class: "gl-hint" });
  const clear = glButton("clear", "put the cells back", null);
  return {
    bars, votes, barsTitle, votesTitle, note, clear,
    says: glNode("section", { class: "gl-says" }, barsTitle, bars, note, clear),
    node: glNode("section", { class: "gl-votes" }, votesTitle, votes),
  };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const look = { opacity: 0.55, colours: "viridis", threshold: 0, scale: "each", units: "raw" };
  const state = { p: 0, q: "runner-up", cells: new Set(), cursor: null };
  let a = null, photo = null, after = null;

  const readout = glReadout(), boxes = glBoxes(), pins = glPins();
  const on = {
    cursor(cell) { if (cell !== state.cursor) { state.cursor = cell; cursorMoved(); } },
    toggle(cell, wanted = !state.cells.has(cell)) {
      if (wanted) state.cells.add(cell); else state.cells.delete(cell);
      cellsChanged();
    },
  };
  const panels = ["why", "whatif", "contrast"].map((key) => glPanel(key, on, (cell) => state.cells.has(cell)));
  const pickers = glPickers(() => ({ a }), labels, (change) => { Object.assign(state, change); refresh(); });
  const film = glFilmstrip((q) => { state.q = q === state.p ? "self" : q; refresh(); });
  const source = glSource(model);

  const sentence = () => {
    const votes = state.cursor === null ? [] : glVotes(a, state.cursor, 3);
    return glSentence(a, labels, state, votes, after);
  };
  const cursorMoved = () => {
    for (const panel of panels) panel.mark(state.cursor, state.cells);
    const cell = state.cursor;
    boxes.votesTitle.textContent = cell === null ? "A cell votes for ..."
      : `Row ${Math.floor(cell / a.w) + 1}, column ${(cell % a.w) + 1} votes for`;
    if (cell === null) boxes.votes.replaceChildren(glNode("li", { class: "gl-hint" },
      "Point at a map, or move on it with the arrow keys. A click or Space takes the cell away."));
    else glVoteBars(boxes.votes, a, labels, state.p, glChosenQ(a, state), cell, 5);
    readout.say(sentence());
  };
  const cellsChanged = () => {
    after = state.cells.size ? glWithout(a, state.cells) : null;
    boxes.barsTitle.textContent = after
      ? `Without ${state.cells.size === 1 ? "this cell" : "these cells"}`
      : "The network says";
    boxes.note.textContent = !after ? "" : a.exact
      ? "exact: this network ends in average pooling and one linear layer"
      : "first-order: this network is not linear after its maps";
    boxes.clear.hidden = !after;
    glProbabilityBars(boxes.bars, a, labels, state.p, glChosenQ(a, state), after, 5);
    cursorMoved();
  };
  const refresh = () => {
    const views = glScaled(glQuestions(a, labels, state), look);
    panels.forEach((panel, i) => panel.draw(a, photo, views[i], look, state.cursor, state.cells));
    const { q, frames } = glFrames(a, labels, state, look);
    film.draw(a, photo, frames, look, q);
    pickers.p.set(labels[state.p]);
    pickers.q.set(q === state.p ? "P itself" : labels[q]);
    cellsChanged();
  };
  const arrived = () => {
    a = glDecode(model.get("answer"));
    photo = glPhoto(a);
    const q = a.start.q;
    Object.assign(state, { p: a.start.p, q: q === a.start.p ? "self" : q, cells: new Set(), cursor: null });
    if (q === a.order.find((c) => c !== state.p)) state.q = "runner-up";
    source.show(a);
    source.settle(model.get("error"));
    refresh();
  };
  const busy = () => source.busy(model.get("busy"));
  const failed = () => { if (model.get("error")) { source.settle(model.get("error")); source.show(a); } };

  boxes.clear.addEventListener("click", () => { state.cells.clear(); cellsChanged(); panels[0].canvas.focus(); });
  const keep = glNode("div", { class: "gl-keep" },
    glButton("pin", "pin", () => pins.add(glCompose(panels, sentence()), `${panels[2].view.title} ${sentence()}`)),
    glButton("save", "save", () =>
      glSaveAs(glCompose(panels, sentence()), `${a.name.replace(/\W+/g, "-")}-paradigms.png`)));
  const pick = (letter, picker) => glNode("div", { class: "gl-pick", "data-role": letter.toLowerCase() },
    glNode("span", { class: "gl-letter", "aria-hidden": "true" }, letter), picker.node);
  panels[0].node.append(pick("P", pickers.p));
  panels[2].node.append(pick("Q", pickers.q));
  const controls = glControls(look, () => refresh());
  controls.append(keep);
  const root = glNode("div", {
    class: "gl-root gl-paradigms", role: "region", lang: "en",
    "aria-label": "Why P? What if not P? Why P, rather than Q?",
  },
    glNode("div", { class: "gl-main" },
      glNode("div", { class: "gl-side" }, source.node, boxes.says, boxes.node),
      glNode("div", { class: "gl-asking" },
        glNode("div", { class: "gl-panels" }, panels.map((panel) => panel.node)),
        readout.node,
        glNode("h3", { class: "gl-title" }, "Rather than ..."), film.node, controls)),
    pins.node);
  glKeepKeys(root);
  el.append(root);

  const listening = [["change:answer", arrived], ["change:busy", busy], ["change:error", failed]];
  for (const [event, heard] of listening) model.on(event, heard);
  arrived();
  busy();
  return () => {
    for (const [event, heard] of listening) model.off(event, heard);
    readout.stop();
    source.stop();
    root.remove();
  };
}

export default { render };
