// A sheet to draw a digit on: bright ink on dark, with the mouse, a finger or a pen; or by keys.

import { glButton, glLeave, glNode } from "./dom.js";
import { glClamp } from "./numbers.js";

const GL_SHEET = 280;  // pixels of the sheet
const GL_PEN = 34;  // of the line: an eighth of the sheet, as thick as the scans' strokes
const GL_STEP = 10;  // of an arrow key
export const GL_INK_PATIENCE = 20000;  // ms until silence of the kernel is put into words

// ended(canvas) is called after each stroke; cleared() after the button.
export function glInk(ended, cleared) {
  const canvas = glNode("canvas", {
    class: "gl-ink", width: GL_SHEET, height: GL_SHEET, tabindex: 0, role: "application",
    "aria-label": "Draw a digit. By keys: arrows move the pen, Space sets it down and lifts it, Delete clears.",
  });
  const context = canvas.getContext("2d");
  const cursor = glNode("span", { class: "gl-ink-cursor", hidden: true });
  const hint = glNode("span", { class: "gl-ink-hint", "aria-hidden": "true" }, "draw here");
  let held = false, down = false, at = [GL_SHEET / 2, GL_SHEET / 4], drawn = false;

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * GL_SHEET, ((event.clientY - box.top) / box.height) * GL_SHEET];
  };
  const line = (to) => {
    context.strokeStyle = "#ffffff";
    context.lineWidth = GL_PEN;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...at);
    context.lineTo(to[0], to[1] + 0.01);  // a line of no length would not be drawn
    context.stroke();
    at = to;
    drawn = true;
    hint.hidden = true;
  };
  const clear = () => {
    context.fillStyle = "#000000";
    context.fillRect(0, 0, GL_SHEET, GL_SHEET);
    drawn = down = held = false;
    hint.hidden = false;
    show();
  };
  const show = () => {
    cursor.style.left = `${(100 * at[0]) / GL_SHEET}%`;
    cursor.style.top = `${(100 * at[1]) / GL_SHEET}%`;
    cursor.dataset.down = String(down);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    held = true;
    at = place(event);
    line(at);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return;
    for (const each of event.getCoalescedEvents?.() || [event]) line(place(each));
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, () => { if (held) { held = false; show(); ended(canvas); } });
  }
  canvas.addEventListener("focus", () => { cursor.hidden = !canvas.matches(":focus-visible"); show(); });
  canvas.addEventListener("blur", () => { cursor.hidden = true; if (down) { down = false; ended(canvas); } });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Escape") { glLeave(canvas); return; }
    if (!move && event.key !== " " && event.key !== "Delete") return;
    event.preventDefault();
    cursor.hidden = false;
    if (move) {
      const to = at.map((each, i) => glClamp(each + GL_STEP * move[i], 0, GL_SHEET));
      if (down) line(to); else at = to;
    } else if (event.key === " ") {
      down = !down;
      if (down) line(at); else ended(canvas);
    } else {
      clear();
      cleared();
    }
    show();
  });
  clear();
  const button = glButton("clear", "clear", () => { clear(); cleared(); });
  return {
    node: glNode("div", { class: "gl-sheet" }, glNode("div", { class: "gl-stage" }, canvas, cursor, hint), button),
    get drawn() { return drawn; },
    disable() {
      canvas.removeAttribute("tabindex");
      canvas.style.pointerEvents = "none";
      button.disabled = true;
      hint.textContent = "drawing needs a kernel";
    },
  };
}
