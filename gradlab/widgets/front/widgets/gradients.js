// Which pixels move P? Three maps with the trained weights, the same with random ones, and a box that reads both.

import { glDecodePicture } from "../lib/answer.js";
import { GL_SIDE_LARGE, glBoxHands, glDrawBox, glSized } from "../lib/box.js";
import { glHeat, glPhoto, glSigned } from "../lib/colour.js";
import { GlChoices } from "../lib/choices.js";
import { glClassOptions, glClassPicker } from "../lib/combobox.js";
import { el, glButton, glContext, glRender, glSelect, glTitle } from "../lib/dom.js";
import { glClamp } from "../lib/numbers.js";
import { GlPictureView } from "../lib/source.js";
import { GL_STOPS } from "../lib/stops.js";
import { glUnpacked } from "../lib/wire.js";

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
/** @param {Packed} packed */
function glPixelMap(packed) {
  const values = Float64Array.from(glUnpacked(packed).values);
  const sorted = values.map(Math.abs).sort();
  return { values, top: sorted[Math.floor(GL_WHITE * (sorted.length - 1))] || sorted[sorted.length - 1] };
}

/** @param {Numbers} values @param {Box} box @param {Size} a */
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

/** @param {number} share */
function glPercent(share) {
  return `${(100 * share).toFixed(0)} %`;
}

// One map or photo with the box over it. key names it for tests and for readers of the page.
class GlPixelPanel {
  /** @param {string} key @param {string} title @param {string} note @param {() => BoxState} hands @param {any} on */
  constructor(key, title, note, hands, on) {
    this.key = key;
    this.canvas = el("canvas", { tabindex: 0, role: "application", "data-stage": key,
      "aria-label": `${title}. Arrow keys move the box, Shift and arrow keys resize it, Escape leaves.` });
    this.refused = el("p.gl-empty", { hidden: true });
    this.share = el("p.gl-hottest.gl-number");
    this.note = el("p.gl-meaning", note);
    this.background = el("canvas");
    glBoxHands(this.canvas, hands, on);
    this.node = el("section.gl-panel", { "data-panel": key }, glTitle(title), this.note,
      el("div.gl-stage", this.canvas, this.refused), this.share);
  }

  // The canvas at the picture's shape, for what is to be drawn; refused: why there is nothing.
  /** @param {Picture} a @param {string} [refused] */
  begin(a, refused = "") {
    glSized(a, GL_SIDE_LARGE, this.canvas, this.background);
    this.refused.hidden = !refused;
    this.refused.textContent = refused;
    return glContext(this.background);
  }

  /** @param {Picture} a @param {HTMLCanvasElement} photo */
  photo(a, photo) { this.begin(a).drawImage(photo, 0, 0, this.background.width, this.background.height); }

  // found: { values, top }, or null and a sentence that says why there is none
  /**
   * @param {Picture} a @param {{ values: Float64Array, top: number } | null} found @param {string} refused
   * @param {string} colours
   */
  map(a, found, refused, colours) {
    const context = this.begin(a, refused);
    if (!found) return;
    const values = glSigned(colours) ? found.values : found.values.map(Math.abs);
    context.drawImage(glHeat(values, { h: a.height, w: a.width }, this.background.width, this.background.height,
      { colours, opacity: 1, threshold: 0 }, found.top || 1), 0, 0);
  }

  /** @param {Picture} a @param {Box} box @param {string} share */
  mark(a, box, share) {
    const context = glContext(this.canvas);
    context.drawImage(this.background, 0, 0);
    glDrawBox(context, box, this.canvas.width / a.width, this.key === "photo");
    this.share.textContent = share;
  }
}

class GlGradients extends GlPictureView {
  /** @type {{ share: number, box: Box }} */ state; /** @type {Picture} */ a;
  /** @type {HTMLCanvasElement} */ photo; /** @type {any} */ shown;
  /** @type {{ node: HTMLElement, input: HTMLSelectElement }} */ shares;
  /** @type {{ node: HTMLElement, set: (value: any) => void }} */ colours;

