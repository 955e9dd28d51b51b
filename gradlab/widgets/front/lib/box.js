// A mask drawn by hand over a picture: a box that is dragged and resized, or a square brush. Mouse, touch and keys.

import { glLeave } from "./dom.js";
import { GL_WAYS, glDrag, glWhere } from "./drag.js";
import { glClamp } from "./numbers.js";

const GL_GRIP = 10;   // screen pixels around an edge in which it can be taken
const GL_LEAST = 4;   // picture pixels: the smallest side of a box
export const GL_SIDE_LARGE = 448;  // longer side of a canvas that is worked on, in its own pixels

// Which edges of the box lie under the pointer: { x: -1, 0 or 1, y: likewise, inside }.
/** @param {Box} box @param {Place} at @param {number} near */
function glGrip(box, at, near) {
  const side = (value, low, high) => (Math.abs(value - low) <= near ? -1 : Math.abs(value - high) <= near ? 1 : 0);
  const within = (value, low, high) => value >= low - near && value <= high + near;
  const inside = within(at.x, box.left, box.left + box.width) && within(at.y, box.top, box.top + box.height);
  if (!inside) return { x: 0, y: 0, inside };
  const small = Math.min(box.width, box.height) < 4 * near;  // a small box is moved, and resized at its corners alone
  const x = side(at.x, box.left, box.left + box.width), y = side(at.y, box.top, box.top + box.height);
  return small && !(x && y) ? { x: 0, y: 0, inside } : { x, y, inside };
}

/** @param {Grip} grip */
function glCursorFor(grip) {
  if (!grip.inside) return "crosshair";
  if (grip.x && grip.y) return grip.x === grip.y ? "nwse-resize" : "nesw-resize";
  if (grip.x) return "ew-resize";
  return grip.y ? "ns-resize" : "move";
}

// The box with the gripped edges moved by (dx, dy).
/** @param {Box} box @param {Grip} grip @param {number} dx @param {number} dy @param {Size} size */
function glResized(box, grip, dx, dy, size) {
  const next = { ...box };
  if (grip.x < 0) {
    next.left = glClamp(box.left + dx, 0, box.left + box.width - GL_LEAST);
    next.width = box.left + box.width - next.left;
  } else if (grip.x > 0) next.width = glClamp(box.width + dx, GL_LEAST, size.width - box.left);
  if (grip.y < 0) {
    next.top = glClamp(box.top + dy, 0, box.top + box.height - GL_LEAST);
    next.height = box.top + box.height - next.top;
  } else if (grip.y > 0) next.height = glClamp(box.height + dy, GL_LEAST, size.height - box.top);
  return next;
}

// now(): { box, size: { width, height }, step, painting, fixed }; on: { box(next), paint(at), end() }, in picture
// pixels.
/** @param {HTMLCanvasElement} canvas @param {() => BoxState} now @param {BoxActs} on */
export function glBoxHands(canvas, now, on) {
  canvas.style.touchAction = "none";
  let held = null;
  const place = (event) => {
    const { x, y } = glWhere(canvas, event), { size: { width, height } } = now();
    return { x: x * width, y: y * height, near: (GL_GRIP / canvas.getBoundingClientRect().width) * width };
  };
  const grip = (at) => {
    const { box, fixed } = now(), found = glGrip(box, at, at.near);
    return fixed ? { x: 0, y: 0, inside: found.inside } : found;
  };
  glDrag(canvas, {
    down(event) {
      const at = place(event), { box, painting } = now();
      held = { at, box, painting, grip: grip(at) };
      if (painting) on.paint(at);
      if (painting || held.grip.inside) return;
      held.box = { ...box, left: at.x - box.width / 2, top: at.y - box.height / 2 };  // the box comes to the hand
      on.box(held.box);
    },
    move(event) {
      const at = place(event), { box, painting } = held;
      if (painting) { on.paint(at); return; }
      const dx = at.x - held.at.x, dy = at.y - held.at.y;
      on.box(held.grip.x || held.grip.y ? glResized(box, held.grip, dx, dy, now().size)
        : { ...box, left: box.left + dx, top: box.top + dy });
    },
    hover(event) { canvas.style.cursor = now().painting ? "cell" : glCursorFor(grip(place(event))); },
    up: () => on.end(),
  });
  glBoxKeys(canvas, now, on);
}

// Arrows move, Shift and arrows resize, Space paints where the brush is, Escape leaves.
/** @param {HTMLCanvasElement} canvas @param {() => BoxState} now @param {BoxActs} on */
function glBoxKeys(canvas, now, on) {
  canvas.addEventListener("keydown", (event) => {
    const { box, size, step, painting, fixed } = now(), way = GL_WAYS[event.key];
    if (way && event.shiftKey && !painting && !fixed) {
      on.box(glResized(box, { x: way[0] ? 1 : 0, y: way[1] ? 1 : 0 }, step * way[0], step * way[1], size));
    } else if (way) on.box({ ...box, left: box.left + step * way[0], top: box.top + step * way[1] });
    else if (event.key === " " && painting) on.paint({ x: box.left + box.width / 2, y: box.top + box.height / 2 });
    else if (event.key === "Escape") glLeave(canvas);
    else return;
    event.preventDefault();
    on.end();
  });
}

// A rectangle as a double line that shows on light and dark.
/** @param {Context} context @param {number} x @param {number} y @param {number} w @param {number} h */
export function glDrawRect(context, x, y, w, h) {
  for (const [colour, width] of [["#000000", 4], ["#ffffff", 2]]) {
    Object.assign(context, { strokeStyle: colour, lineWidth: width });
    context.strokeRect(x, y, w, h);
  }
}

// A box, with squares at the corners where it can be resized.
/** @param {Context} context @param {Box} box @param {number} scale @param {boolean} corners */
export function glDrawBox(context, box, scale, corners) {
  const [x, y, w, h] = [box.left, box.top, box.width, box.height].map((value) => value * scale);
  glDrawRect(context, x, y, w, h);
  for (const [cx, cy] of corners ? [[x, y], [x + w, y], [x, y + h], [x + w, y + h]] : []) {
    context.fillStyle = "#000000";
    context.fillRect(cx - 5, cy - 5, 10, 10);
    context.fillStyle = "#ffffff";
    context.fillRect(cx - 3, cy - 3, 6, 6);
  }
}

// Canvases of one shape: the picture's, with the longer side this long. Returns their pixels per pixel of the picture.
/** @param {Size} a @param {number} side @param {HTMLCanvasElement[]} canvases */
export function glSized(a, side, ...canvases) {
  const scale = side / Math.max(a.width, a.height);
  for (const each of canvases) {
    Object.assign(each, { width: Math.round(a.width * scale), height: Math.round(a.height * scale) });
  }
  return scale;
}
