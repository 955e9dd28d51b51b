// What happens if I cover this? The mask is asked of the kernel, or read from the sweep where the sweep knows it.

const GL_COVERS = { mean: "mean colour", black: "black", blur: "blur" };
const GL_WINDOWS = [16, 24, 32, 48, 64, 96];
const GL_STRIDES = [4, 8, 16, 32];

function glOcclusionParts(alive) {
  const stage = (key, label) => glNode("canvas", { tabindex: 0, role: "application", "aria-label": label, "data-stage": key });
  const hide = stage("hide", "The picture with a mask. Arrow keys move it, Shift and arrow keys resize it, Escape leaves.");
  const map = stage("map", "The map of what hiding costs. Arrow keys move the mask, Escape leaves.");
  const empty = glNode("p", { class: "gl-empty" }, alive ? "press Sweep to try every place" : "no sweep was saved");
  const strip = glNode("canvas", { class: "gl-strip", "aria-hidden": "true" });
  const low = glNode("span", { class: "gl-number" }), high = glNode("span", { class: "gl-number" });
  const title = glNode("h3", { class: "gl-title" }), note = glNode("p", { class: "gl-meaning" });
  const bar = glNode("progress", { max: 1, value: 0, "aria-label": "windows asked" });
  const done = glNode("span", { class: "gl-status", role: "status" });
  const bars = glNode("ul", { class: "gl-bars", "data-bars": "p" }), barsTitle = glNode("h3", { class: "gl-title" });
  const measured = glNode("p", { class: "gl-hint", "data-note": "measured" });
  const pick = glNode("div", { class: "gl-pick", "data-role": "p" }, glNode("span", { class: "gl-letter", "aria-hidden": "true" }, "P"));
  return {
    hide, map, empty, strip, low, high, title, note, bar, done, bars, barsTitle, measured, pick,
    says: glNode("section", { class: "gl-says" }, barsTitle, bars, measured),
    panels: glNode("div", { class: "gl-panels gl-two" },
      glNode("section", { class: "gl-panel", "data-panel": "hide" }, glNode("h3", { class: "gl-title" }, "What if I cover this?"),
        glNode("p", { class: "gl-meaning" }, alive ? "drag the box, pull its corners, or paint" : "drag the box"),
        glNode("div", { class: "gl-stage" }, hide), pick),
      glNode("section", { class: "gl-panel", "data-panel": "map" }, title, note,
        glNode("div", { class: "gl-stage" }, map, empty), glNode("div", { class: "gl-legend" }, low, strip, high))),
  };
}