  /** @param {Model} model */
  constructor(model) {
    super(model);
    this.chosen = new GlChoices(model, ["target", "share", "colours", "box"], (names) => this.changed(names));
    this.state = { share: model.get("maps").share, box: { left: 0, top: 0, width: 0, height: 0, wanted: 0 } };
    this.known = new Map();  // maps by class, of this picture and share
    this.control = glTitle();
    const hands = () => ({ box: this.state.box, size: this.a, step: 8, painting: false, fixed: false });
    const on = { box: (next) => this.moved(next), end: () => this.readout.say(this.sentence()) };
    this.photoPanel = new GlPixelPanel("photo", "What the network sees", "", hands, on);
    this.panels = ["trained", "random"].flatMap((row) => Object.entries(GL_METHODS).map(([name, note]) => ({
      row, name, panel: new GlPixelPanel(`${row} ${name}`, name, row === "trained" ? note : "", hands, on),
    })));
    this.picker = glClassPicker("P", "P: the class asked about",
      () => glClassOptions(this.a, this.labels).filter(({ value }) => this.alive || this.known.has(value)),
      (value) => this.ask(value, this.state.share), this.groups,
      this.alive ? "no such class" : "not in this saved page");
    this.photoPanel.node.append(this.picker.node);
    this.node = this.layout();
    Object.assign(this.hears, this.chosen.hears);
    this.stops.push(this.chosen);
    this.hears["change:maps"] = () => this.came();
    const { source } = this, sourceBack = source.back.bind(source);
    source.back = () => { sourceBack(); this.back(); };
    this.hears["change:error"] = () => {
      if (!model.get("error")) return;
      this.source.show(this.a);
      this.back();
    };
  }

  layout() {
    const { state } = this, own = String(state.share);
    const names = { [own]: `of the last ${glPercent(state.share)} of layers`, ...GL_SHARES };
    this.shares = glSelect("share", "random weights", Object.keys(names).sort().map((key) => [key, names[key]]), own,
      (value) => this.ask(this.shown.p, Number(value)));
    this.shares.input.disabled = !this.alive;
    this.colours = glSelect("colours", "colours", Object.keys(GL_STOPS), this.chosen.get("colours"),
      (value) => this.chosen.set({ colours: value }));
    const reset = glButton("reset", "reset", () => {
      const { share, ...rest } = this.model.get("initial");
      this.chosen.set(this.alive ? { share, ...rest } : rest);  // other weights need a kernel
    });
    const row = (key) => el("div.gl-panels.gl-three", { "data-row": key },
      this.panels.filter((each) => each.row === key).map(({ panel }) => panel.node));
    return el("div.gl-main",
      el("div.gl-side", this.source.node, this.photoPanel.node, this.readout.node),
      el("div.gl-asking", row("trained"), this.control, row("random"),
        el("div.gl-controls", { role: "group", "aria-label": "How the maps are shown" }, this.shares.node,
          this.colours.node, reset)));
  }

  /** @param {any} next */
  moved(next) {
    const { a } = this, place = (at, size, whole) => Math.round(glClamp(at, 0, whole - size));
    this.state.box = {
      ...next, left: place(next.left, next.width, a.width), top: place(next.top, next.height, a.height),
      width: Math.round(next.width), height: Math.round(next.height),
    };
    const { left, top, width, height } = this.state.box;
    this.chosen.set({ box: [left, top, width, height] });
    this.marks();
  }

  /** @param {any} map */
  inside(map) { return glPercent(glInside(map.values, this.state.box, this.a)); }

  get area() {
    const { a, state: { box } } = this;
    return glPercent((box.width * box.height) / (a.width * a.height));
  }

  // The box at the start: half as wide and high as the picture.
  middle() {
    const { a } = this, half = (side) => Math.round(side / 2), [width, height] = [half(a.width), half(a.height)];
    return { left: half(a.width / 2), top: half(a.height / 2), width, height, wanted: 0 };
  }

  // The map of one panel, null where the method has none.
  /** @param {{ row: string, name: string }} given */
  mapOf({ row, name }) { return this.shown.methods[name][row] || null; }

