// A panel of all the questions "rather than Q?" as a small picture to press.

import { glEffective } from "./contrasts.js";
import { el } from "./dom.js";
import { glFixed } from "./text.js";

export function glShort(value) {
  if (value === 0) return "0";
  return value < 0.01 ? value.toExponential(0).replace("-", "−") : glFixed(value, 2);
}

// One panel: a small picture to press. kind: the class Q, or "ones".
export class GlPanelButton {
  constructor(kind, press) {
    this.kind = kind;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.title = el("span.gl-ask-title");
    this.gutter = el("span.gl-gutter", { "aria-hidden": "true" });
    [this.rows, this.length] = [el("span.gl-number"), el("span.gl-number")];
    this.node = el("button.gl-ask", { type: "button", "data-panel": kind, tabindex: -1, onclick: press },
      this.title, el("span.gl-ask-stage", this.gutter, this.canvas), el("span.gl-ask-note", this.rows, this.length));
  }

  // tags: [letter, how far down] of the rows of P and Q
  draw(text, u, size, tags, own, pressed) {
    const effective = glFixed(glEffective(u), 2);
    this.title.textContent = text;
    this.rows.textContent = `${effective} rows`;
    this.length.textContent = `length ${glShort(size)}`;
    this.gutter.replaceChildren(...tags.map(([tag, part]) => {
      const mark = el("span", { "data-row": tag.toLowerCase() }, tag);
      mark.style.top = `${100 * part}%`;
      return mark;
    }));
    this.node.dataset.own = String(own);
    this.node.setAttribute("aria-pressed", String(pressed));
    this.node.setAttribute("aria-label", `${text}: ${effective} effective rows, length ${glShort(size)}`);
    this.node.tabIndex = pressed ? 0 : -1;
  }
}
