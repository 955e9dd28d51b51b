// What happens if I cover this? The mask is asked of the kernel, or read from the sweep where the sweep knows it.

import { glDecodePicture } from "../lib/answer.js";
import { glCombobox } from "../lib/combobox.js";
import { glButton, glKeepKeys, glNode, glReadout, glSelect, glSlider } from "../lib/dom.js";
import { GL_BASELINES, GlMasked, glWindowBox } from "../lib/masked.js";
import { glProbability } from "../lib/numbers.js";
import { glSource } from "../lib/source.js";
import { GL_STOPS } from "../lib/stops.js";
import { glSweep } from "../lib/sweep.js";
import { glSend, glUnpacked } from "../lib/wire.js";

const GL_WINDOWS = [16, 24, 32, 48, 64, 96];
const GL_MODES = { box: "a box", paint: "a brush" };
const GL_STRIDES = [4, 8, 16, 32];

function glOcclusionParts(alive) {
  const stage = (key, label) =>
    glNode("canvas", { tabindex: 0, role: "application", "aria-label": label, "data-stage": key });
  const hide = stage("hide",
    "The picture with a mask. Arrow keys move it, Shift and arrow keys resize it, Escape leaves.");
  const map = stage("map", "The map of what hiding costs. Arrow keys move the mask, Escape leaves.");
  const empty = glNode("p", { class: "gl-empty" }, alive ? "press Sweep to try every place" : "no sweep was saved");
  const strip = glNode("canvas", { class: "gl-strip", "aria-hidden": "true" });
  const low = glNode("span", { class: "gl-number" }), high = glNode("span", { class: "gl-number" });
  const title = glNode("h3", { class: "gl-title" }), note = glNode("p", { class: "gl-meaning" });
  const bar = glNode("progress", { max: 1, value: 0, "aria-label": "windows asked" });
  const done = glNode("span", { class: "gl-status", role: "status" });
  const bars = glNode("ul", { class: "gl-bars", "data-bars": "p" }), barsTitle = glNode("h3", { class: "gl-title" });
  const measured = glNode("p", { class: "gl-hint", "data-note": "measured" });
  const pick = glNode("div", { class: "gl-pick", "data-role": "p" },
    glNode("span", { class: "gl-letter", "aria-hidden": "true" }, "P"));
  return {
    hide, map, empty, strip, low, high, title, note, bar, done, bars, barsTitle, measured, pick,
    says: glNode("section", { class: "gl-says" }, barsTitle, bars, measured),
    panels: glNode("div", { class: "gl-panels gl-two" },
      glNode("section", { class: "gl-panel", "data-panel": "hide" },
        glNode("h3", { class: "gl-title" }, "What if I cover this?"),
        glNode("p", { class: "gl-meaning" }, alive ? "drag the box, pull its corners, or paint" : "drag the box"),
        glNode("div", { class: "gl-stage" }, hide), pick),
      glNode("section", { class: "gl-panel", "data-panel": "map" }, title, note,
        glNode("div", { class: "gl-stage" }, map, empty), glNode("div", { class: "gl-legend" }, low, strip, high))),
  };
}

// The sweep's row: a button that starts, stops and goes on, the geometry asked for, and how far it has come.
function glSweepRow(it, model, send) {
  const { parts, state } = it;
  const button = glButton("sweep", "Sweep", () => {
    if (model.get("running")) send({ kind: "cancel" });
    else send({ kind: "sweep", window: state.window, stride: state.stride, baseline: state.baseline });
  });
  const show = () => {
    const running = it.alive && model.get("running"), facts = it.sweep ? it.sweep.facts : { done: 0, total: 1 };
    const same = it.sweep && ["window", "stride", "baseline"].every((name) => facts[name] === state[name]);
    const finished = same && facts.done === facts.total;
    button.textContent = running ? "Cancel" : same && !finished ? "Go on" : "Sweep";
    button.disabled = !it.alive || (finished && !running);
    parts.bar.value = facts.done / facts.total;
    parts.bar.hidden = !running && !it.sweep;
    parts.done.textContent = !it.sweep ? ""
      : `${facts.done} of ${facts.total} windows of ${facts.window}, stride ${facts.stride}, ` +
        GL_BASELINES[facts.baseline];
  };
  const window = glChoice(it, "window", "window", GL_WINDOWS, () => {
    const { left, top, width, height } = state.box, side = state.window;
    state.stride = Math.min(state.stride, side);
    stride.querySelector("select").value = String(state.stride);
    if (!it.painting) state.box = it.legal(glWindowBox(top + (height - side) / 2, left + (width - side) / 2, side));
    it.moved();
    show();
  });
  const stride = glChoice(it, "stride", "stride", GL_STRIDES, () => {
    state.stride = Math.min(state.stride, state.window);
    stride.querySelector("select").value = String(state.stride);
    show();
  });
  return { show, node: glNode("div", { class: "gl-sweep" }, button, window, stride, parts.bar, parts.done) };
}

