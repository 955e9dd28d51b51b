// One question: a heading, the photo under its map, a legend with values, and a cell cursor worked by mouse or keys.

import { glPaint, glSigned, glStrip } from "./colour.js";
import { glLeave, glNode } from "./dom.js";
import { glHottest, glValue } from "./numbers.js";

export const GL_SIDE = 336;  // longer side of a canvas, in its own pixels

// on: { cursor(cell or null), toggle(cell, wanted or undefined) }; isPicked(cell)
export function glPanel(key, on, isPicked) {
  const title = glNode("h3", { class: "gl-title" });
  const meaning = glNode("p", { class: "gl-meaning" });
  const canvas = glNode("canvas", { tabindex: 0, role: "application", width: GL_SIDE, height: GL_SIDE });
  const empty = glNode("p", { class: "gl-empty", hidden: true }, "nothing positive: this map is empty");
  const strip = glNode("canvas", { class: "gl-strip", "aria-hidden": "true" });
  const low = glNode("span", { class: "gl-number" }), high = glNode("span", { class: "gl-number" });
  const hottest = glNode("p", { class: "gl-hottest" });
  const node = glNode("section", { class: "gl-panel", "data-panel": key },
    title, meaning, glNode("div", { class: "gl-stage" }, canvas, empty),
    glNode("div", { class: "gl-legend" }, low, strip, high), hottest);
  const background = document.createElement("canvas");  // photo and map, without cursor and cells
  let a = null, view = null, at = null;

  const cellAt = (event) => {
    const box = canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * a.w);
    const y = Math.floor(((event.clientY - box.top) / box.height) * a.h);
    return Math.max(0, Math.min(a.h - 1, y)) * a.w + Math.max(0, Math.min(a.w - 1, x));
  };
  glPointer(canvas, cellAt, on, isPicked);
  glCellKeys(canvas, () => ({ a, at }), on);

  const mark = (cursor, cells) => {
    at = cursor;
    const context = canvas.getContext("2d");
    context.drawImage(background, 0, 0);
    glMarks(context, a, cells, cursor);
  };
  return {
    node,
    canvas,
    background,
    get view() { return view; },
    // next: { title, meaning, label, map, top, unit, share }
    draw(answer, photo, next, look, cursor, cells) {
      a = answer;
      view = next;
      const scale = GL_SIDE / Math.max(a.width, a.height);
      for (const each of [canvas, background]) {
        each.width = Math.round(a.width * scale);
        each.height = Math.round(a.height * scale);
      }
      glPaint(background, photo, next.map, a, look, next.top);
      title.textContent = next.title;
      title.title = next.title;
      meaning.textContent = next.meaning;
      canvas.setAttribute("aria-label", `${next.title} Map of ${a.h} by ${a.w} cells. ` +
        "Arrow keys move the cell, Space takes it away, Escape leaves.");
      empty.hidden = next.top > 0;
      glStrip(strip, look.colours);
      low.textContent = glSigned(look.colours) ? glValue(-next.top, next.share) : "0";
      high.textContent = glValue(next.top, next.share);
      hottest.textContent = glHottestText(a, next);
      mark(cursor, cells);
    },
    mark,
  };
}

function glHottestText(a, view) {
  const best = glHottest(view.map);
  const where = `row ${Math.floor(best / a.w) + 1}, column ${(best % a.w) + 1}`;
  return `${view.map[best] > 0 ? "hottest" : "highest"}: ${where}, ` +
    `${glValue(view.map[best], view.share)}${view.share ? " of the map" : ` ${view.unit}`}`;
}

// Cells taken away are grey and crossed; the cursor is a double line that shows on light and dark.
function glMarks(context, a, cells, cursor) {
  const w = context.canvas.width / a.w, h = context.canvas.height / a.h;
  const box = (cell) => [(cell % a.w) * w, Math.floor(cell / a.w) * h];
  for (const cell of cells) {
    const [x, y] = box(cell);
    context.fillStyle = "rgba(118, 118, 118, 0.92)";
    context.fillRect(x, y, w, h);
    context.strokeStyle = "#ffffff";
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x + 0.25 * w, y + 0.25 * h);
    context.lineTo(x + 0.75 * w, y + 0.75 * h);
    context.moveTo(x + 0.75 * w, y + 0.25 * h);
    context.lineTo(x + 0.25 * w, y + 0.75 * h);
    context.stroke();
  }
  if (cursor === null) return;
  const [x, y] = box(cursor);
  for (const [colour, width] of [["#000000", 4], ["#ffffff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.strokeRect(x + 2, y + 2, w - 4, h - 4);
  }
}

// Hover reads a cell; a press picks it, or gives it back, and a drag does the same to the cells it crosses.
function glPointer(canvas, cellAt, on, isPicked) {
  let wanted = null, last = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const cell = cellAt(event);
    wanted = !isPicked(cell);
    last = cell;
    on.cursor(cell);
    on.toggle(cell, wanted);
  });
  canvas.addEventListener("pointermove", (event) => {
    const cell = cellAt(event);
    if (cell === last) return;
    last = cell;
    on.cursor(cell);
    if (wanted !== null) on.toggle(cell, wanted);
  });
  const end = () => { wanted = null; };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => {
    last = null;
    if (wanted === null && document.activeElement !== canvas) on.cursor(null);
  });
}

function glCellKeys(canvas, now, on) {
  canvas.addEventListener("keydown", (event) => {
    const { a, at } = now();
    const row = at === null ? 0 : Math.floor(at / a.w), column = at === null ? 0 : at % a.w;
    const to = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [row, 0], End: [row, a.w - 1],
    }[event.key];
    if (to) {
      const inside = [Math.max(0, Math.min(a.h - 1, to[0])), Math.max(0, Math.min(a.w - 1, to[1]))];
      on.cursor(at === null ? 0 : inside[0] * a.w + inside[1]);
    } else if (event.key === " ") {
      on.cursor(at === null ? 0 : at);
      on.toggle(at === null ? 0 : at);
    } else if (event.key === "Escape") {
      on.cursor(null);
      glLeave(canvas);
    } else return;
    event.preventDefault();
  });
  canvas.addEventListener("blur", () => on.cursor(null));
}