function render({ model, el }) {
  const labels = model.get("labels"), alive = !model.gradlabSaved;
  const look = { opacity: 0.7, colours: "blue-orange", threshold: 0, unit: "logit" };
  const state = { p: 0, box: null, brush: 16, mode: "box", cover: "mean", window: 32, stride: 16 };
  let a = null, photo = null, painted = null, sweep = null, after = null, lost = 0, frame = null, asked = 0, held = false;

  const parts = glOcclusionParts(alive), readout = glReadout();
  const send = (content, buffers = []) => model.send(content, undefined, buffers);
  const source = glSource({
    names: () => model.get("pictures"), alive,
    send: (wanted, buffer) => send({ kind: "picture", serial: ++asked, ...wanted }, buffer ? [buffer] : []),
  });
  const asker = glMaskAsker(send, (z) => settled(glSoftmax(z), a.z[state.p] - z[state.p], z),
    () => source.settle("The kernel does not answer: is it running?"));
  const picker = glCombobox({
    name: "p", label: "P: the class asked about", choose: (value) => { state.p = value; refresh(); },
    options: () => a.order.map((c) => ({ value: c, text: labels[c], note: glProbability(a.p[c]) })),
  });
  parts.pick.append(picker.node);

  const painting = () => state.mode === "paint";
  const brushBox = (at) => ({ left: at.x - state.brush / 2, top: at.y - state.brush / 2, width: state.brush, height: state.brush });
  const mask = () => {
    if (painting()) return painted;
    const drawn = new Uint8Array(a.width * a.height);
    glFillBox(drawn, a, state.box, 1);
    return drawn;
  };
  // A box of the sweep's size goes from window to window, so that the sweep can answer for it.
  const legal = (box) => {
    const size = { width: box.width, height: box.height };
    const swept = sweep && sweep.exact && sweep.facts.cover === state.cover && sweep.facts.window === state.window
      && state.box.wanted === state.window && box.wanted === state.window;
    if (swept || (!alive && sweep)) return { ...sweep.snap(box.left, box.top), wanted: sweep.facts.window };
    const whole = box.wanted ? { width: Math.min(box.wanted, a.width), height: Math.min(box.wanted, a.height) } : size;
    return {
      left: Math.round(glClamp(box.left, 0, a.width - whole.width)), top: Math.round(glClamp(box.top, 0, a.height - whole.height)),
      width: Math.round(whole.width), height: Math.round(whole.height), wanted: box.wanted,
    };
  };
  const hands = () => ({
    box: state.box, size: { width: a.width, height: a.height }, painting: painting(), fixed: !alive,
    step: sweep && sweep.at(state.box, state.cover) >= 0 ? sweep.facts.stride : painting() ? state.brush / 2 : 4,
  });
  const on = {
    box(next) {
      const resized = next.width !== state.box.width || next.height !== state.box.height;
      const box = legal({ ...next, wanted: resized ? 0 : state.box.wanted });
      if (["left", "top", "width", "height"].every((side) => box[side] === state.box[side])) return;
      state.box = box;
      held = true;
      moved();
    },
    paint(at) {
      state.box = { ...brushBox(at), wanted: 0 };
      glFillBox(painted, a, state.box, 1);
      moved();
    },
    end() { held = false; readout.say(sentence()); },
  };

  const settled = (p, drop, z = null) => {
    after = p;
    after.z = z;
    lost = drop;
    parts.measured.textContent = z ? "asked of the network just now" : "from the sweep: no kernel needed";
    glProbabilityBars(parts.bars, a, labels, state.p, state.p, after, 5);
    parts.barsTitle.textContent = "With this hidden";
    parts.hide.dataset.settled = [state.box.top, state.box.left, state.box.height, state.box.width].join();
    if (!held) readout.say(sentence());
  };
  const ask = () => {
    const w = sweep && !painting() ? sweep.at(state.box, state.cover) : -1;
    if (sweep && sweep.known(w)) {
      asker.forget();
      settled(sweep.after(w), sweep.drop(w, state.p));
    } else if (alive) asker.ask({ serial: a.serial, cover: state.cover }, glBits(mask()));
  };
  const sentence = () => {
    if (!after) return `The network says ${labels[a.order[0]]} ${glProbability(a.p[a.order[0]])}.`;
    const { top, left, height, width } = state.box;
    const where = painting() ? `${(100 * painted.reduce((sum, value) => sum + value, 0) / painted.length).toFixed(0)} % painted over`
      : `${height} × ${width} pixels hidden from row ${top}, column ${left}`;
    return `${where}: ${labels[state.p]} ${glProbability(a.p[state.p])} → ${glProbability(after[state.p])} (${glValue(-lost, false)} logits).`;
  };
  const moved = () => { drawHide(); drawMap(); ask(); };
  const sized = (canvas) => {
    const scale = GL_SIDE_LARGE / Math.max(a.width, a.height);
    canvas.width = Math.round(a.width * scale);
    canvas.height = Math.round(a.height * scale);
    return scale;
  };
  const drawHide = () => {
    const scale = sized(parts.hide), context = parts.hide.getContext("2d");
    context.imageSmoothingEnabled = parts.hide.width < 4 * a.width;
    context.drawImage(glCoveredPhoto(a, state.cover, mask()), 0, 0, parts.hide.width, parts.hide.height);
    glDrawBox(context, state.box, scale, alive && !painting());
  };
  const still = document.createElement("canvas");
  const drawStill = () => {
    const map = sweep && sweep.map(state.p, look.unit), top = map ? glTop(map, glSigned(look.colours)) : 0;
    sized(still);
    glPaint(still, photo, map, { ...a, h: a.height, w: a.width }, look, top);
    parts.empty.hidden = Boolean(map);
    parts.title.textContent = `What hiding costs ${labels[state.p]}`;
    const left = sweep ? sweep.facts.total - sweep.facts.done : 0;
    parts.note.textContent = !map ? "each place of the window, one by one" : !sweep.exact ? "a guess from one gradient, being measured"
      : left ? "measured where asked, elsewhere the nearest" : `measured at ${sweep.facts.total} places, mean over the overlaps`;
    glStrip(parts.strip, look.colours);
    const unit = look.unit === "logit" ? " logits" : "";
    parts.low.textContent = glSigned(look.colours) ? glValue(-top, false) : "0";
    parts.high.textContent = glValue(top, false) + unit;
    drawMap();
  };
  const drawMap = () => {
    const scale = sized(parts.map), context = parts.map.getContext("2d");
    context.drawImage(still, 0, 0);
    glDrawBox(context, state.box, scale, false);
  };
  const refresh = () => {
    picker.set(labels[state.p]);
    drawStill();
    drawHide();
    const again = after && after.z ? a.z[state.p] - after.z[state.p] : null;
    if (again !== null) settled(after, again, after.z); else ask();
  };
  const later = () => { if (frame === null) frame = requestAnimationFrame(() => { frame = null; drawStill(); sweepShown(); }); };

  const button = glButton("sweep", "Sweep", () => {
    if (model.get("running")) send({ kind: "cancel" });
    else send({ kind: "sweep", window: state.window, stride: state.stride, cover: state.cover });
  });
  const same = () => sweep && ["window", "stride", "cover"].every((name) => sweep.facts[name] === state[name]);
  const sweepShown = () => {
    const running = alive && model.get("running"), facts = sweep ? sweep.facts : { done: 0, total: 1 };
    const finished = same() && facts.done === facts.total;
    button.textContent = running ? "Cancel" : same() && !finished ? "Go on" : "Sweep";
    button.disabled = !alive || (finished && !running);
    parts.bar.value = facts.done / facts.total;
    parts.bar.hidden = !running && !sweep;
    parts.done.textContent = !sweep ? "" : `${facts.done} of ${facts.total} windows of ${facts.window}, stride ${facts.stride}, ${GL_COVERS[facts.cover]}`;
  };
  const begun = (facts) => { if (!sweep || sweep.facts.run !== facts.run) sweep = glSweep(a, { ...facts }); };
  const heard = (message, buffers) => {
    if (message.kind === "masked") asker.heard(message, buffers[0]);
    if (message.kind !== "windows" || message.serial !== a.serial) return;
    begun(message);
    sweep.take(message, new Uint32Array(glBytes(buffers[0]).buffer), glDecodeHalves(buffers[1]));
    later();
  };
  const swept = () => {
    const facts = model.get("sweep");
    if (facts.serial !== a.serial) return;
    begun(facts);
    Object.assign(sweep.facts, { done: facts.done, total: facts.total });
    sweep.takeAll(glDecodeHalves(facts.drops));
    later();
  };

  const modes = { box: "a box", paint: "a brush" };
  const choose = (name, text, values, changed, shown = null) => {
    const control = glSelect(name, text, values, state[name] ?? look[name], changed), input = control.querySelector("select");
    if (shown) [...input.options].forEach((option) => { option.textContent = shown[option.value]; });
    input.disabled = !alive && name !== "unit" && name !== "colours";
    return { control, input };
  };
  const geometry = (name) => (value) => {
    state[name] = Number(value);
    state.stride = Math.min(state.stride, state.window);
    selects.stride.input.value = String(state.stride);
    const { left, top, width, height } = state.box;
    if (name === "window" && !painting()) {
      state.box = legal({ left: left + (width - state.window) / 2, top: top + (height - state.window) / 2, width: state.window, height: state.window, wanted: state.window });
    }
    sweepShown();
    moved();
  };
  const withOwn = (values, own) => [...new Set([...values, own])].sort((x, y) => x - y).map(String);
  const first = model.get("answer").start;
  Object.assign(state, { window: first.window, stride: first.stride, cover: first.cover });
  const clear = glButton("clear", "wipe", () => { painted.fill(0); moved(); });
  clear.hidden = true;
  const selects = {
    mode: choose("mode", "hide with", Object.keys(modes), (value) => {
      state.mode = value;
      clear.hidden = value !== "paint";
      if (value === "box") state.box = legal({ ...state.box, width: state.window, height: state.window, wanted: state.window });
      moved();
    }, modes),
    cover: choose("cover", "shown there", Object.keys(GL_COVERS), (value) => { state.cover = value; sweepShown(); moved(); }, GL_COVERS),
    window: choose("window", "window", withOwn(GL_WINDOWS, first.window), geometry("window")),
    stride: choose("stride", "stride", withOwn(GL_STRIDES, first.stride), geometry("stride")),
    unit: choose("unit", "cost in", ["logit", "probability"], (value) => { look.unit = value; drawStill(); }),
    colours: choose("colours", "colours", Object.keys(GL_STOPS), (value) => { look.colours = value; drawStill(); }),
  };
  for (const each of ["window", "stride"]) selects[each].input.value = String(state[each]);
  const opacity = glSlider("opacity", "opacity", look.opacity, (value) => { look.opacity = value; drawStill(); });

  const arrived = () => {
    const answer = model.get("answer");
    a = { ...glDecodePicture(answer), covers: {} };
    for (const each of Object.keys(GL_COVERS)) a.covers[each] = glBytes(answer.covers[each]);
    photo = glPhoto(a);
    painted = new Uint8Array(a.width * a.height);
    [sweep, after] = [null, null];
    asker.forget();
    state.p = a.start.p;
    const middle = (side) => Math.round((side - state.window) / 2);
    state.box = { left: middle(a.width), top: middle(a.height), width: state.window, height: state.window, wanted: state.window };
    source.show(a);
    source.settle(model.get("error"));
    if (model.get("sweep").serial === a.serial) { swept(); if (!alive) state.box = legal(state.box); }
    refresh();
    sweepShown();
  };
  const busy = () => source.busy(model.get("busy"));
  const failed = () => { if (model.get("error")) { source.settle(model.get("error")); source.show(a); } };

  for (const canvas of [parts.hide, parts.map]) glBoxHands(canvas, hands, on);
  const controls = glNode("div", { class: "gl-controls", role: "group", "aria-label": "What is hidden, and how the map is shown" },
    selects.mode.control, clear, selects.cover.control, selects.unit.control, selects.colours.control, opacity);
  const root = glNode("div", { class: "gl-root gl-occlusion", role: "region", lang: "en", "aria-label": "What happens if I cover this?" },
    glNode("div", { class: "gl-main" },
      glNode("div", { class: "gl-side" }, source.node, parts.says),
      glNode("div", { class: "gl-asking" }, parts.panels, readout.node,
        glNode("div", { class: "gl-sweep" }, button, selects.window.control, selects.stride.control, parts.bar, parts.done), controls)));
  glKeepKeys(root);
  el.append(root);

  const listening = [["change:answer", arrived], ["change:busy", busy], ["change:error", failed], ["change:sweep", swept],
    ["change:running", sweepShown], ["msg:custom", heard]];
  for (const [event, act] of listening) model.on(event, act);
  arrived();
  busy();
  return () => {
    for (const [event, act] of listening) model.off(event, act);
    if (frame !== null) cancelAnimationFrame(frame);
    asker.stop();
    readout.stop();
    source.stop();
    root.remove();
  };
}

export default { render };
