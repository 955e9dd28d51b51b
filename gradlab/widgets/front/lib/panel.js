// One question: a heading, the photo under its map, a legend with values, and a cell cursor worked by mouse or keys.

import { glDrawRect, glSized } from "./box.js";
import { glLegend, glPaint } from "./colour.js";
import { el, glContext, glLeave, glTitle } from "./dom.js";
import { GL_WAYS, glDrag, glWhere } from "./drag.js";
import { glClamp, glHottest, glValue } from "./numbers.js";

export const GL_SIDE = 336;  // longer side of a canvas, in its own pixels

// on: { cursor(cell or null), toggle(cell, wanted or undefined) }; isPicked(cell)
export class GlPanel {
  /** @type {Maps} */ a; /** @type {Question} */ view;

  /** @param {string} key @param {CellActs} on @param {(cell: number) => boolean} isPicked */
  constructor(key, on, isPicked) {
    this.title = glTitle();
    this.meaning = el("p.gl-meaning");
    this.canvas = el("canvas", { tabindex: 0, role: "application", width: GL_SIDE, height: GL_SIDE });
    this.background = el("canvas");  // photo and map, without cursor and cells
    this.empty = el("p.gl-empty", { hidden: true }, "nothing positive: this map is empty");
    this.legend = glLegend();
    this.hottest = el("p.gl-hottest");
    this.node = el("section.gl-panel", { "data-panel": key }, this.title, this.meaning,
      el("div.gl-stage", this.canvas, this.empty), this.legend.node, this.hottest);
    this.at = null;
    this.pointer(on, isPicked);
    this.keys(on);
  }

  // Hover reads a cell; a press picks it, or gives it back, and a drag does the same to the cells it crosses.
  /** @param {CellActs} on @param {(cell: number) => boolean} isPicked */
  pointer(on, isPicked) {
    const { canvas } = this;
    let wanted = null, last = null;
    const cellAt = (event) => {
      const { x, y } = glWhere(canvas, event), { w, h } = this.a;
      return glClamp(Math.floor(y * h), 0, h - 1) * w + glClamp(Math.floor(x * w), 0, w - 1);
    };
    const move = (event) => {
      const cell = cellAt(event);
      if (cell === last) return;
      last = cell;
      on.cursor(cell);
      if (wanted !== null) on.toggle(cell, wanted);
    };
    glDrag(canvas, {
      down(event) { last = null; wanted = !isPicked(cellAt(event)); move(event); },
      move, hover: move,
      up: () => { wanted = null; },
    });
    canvas.addEventListener("pointerleave", () => {
      last = null;
      if (wanted === null && document.activeElement !== canvas) on.cursor(null);
    });
  }

  /** @param {CellActs} on */
  keys(on) {
    this.canvas.addEventListener("keydown", (event) => {
      const { at, a: { w, h } } = this, cell = at ?? 0, row = Math.floor(cell / w), column = cell % w;
      const way = GL_WAYS[event.key] || { Home: [-w, 0], End: [w, 0] }[event.key];
      if (way) {
        const to = glClamp(row + way[1], 0, h - 1) * w + glClamp(column + way[0], 0, w - 1);
        on.cursor(at === null ? 0 : to);
      } else if (event.key === " ") {
        on.cursor(cell);
        on.toggle(cell);
      } else if (event.key === "Escape") {
        on.cursor(null);
        glLeave(this.canvas);
      } else return;
      event.preventDefault();
    });
    this.canvas.addEventListener("blur", () => on.cursor(null));
  }

  // view: { title, meaning, label, map, top, unit, share }
  /**
   * @param {Maps} a @param {HTMLCanvasElement} photo @param {Question} view @param {Look} look
   * @param {number | null} cursor @param {Iterable<number>} cells
   */
  draw(a, photo, view, look, cursor, cells) {
    Object.assign(this, { a, view });
    glSized(a, GL_SIDE, this.canvas, this.background);
    glPaint(this.background, photo, view.map, a, look, view.top);
    this.title.textContent = this.title.title = view.title;
    this.meaning.textContent = view.meaning;
    this.canvas.setAttribute("aria-label", `${view.title} Map of ${a.h} by ${a.w} cells. ` +
      "Arrow keys move the cell, Space takes it away, Escape leaves.");
    this.empty.hidden = view.top > 0;
    this.legend.draw(look.colours, (value) => glValue(value, view.share), view.top);
    this.hottest.textContent = glHottestText(a, view);
    this.mark(cursor, cells);
  }

  /** @param {number | null} cursor @param {Iterable<number>} cells */
  mark(cursor, cells) {
    this.at = cursor;
    const context = glContext(this.canvas);
    context.drawImage(this.background, 0, 0);
    glMarks(context, this.a, cells, cursor);
  }
}

// A cell in words, from 1.
/** @param {Cells} a @param {number} cell */
export function glPlace(a, cell) {
  return `row ${Math.floor(cell / a.w) + 1}, column ${(cell % a.w) + 1}`;
}

/** @param {Maps} a @param {Question} view */
function glHottestText(a, view) {
  const best = glHottest(view.map), value = view.map[best];
  return `${value > 0 ? "hottest" : "highest"}: ${glPlace(a, best)}, ${glValue(value, view.share)}` +
    `${view.share ? " of the map" : ` ${view.unit}`}`;
}

// Cells taken away are grey and crossed; the cursor is a double line.
/** @param {Context} context @param {Cells} a @param {Iterable<number>} cells @param {number | null} cursor */
function glMarks(context, a, cells, cursor) {
  const w = context.canvas.width / a.w, h = context.canvas.height / a.h;
  const corner = (cell) => [(cell % a.w) * w, Math.floor(cell / a.w) * h];
  for (const cell of cells) {
    const [x, y] = corner(cell);
    context.fillStyle = "rgba(118, 118, 118, 0.92)";
    context.fillRect(x, y, w, h);
    Object.assign(context, { strokeStyle: "#ffffff", lineWidth: 1 });
    context.beginPath();
    for (const [top, foot] of [[0.25, 0.75], [0.75, 0.25]]) {
      context.moveTo(x + 0.25 * w, y + top * h);
      context.lineTo(x + 0.75 * w, y + foot * h);
    }
    context.stroke();
  }
  if (cursor === null) return;
  const [x, y] = corner(cursor);
  glDrawRect(context, x + 2, y + 2, w - 4, h - 4);
}