  marks() {
    const { a, state: { box } } = this;
    this.photoPanel.mark(a, box, `the box: ${this.area} of the picture`);
    for (const each of this.panels) {
      const map = this.mapOf(each);
      each.panel.mark(a, box, map ? `in the box: ${this.inside(map)} of the strength` : "");
    }
  }

  sentence() {
    const inside = Object.entries(this.shown.methods).filter(([, found]) => !found.refused)
      .map(([name, found]) => `${name} ${this.inside(found.trained)}`);
    return `${this.labels[this.shown.p]}: the box is ${this.area} of the picture and holds of the strength ` +
      `${inside.join(", ")}.`;
  }

  draw() {
    const { a, shown } = this;
    this.photoPanel.photo(a, this.photo);
    for (const each of this.panels) {
      const { alike, refused } = shown.methods[each.name];
      each.panel.map(a, this.mapOf(each), refused, this.chosen.get("colours"));
      if (each.row === "trained") continue;
      each.panel.note.textContent = alike === null || refused
        ? "" : `rank correlation with the map above: ${alike.toFixed(2)}`;
    }
    const layers = shown.lost === 1 ? `the last layer (${shown.first}) has` : `the last ${shown.lost} layers have`;
    this.control.textContent = `Control: ${layers} random weights`;
    this.picker.set(this.labels[shown.p]);
    this.marks();
    this.readout.say(this.sentence());
  }

  // Redraw what other choices have changed. Of a class whose maps are not here yet nothing is shown until they are.
  /** @param {Set<string>} names */
  changed(names) {
    const { a, chosen, known, state } = this, box = chosen.get("box");
    if (!a || !this.shown) return;
    if (box) {
      const [left, top, width, height] = box;
      state.box = { left, top, width, height, wanted: state.box.wanted };
    } else state.box = this.middle();
    const p = this.asked();
    this.colours.set(chosen.get("colours"));
    if (p !== this.shown.p && known.has(p)) this.show(p);
    else if (names.has("colours")) this.draw();
    else this.marks();
    this.readout.say(this.sentence());
  }

  // P: what was chosen, or what the network says.
  asked() { return this.chosen.get("target") ?? this.a.order[0]; }

  /** @param {number} p @param {number} share */
  ask(p, share) {
    if (share === this.state.share && this.known.has(p)) this.chosen.set({ target: p });
    else {
      this.source.wait(`asking about ${this.labels[p]} ...`);
      this.picker.set(this.labels[p]);
      this.source.send({ kind: "maps", serial: this.a.serial, p, share });
    }
  }

  // What was asked gets no answer: all is again as it is shown.
  back() {
    if (!this.shown) return;
    this.shares.input.value = String(this.shown.share);
    this.picker.set(this.labels[this.shown.p]);
  }

  /** @param {number} p */
  show(p) {
    this.shown = this.known.get(p);
    this.draw();
  }

  /** @param {any} maps */
  take(maps) {
    const unpacked = (found) => (found.refused ? found
      : { ...found, trained: glPixelMap(found.trained), random: glPixelMap(found.random) });
    const methods = Object.entries(maps.methods).map(([name, found]) => [name, unpacked(found)]);
    this.known.set(maps.p, { ...maps, methods: Object.fromEntries(methods) });
  }

  came() {
    const { known, state } = this, maps = this.model.get("maps");
    if (!this.a || maps.serial !== this.a.serial) return;
    if (maps.share !== state.share) known.clear();
    state.share = maps.share;
    this.shares.input.value = String(maps.share);
    this.take(maps);
    this.source.settle(this.model.get("error"));
    const p = this.asked();
    this.show(known.has(p) ? p : maps.p);
  }

  arrived() {
    const { known, model, state } = this, a = (this.a = glDecodePicture(model.get("answer")));
    this.photo = glPhoto(a);
    known.clear();
    for (const maps of model.get("known")) if (maps.serial === a.serial) this.take(maps);
    state.box = this.middle();
    this.source.show(a);
    this.came();
    this.changed(new Set());
  }
}
const render = glRender("gradients", "Which pixels move the score?", (model) => new GlGradients(model));

export default { render };
