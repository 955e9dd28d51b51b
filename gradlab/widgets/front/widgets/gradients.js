// Which pixels move P? Three maps with the trained weights, the same with random ones, and a box that reads both.

import { glDecodePicture } from "../lib/answer.js";
import { GL_SIDE_LARGE, glBoxHands, glDrawBox } from "../lib/box.js";
import { glHeat, glPhoto, glSigned } from "../lib/colour.js";
import { glCombobox } from "../lib/combobox.js";
import { glKeepKeys, glNode, glReadout, glSelect } from "../lib/dom.js";
import { glClamp, glProbability } from "../lib/numbers.js";
import { glSource } from "../lib/source.js";
import { GL_STOPS } from "../lib/stops.js";
import { glSend, glUnpacked } from "../lib/wire.js";

const GL_METHODS = {
  "gradient": "passes back where the unit is active",
  "deconvnet": "passes back what is positive",
  "guided backpropagation": "passes back what is positive, where the unit is active",
};
const GL_SHARES = {
  "0.01": "of the last layer", "0.25": "of the last quarter", "0.5": "of the last half", "1": "of all layers",
};
const GL_WHITE = 0.995;  // this share of the pixels lies below the end of the colours

// Values as shown, and what ends the colours: a few pixels would leave all others dark.
function glPixelMap(packed) {
  const values = Float64Array.from(glUnpacked(packed).values);
  const sorted = values.map(Math.abs).sort();
  return { values, top: sorted[Math.floor(GL_WHITE * (sorted.length - 1))] || sorted[sorted.length - 1] };
}

function glInside(values, box, a) {
  let inside = 0, all = 0;
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      const level = Math.abs(values[y * a.width + x]);
      all += level;
      if (y >= box.top && y < box.top + box.height && x >= box.left && x < box.left + box.width) inside += level;
    }
  }
  return all > 0 ? inside / all : 0;
}

// One map or photo with the box over it. key names it for tests and for readers of the page.
function glPixelPanel(key, title, hands, on) {
  const canvas = glNode("canvas", { tabindex: 0, role: "application", "data-stage": key,
    "aria-label": `${title}. Arrow keys move the box, Shift and arrow keys resize it, Escape leaves.` });
  const refused = glNode("p", { class: "gl-empty", hidden: true });
  const share = glNode("p", { class: "gl-hottest gl-number" }), note = glNode("p", { class: "gl-meaning" });
  const still = document.createElement("canvas");
  glBoxHands(canvas, hands, on);
  return {
    canvas, note, share,
    node: glNode("section", { class: "gl-panel", "data-panel": key }, glNode("h3", { class: "gl-title" }, title), note,
      glNode("div", { class: "gl-stage" }, canvas, refused), share),
    // map: { values, top }, "photo", or a sentence that says why there is none
    draw(a, photo, map, look) {
      const scale = GL_SIDE_LARGE / Math.max(a.width, a.height);
      for (const each of [canvas, still]) {
        each.width = Math.round(a.width * scale);
        each.height = Math.round(a.height * scale);
      }
      const context = still.getContext("2d");
      refused.hidden = typeof map !== "string" || map === "photo";
      refused.textContent = refused.hidden ? "" : map;
      if (map === "photo") context.drawImage(photo, 0, 0, still.width, still.height);
      else if (refused.hidden) {
        const values = glSigned(look.colours) ? map.values : map.values.map(Math.abs);
        const opaque = { ...look, opacity: 1, threshold: 0 };
        context.drawImage(glHeat(values, { h: a.height, w: a.width }, still.width, still.height, opaque, map.top || 1),
          0, 0);
      }
    },
    mark(a, box) {
      const context = canvas.getContext("2d");
      context.drawImage(still, 0, 0);
      glDrawBox(context, box, canvas.width / a.width, key === "photo");
    },
  };
}

function glGradientRows(hands, on) {
  const panels = { photo: glPixelPanel("photo", "What the network sees", hands, on), trained: {}, random: {} };
  for (const name of Object.keys(GL_METHODS)) {
    panels.trained[name] = glPixelPanel(`trained ${name}`, name, hands, on);
    panels.trained[name].note.textContent = GL_METHODS[name];
    panels.random[name] = glPixelPanel(`random ${name}`, name, hands, on);
  }
  return panels;
}

