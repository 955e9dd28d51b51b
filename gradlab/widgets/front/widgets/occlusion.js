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
const GL_CHOSEN = ["target", "box", "mode", "painted", "window", "stride", "baseline", "unit", "colours", "opacity"];

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
/** @param {any} it @param {Model} model @param {GlSource} source @param {GlChoices} chosen */
function glSweepRow(it, model, source, chosen) {
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
    window.set(state.window);
    stride.set(state.stride);
  };
  const narrow = (next) => Math.min(next.stride ?? state.stride, next.window ?? state.window);  // at most the window
  const window = glChoice(it, chosen, "window", "window", GL_WINDOWS, (side) => {
    const { left, top, width, height } = state.box, at = (from, size) => from + (size - side) / 2;
    const { left: x, top: y, ...size } = it.legal(glWindowBox(at(top, height), at(left, width), side));
    const box = it.painting || !chosen.get("box") ? {} : { box: [x, y, size.width, size.height] };
    return { window: side, stride: narrow({ window: side }), ...box };
  });
  const stride = glChoice(it, chosen, "stride", "stride", GL_STRIDES, (next) => ({ stride: narrow({ stride: next }) }));
  return { show, node: el("div.gl-sweep", button, window.node, stride.node, parts.bar, parts.done) };
}

// A choice among numbers or names; the value that is chosen is always among them.
/**
 * @param {any} it @param {GlChoices} chosen @param {string} name @param {string} text
 * @param {number[] | Record<string, string>} values @param {(value: any) => Props} change
 */
function glChoice(it, chosen, name, text, values, change) {
  const numbers = Array.isArray(values);
  const control = glSelect(name, text, numbers ? values.map(String) : Object.entries(values), "",
    (value) => chosen.set(change(numbers ? Number(value) : value)));
  control.input.disabled = !it.alive;
  const set = (value) => {
    const all = [...control.input.options].map((each) => each.value);
    if (!all.includes(String(value))) {
      const next = all.findIndex((each) => Number(each) > value);
      control.input.insertBefore(el("option", { value }, String(value)), control.input.options[next] ?? null);
    }
    control.set(String(value));
  };
  return { node: control.node, set };
}

/** @param {any} it @param {GlChoices} chosen */
function glMaskControls(it, chosen) {
  const wipe = glButton("clear", "wipe", () => chosen.set({ painted: [] })), choose = (name) => (value) =>
    chosen.set({ [name]: value });
  const mode = glChoice(it, chosen, "mode", "hide with", GL_MODES, (next) => {
    const { left, top } = it.state.box, { window } = it.state;
    const { left: x, top: y, width, height } = it.legal(glWindowBox(top, left, window));
    return { mode: next, ...(next === "box" && chosen.get("box") ? { box: [x, y, width, height] } : {}) };
  });
  const baseline = glChoice(it, chosen, "baseline", "shown there", GL_BASELINES, (next) => ({ baseline: next }));
  const look = {
    mode, baseline,
    unit: glSelect("unit", "cost in", ["logit", "probability"], chosen.get("unit"), choose("unit")),
    colours: glSelect("colours", "colours", Object.keys(GL_STOPS), chosen.get("colours"), choose("colours")),
    opacity: glSlider("opacity", "opacity", chosen.get("opacity"), choose("opacity")),
  };
  const node = el("div.gl-controls", { role: "group", "aria-label": "What is hidden, and how the map is shown" },
    mode.node, wipe, baseline.node, [look.unit, look.colours, look.opacity].map((each) => each.node),
    glButton("reset", "reset", () => chosen.reset()));
  return {
    node,
    show() {
      for (const [name, each] of Object.entries(look)) each.set(chosen.get(name));
      wipe.hidden = !it.painting;
    },
  };
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
  const chosen = new GlChoices(model, GL_CHOSEN, (names) => { if (it.a) changed(names); });
  const say = {
    heard: () => readout.say(it.sentence()), settle: (text) => source.settle(text),
    chose: (change) => chosen.set(change),
  };
  const it = new GlMasked({ parts, labels, alive, send: (content) => source.send(content), say });
  const picker = glClassPicker("P", "P: the class asked about", () => glClassOptions(it.a, labels),
    (target) => chosen.set({ target }), model.get("groups"));
  parts.hidden.append(picker.node);
  const row = glSweepRow(it, model, source, chosen), controls = glMaskControls(it, chosen);
  const news = glSweepNews(it, model, row.show);
  const changed = (names) => {
    const other = it.choose(chosen.all());
    picker.set(labels[it.state.p]);
    controls.show();
    row.show();
    if (names.has("target")) it.refresh();
    else if (["unit", "colours", "opacity"].some((name) => names.has(name))) it.drawStill();
    if (other) it.moved();
  };
  const arrived = () => {
    const baselines = Object.entries(answer().baselines).map(([name, image]) => [name, glUnpacked(image).values]);
    it.begin({ ...glDecodePicture(answer()), baselines: Object.fromEntries(baselines) });
    it.choose(chosen.all());
    source.show(it.a);
    news.swept();
    it.state.box = it.legal(it.state.box);
    changed(new Set(["target"]));
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
