// One picture at length: why P, rather than Q, the bars of its likeliest classes, and the contrast map over it.

import { glPaintSigned, glStrip, glTopOf } from "./colour.js";
import { el, glCheck, glHint, glTitle } from "./dom.js";
import { glProbability } from "./numbers.js";
import { glPart } from "./wire.js";

// mapped: there are contrast maps, which `map` of what was chosen shows or not.
export class GlDetail {
  /** @type {HTMLElement} */ title; /** @type {HTMLElement} */ hint; /** @type {HTMLElement} */ bars;

  /** @param {string} kind @param {boolean} mapped @param {Choosing} chosen */
  constructor(kind, mapped, chosen) {
    Object.assign(this, { title: glTitle(), hint: glHint(), bars: el("ul.gl-bars") });
    this.chosen = chosen;
    this.photo = el("canvas.gl-photo", { role: "img" });
    this.check = glCheck("map", "show the contrast map", (map) => chosen.set({ map }), true);
    this.legend = el("div.gl-legend", el("span", "for Q"), glStrip("blue-orange"), el("span", "for P, against Q"));
    this.node = el(`section.${kind}`, this.title, el("div.gl-pair", this.photo, this.bars),
      mapped ? this.legend : null, this.hint, mapped ? this.check.node : null);
  }

  /** @param {string[]} labels @param {number} P @param {number} Q @param {number} p @param {number} q */
  ask(labels, P, Q, p, q) {
    this.title.textContent = `Why ${labels[P]} (${glProbability(p)}), rather than ${labels[Q]} (${glProbability(q)})?`;
  }

  // maps: of all pictures, or null; j: which of them.
  /** @param {HTMLCanvasElement} photo @param {Unpacked | null} maps @param {number} j @param {string} label */
  paint(photo, maps, j, label) {
    const [, rows, columns] = maps ? maps.shape : [0, 1, 1], map = maps ? glPart(maps, j) : [0];
    const on = this.chosen.get("map");
    this.check.set(on);
    glPaintSigned(this.photo, { photo, rows, columns }, map, maps && on ? glTopOf(map) : 0);
    this.photo.setAttribute("aria-label", label);
  }
}
