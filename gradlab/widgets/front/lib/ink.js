// A sheet to draw a digit on: bright ink on dark, with the mouse, a finger or a pen; or by keys.

import { el, glButton, glContext, glLeave } from "./dom.js";
import { GL_WAYS, glDrag, glWhere } from "./drag.js";
import { glClamp } from "./numbers.js";

const GL_SHEET = 280;  // pixels of the sheet
const GL_PEN = 34;  // of the line: an eighth of the sheet, as thick as the scans' strokes
const GL_STEP = 10;  // of an arrow key

// ended(canvas) is called after each stroke; cleared() after the button.
export class GlInk {
  /** @type {() => void} */ ended; /** @type {() => void} */ cleared; /** @type {Point} */ at;
  /** @type {boolean} */ drawn; /** @type {boolean} */ down;

  /** @param {(canvas: HTMLCanvasElement) => void} ended @param {() => void} cleared */
  constructor(ended, cleared) {
    this.canvas = el("canvas.gl-ink", {
      width: GL_SHEET, height: GL_SHEET, tabindex: 0, role: "application",
      "aria-label": "Draw a digit. By keys: arrows move the pen, Space sets it down and lifts it, Delete clears.",
    });
    this.cursor = el("span.gl-ink-cursor", { hidden: true });
    this.hint = el("span.gl-ink-hint", { "aria-hidden": "true" }, "draw here");
    Object.assign(this, { ended: () => ended(this.canvas), cleared, at: [GL_SHEET / 2, GL_SHEET / 4] });
    this.button = glButton("clear", "clear", () => this.clear());
    this.node = el("div.gl-sheet", el("div.gl-stage", this.canvas, this.cursor, this.hint), this.button);
    this.listen();
    this.wipe();
  }

  listen() {
    const { canvas, cursor } = this;
    /** @param {PointerEvent} event @returns {Point} */
    const place = (event) => { const { x, y } = glWhere(canvas, event); return [x * GL_SHEET, y * GL_SHEET]; };
    glDrag(canvas, {
      down: (event) => { this.at = place(event); this.line(this.at); },
      move: (event) => {
        for (const each of event.getCoalescedEvents?.() || [event]) this.line(place(each));
      },
      up: () => { this.show(); this.ended(); },
    });
    canvas.addEventListener("focus", () => { cursor.hidden = !canvas.matches(":focus-visible"); this.show(); });
    canvas.addEventListener("blur", () => {
      cursor.hidden = true;
      if (this.down) { this.down = false; this.ended(); }
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const way = GL_WAYS[event.key];
    if (event.key === "Escape") { glLeave(this.canvas); return; }
    if (!way && event.key !== " " && event.key !== "Delete") return;
    event.preventDefault();
    this.cursor.hidden = false;
    if (way) {
      const step = (/** @type {number} */ i) => glClamp(this.at[i] + GL_STEP * way[i], 0, GL_SHEET);
      /** @type {Point} */
      const to = [step(0), step(1)];
      if (this.down) this.line(to); else this.at = to;
    } else if (event.key === " ") {
      this.down = !this.down;
      if (this.down) this.line(this.at); else this.ended();
    } else this.clear();
    this.show();
  }

  /** @param {Point} to */
  line(to) {
    const context = glContext(this.canvas);
    Object.assign(context, { strokeStyle: "#ffffff", lineWidth: GL_PEN, lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(this.at[0], this.at[1]);
    context.lineTo(to[0], to[1] + 0.01);  // a line of no length would not be drawn
    context.stroke();
    this.at = to;
    this.drawn = this.hint.hidden = true;
  }

  wipe() {
    const context = glContext(this.canvas);
    context.fillStyle = "#000000";
    context.fillRect(0, 0, GL_SHEET, GL_SHEET);
    this.drawn = this.down = this.hint.hidden = false;
    this.show();
  }

  clear() {
    this.wipe();
    this.cleared();
  }

  show() {
    const { cursor, at, down } = this;
    Object.assign(cursor.style, { left: `${(100 * at[0]) / GL_SHEET}%`, top: `${(100 * at[1]) / GL_SHEET}%` });
    cursor.dataset.down = String(down);
  }

  disable() {
    this.canvas.removeAttribute("tabindex");
    this.canvas.style.pointerEvents = "none";
    this.button.disabled = true;
    this.hint.textContent = "drawing needs a kernel";
  }
}
