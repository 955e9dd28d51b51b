// One picture under a mask: where the mask is, what is asked about it, and how both stages are drawn.

import { glProbabilityBars } from "./bars.js";
import { GL_SIDE_LARGE, glBoxHands, glDrawBox, glSized } from "./box.js";
import { glPaint, glPhoto, glSigned } from "./colour.js";
import { el, glContext } from "./dom.js";
import { glFillBox, glMaskAsker, glMaskedPhoto, glRuns } from "./mask.js";
import { glClamp, glProbability, glSoftmax, glSum, glTop, glValue } from "./numbers.js";
import { GL_SILENT } from "./source.js";
import { glPacked } from "./wire.js";

export const GL_BASELINES = { mean: "mean colour", black: "black", blur: "blur" };

// A box of the window's own size; `wanted` remembers that size where the border cuts it, and is 0 for any other box.
/** @param {number} top @param {number} left @param {number} side */
export function glWindowBox(top, left, side) {
  return { top, left, width: side, height: side, wanted: side };
}

// say: { heard(), settle(text), chose(change) }: what the widget does once a mask is answered, is not, or is another.
export class GlMasked {
  /** @type {any} */ state; /** @type {Look & { unit: string }} */ look;
  /** @type {any} */ parts; /** @type {any} */ say; /** @type {string[]} */ labels; /** @type {boolean} */ alive;
  /** @type {Maskable} */ a; /** @type {HTMLCanvasElement} */ photo; /** @type {Uint8Array} */ painted;
  /** @type {Sweep | null} */ sweep; /** @type {Numbers} */ after;
  /** @type {Numbers | null} */ z;
  /** @type {number} */ lost;

  /** @param {any} given */
  constructor({ parts, labels, alive, send, say }) {
    Object.assign(this, { parts, labels, alive, say });
    this.state = { p: 0, box: null, brush: 16, mode: "box" };
    this.look = { opacity: 0, colours: "", threshold: 0, unit: "" };  // as the reader chooses
    this.background = el("canvas");  // photo and map, without the box
    this.held = false;
    const heard = (z, latest) => this.settled(glSoftmax(z), z, this.a.z[this.state.p] - z[this.state.p], latest);
    this.asker = glMaskAsker(send, heard, () => say.settle(GL_SILENT));
    for (const canvas of [parts.hide, parts.map]) glBoxHands(canvas, () => this.hands(), this.actions());
  }

  // Another picture: the answer of the kernel, decoded.
  /** @param {Maskable} a */
  begin(a) {
    Object.assign(this, {
      a, photo: glPhoto(a), painted: new Uint8Array(a.width * a.height), sweep: null, after: null, z: null,
    });
    this.asker.forget();
    this.state.box = this.middle();
  }

  // The choices as they are kept; whether another mask is hidden by them.
  /** @param {any} chosen */
  choose({ target, box, mode, painted, window, stride, baseline, unit, colours, opacity }) {
    const { a, state, look } = this;
    const now = () => JSON.stringify([this.box, state.mode, state.baseline, glRuns(this.painted)]), before = now();
    Object.assign(state, { p: target ?? a.order[0], mode, window, stride, baseline });
    Object.assign(look, { unit, colours, opacity });
    if (!box) state.box = this.legal(this.middle());
    else if (box.join() !== this.box.join()) {
      const [left, top, width, height] = box, whole = glWindowBox(top, left, window);
      const own = [a.width, a.height].every((side, k) => box[k + 2] === Math.min(window, side - box[k]));
      state.box = this.legal(own ? whole : { left, top, width, height, wanted: 0 });
    }
    this.painted.fill(0);
    for (const [from, count] of painted) this.painted.fill(1, from, from + count);
    return before !== now();
  }

  get box() {
    const { left, top, width, height } = this.state.box;
    return [left, top, width, height];
  }

  // A box of the sweep's size in the middle of the picture.
  middle() {
    const { a: { height, width }, state: { window } } = this;
    return glWindowBox(Math.round((height - window) / 2), Math.round((width - window) / 2), window);
  }

  get painting() { return this.state.mode === "paint"; }

  mask() {
    if (this.painting) return this.painted;
    const drawn = new Uint8Array(this.a.width * this.a.height);
    glFillBox(drawn, this.a, this.state.box, 1);
    return drawn;
  }

  // A box of the sweep's size goes from window to window, so that the sweep can answer for it.
  /** @param {Box} box */
  legal(box) {
    const { a, sweep, state } = this;
    const swept = sweep && sweep.exact && sweep.facts.baseline === state.baseline && sweep.facts.window === state.window
      && state.box.wanted === state.window && box.wanted === state.window;
    if (swept || (!this.alive && sweep)) return { ...sweep.snap(box.left, box.top), wanted: sweep.facts.window };
    const width = Math.min(box.wanted || box.width, a.width), height = Math.min(box.wanted || box.height, a.height);
    return {
      left: Math.round(glClamp(box.left, 0, a.width - width)), top: Math.round(glClamp(box.top, 0, a.height - height)),
      width: Math.round(width), height: Math.round(height), wanted: box.wanted,
    };
  }