// A choice among numbers or names of one field of the state; the value it starts with is among them.
function glChoice(it, name, text, values, changed) {
  const numbers = Array.isArray(values), own = it.state[name];
  const all = numbers ? [...new Set([...values, own])].sort((x, y) => x - y) : Object.keys(values);
  const control = glSelect(name, text, all.map(String), String(own), (value) => {
    it.state[name] = numbers ? Number(value) : value;
    changed();
  });
  const input = control.querySelector("select");
  if (!numbers) [...input.options].forEach((option) => { option.textContent = values[option.value]; });
  input.disabled = !it.alive;
  return control;
}

function glMaskControls(it, changed) {
  const { look, state } = it;
  const wipe = glButton("clear", "wipe", () => { it.painted.fill(0); it.moved(); });
  wipe.hidden = true;
  const mode = glChoice(it, "mode", "hide with", GL_MODES, () => {
    wipe.hidden = !it.painting;
    if (!it.painting) state.box = it.legal(glWindowBox(state.box.top, state.box.left, state.window));
    it.moved();
  });
  const shown = (name) => (value) => { look[name] = value; it.drawStill(); };
  return glNode("div", {
    class: "gl-controls", role: "group", "aria-label": "What is hidden, and how the map is shown",
  },
    mode, wipe, glChoice(it, "baseline", "shown there", GL_BASELINES, () => { it.moved(); changed(); }),
    glSelect("unit", "cost in", ["logit", "probability"], look.unit, shown("unit")),
    glSelect("colours", "colours", Object.keys(GL_STOPS), look.colours, shown("colours")),
    glSlider("opacity", "opacity", look.opacity, shown("opacity")));
}

// What the kernel says of a sweep, window by window and as a whole; drawn once a frame.
function glSweepNews(it, model, drawn) {
  let frame = null;
  const later = () => {
    if (frame === null) frame = requestAnimationFrame(() => { frame = null; it.drawStill(); drawn(); });
  };
  const begun = (facts) => {
    if (!it.sweep || it.sweep.facts.run !== facts.run) it.sweep = glSweep(it.a, { ...facts });
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

function render({ model, el }) {
  const labels = model.get("labels"), alive = !model.gradlabSaved;
  const parts = glOcclusionParts(alive), readout = glReadout();
  const send = (content) => glSend(model, content), source = glSource(model);
  const say = { heard: () => readout.say(it.sentence()), settle: (text) => source.settle(text) };
  const it = new GlMasked({ parts, labels, alive, send, say });
  const { p, ...geometry } = model.get("answer").start;
  Object.assign(it.state, geometry);
  const picker = glCombobox({
    name: "p", label: "P: the class asked about",
    choose: (value) => { it.state.p = value; picker.set(labels[value]); it.refresh(); },
    options: () => it.a.order.map((c) => ({ value: c, text: labels[c], note: glProbability(it.a.p[c]) })),
  });
  parts.pick.append(picker.node);
  const row = glSweepRow(it, model, send), news = glSweepNews(it, model, row.show);
  const controls = glMaskControls(it, row.show);

  const arrived = () => {
    const answer = model.get("answer");
    const baselines = Object.fromEntries(
      Object.entries(answer.baselines).map(([name, image]) => [name, glUnpacked(image).values]));
    it.begin({ ...glDecodePicture(answer), baselines });
    picker.set(labels[it.state.p]);
    source.show(it.a);
    source.settle(model.get("error"));
    news.swept();
    it.state.box = it.legal(it.state.box);
    it.refresh();
    row.show();
  };
  const busy = () => source.busy(model.get("busy"));
  const failed = () => { if (model.get("error")) { source.settle(model.get("error")); source.show(it.a); } };
  const root = glNode("div",
    { class: "gl-root gl-occlusion", role: "region", lang: "en", "aria-label": "What happens if I cover this?" },
    glNode("div", { class: "gl-main" },
      glNode("div", { class: "gl-side" }, source.node, parts.says),
      glNode("div", { class: "gl-asking" }, parts.panels, readout.node, row.node, controls)));
  glKeepKeys(root);
  el.append(root);

  const listening = [["change:answer", arrived], ["change:busy", busy], ["change:error", failed],
    ["change:sweep", news.swept], ["change:running", row.show], ["msg:custom", news.heard]];
  for (const [event, act] of listening) model.on(event, act);
  arrived();
  busy();
  return () => {
    for (const [event, act] of listening) model.off(event, act);
    news.stop();
    it.asker.stop();
    readout.stop();
    source.stop();
    root.remove();
  };
}

export default { render };
