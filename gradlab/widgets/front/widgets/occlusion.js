// What happens if I cover this? The mask is asked of the kernel, or read from the sweep where the sweep knows it.

import { glDecodePicture } from "../lib/answer.js";
import { glLegend } from "../lib/colour.js";
import { GlChoices } from "../lib/choices.js";
import { glClassOptions, glClassPicker } from "../lib/combobox.js";
import { el, glButton, glReadout, glRender, glSelect, glSlider, glTitle } from "../lib/dom.js";
import { GL_BASELINES, GlMasked, glWindowBox } from "../lib/masked.js";
import { GlSource } from "../lib/source.js";
import { GL_STOPS } from "../lib/stops.js";
import { GlSweep } from "../lib/sweep.js";
import { glUnpacked } from "../lib/wire.js";

const GL_WINDOWS = [16, 24, 32, 48, 64, 96];
const GL_MODES = { box: "a box", paint: "a brush" };
const GL_STRIDES = [4, 8, 16, 32];

/** @param {boolean} alive */
function glOcclusionParts(alive) {
  const stage = (key, label) =>
    el("canvas", { tabindex: 0, role: "application", "aria-label": label, "data-stage": key });
  const panel = (key, ...parts) => el("section.gl-panel", { "data-panel": key }, parts);
  const hide = stage("hide",
    "The picture with a mask. Arrow keys move it, Shift and arrow keys resize it, Escape leaves.");
  const map = stage("map", "The map of what hiding costs. Arrow keys move the mask, Escape leaves.");
  const empty = el("p.gl-empty", alive ? "press Sweep to try every place" : "no sweep was saved");
  const legend = glLegend(), title = glTitle(), note = el("p.gl-meaning");
  const bars = el("ul.gl-bars", { "data-bars": "p" }), barsTitle = glTitle();
  const measured = el("p.gl-hint", { "data-note": "measured" });
  const hidden = panel("hide", glTitle("What if I cover this?"),
    el("p.gl-meaning", alive ? "drag the box, pull its corners, or paint" : "drag the box"), el("div.gl-stage", hide));
  return {
    hide, map, empty, legend, title, note, bars, barsTitle, measured, hidden,
    bar: el("progress", { max: 1, value: 0, "aria-label": "windows asked" }),
    done: el("span.gl-status", { role: "status" }),
    says: el("section.gl-says", barsTitle, bars, measured),
    panels: el("div.gl-panels.gl-two", hidden, panel("map", title, note, el("div.gl-stage", map, empty), legend.node)),
  };
}

// The sweep's row: a button that starts, stops and goes on, the geometry asked for, and how far it has come.
/** @param {any} it @param {Model} model @param {GlSource} source */
function glSweepRow(it, model, source) {
  const { parts, state } = it;
  const button = glButton("sweep", "Sweep", () => {
    const { window, stride, baseline } = state;
    source.send(model.get("running") ? { kind: "cancel" } : { kind: "sweep", window, stride, baseline });
  });
  const show = () => {
    const running = it.alive && !source.gone && model.get("running");
    const facts = it.sweep ? it.sweep.facts : { done: 0, total: 1 };
    const same = it.sweep && ["window", "stride", "baseline"].every((name) => facts[name] === state[name]);
    const finished = same && facts.done === facts.total;
    button.textContent = running ? "Cancel" : same && !finished ? "Go on" : "Sweep";
    button.disabled = !it.alive || (finished && !running);
    parts.bar.value = facts.done / facts.total;
    parts.bar.hidden = !running && !it.sweep;
    parts.done.textContent = !it.sweep ? ""
      : `${facts.done} of ${facts.total} windows of ${facts.window}, stride ${facts.stride}, ` +
        `${GL_BASELINES[facts.baseline]}`;
  };
  const narrow = () => {  // no stride is wider than its window
    state.stride = Math.min(state.stride, state.window);
    stride.input.value = String(state.stride);
  };
  const window = glChoice(it, "window", "window", GL_WINDOWS, () => {
    const { left, top, width, height } = state.box, side = state.window;
    narrow();
    if (!it.painting) state.box = it.legal(glWindowBox(top + (height - side) / 2, left + (width - side) / 2, side));
    it.moved();
    show();
  });
  const stride = glChoice(it, "stride", "stride", GL_STRIDES, () => { narrow(); show(); });
  return { show, node: el("div.gl-sweep", button, window.node, stride.node, parts.bar, parts.done) };
}

// A choice among numbers or names of one field of the state; the value it starts with is among them.
/**
 * @param {any} it @param {string} name @param {string} text @param {number[] | Record<string, string>} values
 * @param {() => void} changed
 */
function glChoice(it, name, text, values, changed) {
  const numbers = Array.isArray(values), own = it.state[name];
  const all = Array.isArray(values)
    ? [...new Set([...values, own])].sort((x, y) => x - y).map(String) : Object.entries(values);
  const control = glSelect(name, text, all, String(own), (value) => {
    it.state[name] = numbers ? Number(value) : value;
    changed();
  });
  control.input.disabled = !it.alive;
  return control;
}