  hands() {
    const { a, sweep, state } = this;
    const onGrid = sweep && sweep.at(state.box, state.baseline) >= 0;
    return {
      box: state.box, size: { width: a.width, height: a.height }, painting: this.painting, fixed: !this.alive,
      step: onGrid ? sweep.facts.stride : this.painting ? state.brush / 2 : 4,
    };
  }

  actions() {
    return {
      box: (next) => {
        const { box } = this.state, resized = next.width !== box.width || next.height !== box.height;
        const legal = this.legal({ ...next, wanted: resized ? 0 : box.wanted });
        if (["left", "top", "width", "height"].every((side) => legal[side] === box[side])) return;
        this.state.box = legal;
        this.held = true;
        this.say.chose({ box: this.box });
        this.moved();
      },
      paint: ({ x, y }) => {
        const { brush } = this.state;
        this.state.box = { left: x - brush / 2, top: y - brush / 2, width: brush, height: brush, wanted: 0 };
        glFillBox(this.painted, this.a, this.state.box, 1);
        this.held = true;
        this.moved();
      },
      end: () => {
        this.held = false;
        if (this.painting) this.say.chose({ painted: glRuns(this.painted) });
        this.say.heard();
      },
    };
  }

  moved() {
    this.drawHide();
    this.drawMap();
    this.ask();
  }

  // The sweep answers where it can, the kernel elsewhere.
  ask() {
    const { sweep, state } = this, w = sweep && !this.painting ? sweep.at(state.box, state.baseline) : -1;
    if (sweep && sweep.known(w)) {
      this.asker.forget();
      this.settled(sweep.after(w), null, sweep.drop(w, state.p));
    } else if (this.alive) {
      const { height, width, serial } = this.a, mask = glPacked(this.mask(), "bool", [height, width]);
      this.asker.ask({ serial, baseline: state.baseline, mask });
    }
  }

  // p of every class under the mask: with z, from the network; without, from the sweep, with what P lost. While a newer
  // mask is under way the bars follow, and nothing is said.
  /** @param {Numbers} p @param {Numbers | null} z @param {number} [lost] @param {boolean} [latest] */
  settled(p, z, lost = z ? this.a.z[this.state.p] - z[this.state.p] : 0, latest = true) {
    const { a, parts, state } = this;
    Object.assign(this, { after: p, z, lost });
    parts.measured.textContent = z ? "asked of the network just now" : "from the sweep: no kernel needed";
    parts.barsTitle.textContent = "With this hidden";
    glProbabilityBars(parts.bars, a, this.labels, state.p, state.p, p, 5);
    if (!latest) return;
    parts.hide.dataset.settled = [state.box.top, state.box.left, state.box.height, state.box.width].join();
    if (!this.held) this.say.heard();
  }

  sentence() {
    const { a, after, labels, state } = this, { top, left, height, width } = state.box;
    if (!after) return `The network says ${labels[a.order[0]]} ${glProbability(a.p[a.order[0]])}.`;
    const share = glSum(this.painted) / this.painted.length;
    const where = this.painting
      ? `${(100 * share).toFixed(0)} % painted over`
      : `${height} × ${width} pixels hidden from row ${top}, column ${left}`;
    return `${where}: ${labels[state.p]} ${glProbability(a.p[state.p])} → ${glProbability(after[state.p])} ` +
      `(${glValue(-this.lost, false)} logits).`;
  }

  // P has changed, or the picture: what the network said under this mask still holds.
  refresh() {
    this.drawStill();
    this.drawHide();
    if (this.z) this.settled(this.after, this.z); else this.ask();
  }

  drawHide() {
    const { a, state, parts: { hide } } = this, scale = glSized(a, GL_SIDE_LARGE, hide);
    const context = glContext(hide);
    context.imageSmoothingEnabled = hide.width < 4 * a.width;
    context.drawImage(glMaskedPhoto(a, state.baseline, this.mask()), 0, 0, hide.width, hide.height);
    glDrawBox(context, state.box, scale, this.alive && !this.painting);
  }

  drawMap() {
    const scale = glSized(this.a, GL_SIDE_LARGE, this.parts.map), context = glContext(this.parts.map);
    context.drawImage(this.background, 0, 0);
    glDrawBox(context, this.state.box, scale, false);
  }

  drawStill() {
    const { a, look, parts, sweep, state } = this, signed = glSigned(look.colours);
    const map = sweep && sweep.map(state.p, look.unit), top = map ? glTop(map, signed) : 0;
    glSized(a, GL_SIDE_LARGE, this.background);
    glPaint(this.background, this.photo, map, { ...a, h: a.height, w: a.width }, look, top);
    parts.empty.hidden = Boolean(map);
    parts.title.textContent = `What hiding costs ${this.labels[state.p]}`;
    parts.note.textContent = !map ? "each place of the window, one by one" : sweep.standing;
    parts.legend.draw(look.colours, (value) => glValue(value, false), top, look.unit === "logit" ? " logits" : "");
    this.drawMap();
  }
}