function render({ model, el }) {
  const labels = model.get("labels"), alive = !model.gradlabSaved;
  const look = { colours: "magma" };
  const state = { p: 0, share: model.get("maps").share, box: null };
  const known = new Map();  // maps by class, of this picture and share
  let a = null, photo = null, shown = null;

  const readout = glReadout();
  const source = glSource(model);
  const hands = () =>
    ({ box: state.box, size: { width: a.width, height: a.height }, step: 8, painting: false, fixed: false });
  const on = {
    box(next) {
      state.box = {
        ...next, left: Math.round(glClamp(next.left, 0, a.width - next.width)),
        top: Math.round(glClamp(next.top, 0, a.height - next.height)),
        width: Math.round(next.width), height: Math.round(next.height),
      };
      marks();
    },
    end() { readout.say(sentence()); },
  };
  const panels = glGradientRows(hands, on);
  const each = (act) => {
    for (const [row, name] of ["trained", "random"].flatMap((row) =>
      Object.keys(GL_METHODS).map((name) => [row, name]))) {
      const found = shown.methods[name];
      act(panels[row][name], found.refused ? null : found[row], found, row, name);
    }
  };
  const area = () => (state.box.width * state.box.height) / (a.width * a.height);
  const percent = (value) => `${(100 * value).toFixed(0)} %`;
  const marks = () => {
    panels.photo.mark(a, state.box);
    panels.photo.share.textContent = `the box: ${percent(area())} of the picture`;
    each((panel, map) => {
      panel.mark(a, state.box);
      panel.share.textContent = map ? `in the box: ${percent(glInside(map.values, state.box, a))} of the strength` : "";
    });
  };
  const sentence = () => {
    const inside = Object.entries(shown.methods).filter(([, found]) => !found.refused)
      .map(([name, found]) => `${name} ${percent(glInside(found.trained.values, state.box, a))}`);
    return `${labels[shown.p]}: the box is ${percent(area())} of the picture and holds of the strength ` +
      `${inside.join(", ")}.`;
  };
  const draw = () => {
    panels.photo.draw(a, photo, "photo", look);
    each((panel, map, found, row) => {
      panel.draw(a, photo, map || found.refused, look);
      if (row === "random") {
        panel.note.textContent = found.alike === null || found.refused
          ? ""
          : `rank correlation with the map above: ${found.alike.toFixed(2)}`;
      }
    });
    const layers = shown.lost === 1 ? `the last layer (${shown.first}) has` : `the last ${shown.lost} layers have`;
    control.textContent = `Control: ${layers} random weights`;
    picker.set(labels[shown.p]);
    marks();
    readout.say(sentence());
  };

  const picker = glCombobox({
    name: "p", label: "P: the class asked about", choose: (value) => { state.p = value; ask(); },
    options: () => a.order.filter((c) => alive || known.has(c))
      .map((c) => ({ value: c, text: labels[c], note: glProbability(a.p[c]) })),
  });
  const ask = () => {
    const found = known.get(state.p);
    if (found) { shown = found; draw(); return; }
    glSend(model, { kind: "maps", serial: a.serial, p: state.p, share: state.share });
  };
  const take = (maps) => {
    const methods = {};
    for (const [name, found] of Object.entries(maps.methods)) {
      methods[name] = found.refused
        ? found
        : { ...found, trained: glPixelMap(found.trained), random: glPixelMap(found.random) };
    }
    known.set(maps.p, { ...maps, methods });
  };
  const came = () => {
    const maps = model.get("maps");
    if (!a || maps.serial !== a.serial) return;
    if (maps.share !== state.share) {  // the other view of this widget may have asked
      known.clear();
      state.share = maps.share;
      shares.value = String(maps.share);
    }
    take(maps);
    if (maps.p === state.p || !known.has(state.p)) { state.p = maps.p; shown = known.get(maps.p); draw(); }
  };
  const arrived = () => {
    a = glDecodePicture(model.get("answer"));
    photo = glPhoto(a);
    known.clear();
    for (const maps of model.get("known")) if (maps.serial === a.serial) take(maps);
    const half = (side) => Math.round(side / 2);
    state.box = { left: half(a.width / 2), top: half(a.height / 2), width: half(a.width), height: half(a.height) };
    source.show(a);
    source.settle(model.get("error"));
    state.p = model.get("maps").p;
    came();
  };
  const busy = () => source.busy(model.get("busy"));
  const failed = () => { if (model.get("error")) { source.settle(model.get("error")); source.show(a); } };

  const control = glNode("h3", { class: "gl-title" });
  const ownShare = String(state.share);
  const names = { [ownShare]: `of the last ${(100 * state.share).toFixed(0)} % of layers`, ...GL_SHARES };
  const random = glSelect("share", "random weights", Object.keys(names).sort(), ownShare, (value) => {
    state.share = Number(value);
    known.clear();
    ask();
  });
  const shares = random.querySelector("select");
  [...shares.options].forEach((option) => { option.textContent = names[option.value]; });
  shares.disabled = !alive;
  panels.photo.node.append(glNode("div", { class: "gl-pick", "data-role": "p" },
    glNode("span", { class: "gl-letter", "aria-hidden": "true" }, "P"), picker.node));
  const row = (key, ...nodes) => glNode("div", { class: "gl-panels gl-three", "data-row": key }, nodes);
  const all = (key) => Object.values(panels[key]).map((panel) => panel.node);
  const root = glNode("div",
    { class: "gl-root gl-gradients", role: "region", lang: "en", "aria-label": "Which pixels move the score?" },
    glNode("div", { class: "gl-main" },
      glNode("div", { class: "gl-side" }, source.node, panels.photo.node, readout.node),
      glNode("div", { class: "gl-asking" }, row("trained", ...all("trained")), control, row("random", ...all("random")),
        glNode("div", { class: "gl-controls", role: "group", "aria-label": "How the maps are shown" }, random,
          glSelect("colours", "colours", Object.keys(GL_STOPS), look.colours, (value) => {
            look.colours = value;
            draw();
          })))));
  glKeepKeys(root);
  el.append(root);

  const listening = [
    ["change:answer", arrived], ["change:maps", came], ["change:busy", busy], ["change:error", failed],
  ];
  for (const [event, act] of listening) model.on(event, act);
  arrived();
  busy();
  return () => {
    for (const [event, act] of listening) model.off(event, act);
    readout.stop();
    source.stop();
    root.remove();
  };
}

export default { render };