/** @param {any} it @param {GlChoices} chosen @param {() => void} changed */
function glMaskControls(it, chosen, changed) {
  const { state } = it;
  const wipe = glButton("clear", "wipe", () => { it.painted.fill(0); it.moved(); });
  wipe.hidden = true;
  const mode = glChoice(it, "mode", "hide with", GL_MODES, () => {
    wipe.hidden = !it.painting;
    if (!it.painting) state.box = it.legal(glWindowBox(state.box.top, state.box.left, state.window));
    it.moved();
  });
  const choose = (name) => (value) => chosen.set({ [name]: value });
  const look = {
    unit: glSelect("unit", "cost in", ["logit", "probability"], chosen.get("unit"), choose("unit")),
    colours: glSelect("colours", "colours", Object.keys(GL_STOPS), chosen.get("colours"), choose("colours")),
    opacity: glSlider("opacity", "opacity", chosen.get("opacity"), choose("opacity")),
  };
  const reset = glButton("reset", "reset", () => {  // also the way back from a box that was squeezed
    chosen.reset();
    mode.input.value = state.mode = "box";
    it.painted.fill(0);
    wipe.hidden = true;
    state.box = it.legal(it.middle());
    it.moved();
  });
  const node = el("div.gl-controls", { role: "group", "aria-label": "What is hidden, and how the map is shown" },
    mode.node, wipe, glChoice(it, "baseline", "shown there", GL_BASELINES, () => { it.moved(); changed(); }).node,
    Object.values(look).map((each) => each.node), reset);
  return { node, show: () => Object.entries(look).forEach(([name, each]) => each.set(chosen.get(name))) };
}

// What the kernel says of a sweep, window by window and as a whole; drawn once a frame.
/** @param {any} it @param {Model} model @param {() => void} drawn */
function glSweepNews(it, model, drawn) {
  let frame = null;
  const later = () => {
    if (frame === null) frame = requestAnimationFrame(() => { frame = null; it.drawStill(); drawn(); });
  };
  const begun = (facts) => {
    if (!it.sweep || it.sweep.facts.run !== facts.run) it.sweep = new GlSweep(it.a, { ...facts });
  };
  return {
    heard(message, buffers) {
      if (message.kind === "masked") it.asker.heard(message, buffers);
      if (message.kind !== "windows" || message.serial !== it.a.serial) return;
      begun(message);
      it.sweep.take(message, glUnpacked(message.windows, buffers).values, glUnpacked(message.drops, buffers).values);
      later();
    },
    swept() {
      const facts = model.get("sweep");
      if (facts.serial !== it.a.serial) return;
      begun(facts);
      Object.assign(it.sweep.facts, { done: facts.done, total: facts.total });
      it.sweep.takeAll(glUnpacked(facts.drops).values);
      later();
    },
    stop() { if (frame !== null) cancelAnimationFrame(frame); },
  };
}

/** @param {Model} model */
function glOcclusion(model) {
  const labels = model.get("labels"), alive = !model.gradlabSaved, answer = () => model.get("answer");
  const parts = glOcclusionParts(alive), readout = glReadout(), source = new GlSource(model);
  const say = { heard: () => readout.say(it.sentence()), settle: (text) => source.settle(text) };
  const it = new GlMasked({ parts, labels, alive, send: (content) => source.send(content), say });
  const { window, stride, baseline } = answer().start;
  Object.assign(it.state, { window, stride, baseline });
  const picker = glClassPicker("P", "P: the class asked about", () => glClassOptions(it.a, labels), (value) => {
    it.state.p = value;
    picker.set(labels[value]);
    it.refresh();
  }, model.get("groups"));
  parts.hidden.append(picker.node);
  const chosen = new GlChoices(model, ["unit", "colours", "opacity"], () => {
    Object.assign(it.look, chosen.all());
    controls.show();
    it.drawStill();
  });
  Object.assign(it.look, chosen.all());
  const row = glSweepRow(it, model, source), controls = glMaskControls(it, chosen, row.show);
  const news = glSweepNews(it, model, row.show);
  const arrived = () => {
    const baselines = Object.entries(answer().baselines).map(([name, image]) => [name, glUnpacked(image).values]);
    it.begin({ ...glDecodePicture(answer()), baselines: Object.fromEntries(baselines) });
    picker.set(labels[it.state.p]);
    source.show(it.a);
    news.swept();
    it.state.box = it.legal(it.state.box);
    it.refresh();
    row.show();
  };
  return {
    node: el("div.gl-main", el("div.gl-side", source.node, parts.says),
      el("div.gl-asking", parts.panels, readout.node, row.node, controls.node)),
    hears: {
      ...source.hears(arrived), ...chosen.hears,
      comm_live_update: () => { source.lost(); it.asker.forget(); row.show(); },
      "change:sweep": news.swept, "change:running": row.show, "msg:custom": news.heard,
    },
    stops: [news, it.asker, readout, source, chosen],
    begin() { arrived(); source.busy(); },
  };
}

const render = glRender("occlusion", "What happens if I cover this?", glOcclusion);

export default { render };
