// Probabilities under the hand: bars that are dragged, always adding up to 1; and Shannon's measures of them.

import { glLeave, glNode } from "./dom.js";
import { glClamp } from "./numbers.js";

export const GL_LOG = { bits: Math.log2, nats: Math.log };

// Expected surprise: −Σ p log p, with 0 log 0 = 0.
export function glEntropy(p, unit) {
  return p.reduce((sum, each) => (each > 0 ? sum - each * GL_LOG[unit](each) : sum), 0);
}

// p with p[i] = value; the others keep their proportions, or become equal where all of them are 0.
function glRescaled(p, i, value) {
  const others = p.reduce((sum, each, k) => (k === i ? sum : sum + each), 0);
  return p.map((each, k) => {
    if (k === i) return value;
    return others > 0 ? (each * (1 - value)) / others : (1 - value) / (p.length - 1);
  });
}

// One bar. now(): { p, full }, the probability and what a full bar stands for; on: { start(), set(value), end() }.
export function glLevel(label, now, on) {
  const fill = glNode("span", { class: "gl-level-fill" });
  const number = glNode("span", { class: "gl-level-number gl-number" });
  const node = glNode("div", {
    class: "gl-level", role: "slider", tabindex: 0, "aria-label": label, "aria-orientation": "vertical",
    "aria-valuemin": 0, "aria-valuemax": 1,
  }, fill, number);
  const pull = (event) => {
    const box = node.getBoundingClientRect();
    on.set(glClamp(Math.round((100 * now().full * (box.bottom - event.clientY)) / box.height) / 100, 0, 1));
  };
  let held = false;
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    held = true;
    on.start();
    pull(event);
  });
  node.addEventListener("pointermove", (event) => { if (held) pull(event); });
  for (const kind of ["pointerup", "pointercancel"]) {
    node.addEventListener(kind, () => { if (held) { held = false; on.end(); } });
  }
  node.addEventListener("keydown", (event) => {
    const { p } = now();
    const to = {
      ArrowUp: p + 0.01, ArrowRight: p + 0.01, ArrowDown: p - 0.01, ArrowLeft: p - 0.01,
      PageUp: p + 0.1, PageDown: p - 0.1, Home: 0, End: 1,
    }[event.key];
    if (event.key === "Escape") glLeave(node);
    if (to === undefined) return;
    event.preventDefault();
    on.start();
    on.set(glClamp(to, 0, 1));
    on.end();
  });
  return {
    node,
    // text: read out instead of the bare number
    draw(text) {
      const { p, full } = now();
      fill.hidden = p === 0;
      fill.style.height = `${100 * Math.min(1, p / full)}%`;
      number.textContent = p > 0 && p < 0.0005 ? "< .001" : p.toFixed(3);
      node.setAttribute("aria-valuenow", p.toFixed(4));
      node.setAttribute("aria-valuetext", text);
    },
  };
}

// What holds the probabilities while a hand changes them. start: an array; changed() draws.
export function glHeld(start, changed) {
  let p = [...start], before = p;
  return {
    get p() { return p; },
    put(next) { p = [...next]; changed(); },
    // handlers of bar i: during one drag the others keep the proportions they had when it began
    hand: (i, end) => ({
      start() { before = p; },
      set(value) { p = glRescaled(before, i, value); changed(i); },
      end,
    }),
  };
}
