// Hands: a pointer that is held and dragged, the keys of a slider, and the ways that arrow keys point.

import { glLeave } from "./dom.js";
import { glClamp } from "./numbers.js";

export const GL_WAYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

// Where in a node an event is: 0 to 1 from the left and from the top.
/** @param {Element} node @param {MouseEvent} event */
export function glWhere(node, event) {
  const box = node.getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
}

// Mouse, touch or pen: down(event) as it is pressed, move(event) while it is held, hover(event) while it is not, up()
// as it is let go.
/**
 * @param {HTMLElement} node
 * @param {{ down: (event: PointerEvent) => void, move: (event: PointerEvent) => void,
 *   hover?: (event: PointerEvent) => void, up?: () => void }} given
 */
export function glDrag(node, { down, move, hover = () => {}, up = () => {} }) {
  let held = false;
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    if (node.tabIndex >= 0) node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    held = true;
    down(event);
  });
  node.addEventListener("pointermove", (event) => (held ? move(event) : hover(event)));
  for (const kind of ["pointerup", "pointercancel"]) {
    node.addEventListener(kind, () => { if (held) { held = false; up(); } });
  }
}

// now(): { at, step, low, high }. Arrows go one step, Page up and down ten, Home and End to the ends, Esc leaves.
/**
 * @param {HTMLElement} node @param {() => { at: number, step: number, low: number, high: number }} now
 * @param {(value: number) => void} set
 */
export function glSliderKeys(node, now, set) {
  node.addEventListener("keydown", (event) => {
    if (event.key === "Escape") glLeave(node);
    const { at, step, low, high } = now();
    const to = {
      ArrowUp: at + step, ArrowRight: at + step, ArrowDown: at - step, ArrowLeft: at - step,
      PageUp: at + 10 * step, PageDown: at - 10 * step, Home: low, End: high,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    set(glClamp(to, low, high));
  });
}
