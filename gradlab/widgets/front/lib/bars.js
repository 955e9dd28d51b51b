// Bars: probabilities of classes (before and after cells are taken away), and what one cell votes for.

import { glSized } from "./box.js";
import { glPaint } from "./colour.js";
import { el, glPress, glRove } from "./dom.js";
import { glArgmax, glProbability, glValue, glVotes } from "./numbers.js";

/**
 * @param {string} text @param {number} part @param {number | null} before @param {string} number @param {Props} data
 */
export function glBar(text, part, before, number, data) {
  const fill = el("span.gl-fill"), ghost = el("span.gl-ghost");
  fill.style.width = `${100 * Math.max(0, Math.min(1, part))}%`;
  ghost.style.width = `${100 * (before ?? 0)}%`;
  return el("li.gl-bar", data, el("span.gl-bar-label", { title: text }, text),
    el("span.gl-track", fill, before === null ? null : ghost), el("span.gl-number", number));
}

// What a class is in a question: P, Q or another.
/** @param {number} c @param {number} p @param {number} q */
function glRole(c, p, q) {
  return c === p ? "p" : c === q ? "q" : "other";
}

// p of some classes as bars. name(c): what it is called.
/**
 * @param {HTMLElement} list @param {number[]} classes @param {Numbers} p @param {(c: number) => string} name
 * @param {number} said @param {number} q
 */
export function glClassBars(list, classes, p, name, said, q) {
  list.replaceChildren(...classes.map((c) =>
    glBar(name(c), p[c], null, glProbability(p[c]), { "data-class": c, "data-role": glRole(c, said, q) })));
}

// P, Q and the likeliest others, by p before; with cells taken away the bar is p after and the outline p before.
/**
 * @param {HTMLElement} list @param {Picture} a @param {string[]} labels @param {number} p @param {number} q
 * @param {Numbers | null} after @param {number} count
 */
export function glProbabilityBars(list, a, labels, p, q, after, count) {
  const lead = [...new Set([p, q, ...a.order.slice(0, count)])].slice(0, count);
  if (after) {
    const risen = glArgmax(after);
    if (!lead.includes(risen)) lead.push(risen);
  }
  lead.sort((x, y) => a.p[y] - a.p[x]);
  list.replaceChildren(...lead.map((c) => {
    const now = after ? after[c] : a.p[c];
    const number = after ? `${glProbability(a.p[c])} → ${glProbability(now)}` : glProbability(now);
    return glBar(labels[c], now, after ? a.p[c] : null, number, {
      "data-class": c, "data-role": glRole(c, p, q), "data-before": a.p[c].toFixed(6), "data-after": now.toFixed(6),
    });
  }));
}

/**
 * @param {HTMLElement} list @param {Maps} a @param {string[]} labels @param {number} p @param {number} q
 * @param {number} cell @param {number} count
 */
export function glVoteBars(list, a, labels, p, q, cell, count) {
  const votes = glVotes(a, cell, count), top = Math.max(...votes.map((vote) => vote.value), 0);
  list.replaceChildren(...votes.map(({ c, value }) => glBar(labels[c], top > 0 ? value / top : 0, null,
    glValue(value, false), { "data-class": c, "data-role": glRole(c, p, q) })));
}

/** @param {number} q @param {(q: number) => void} choose */
function glFrame(q, choose) {
  return el("button.gl-frame", { type: "button", "data-q": q, tabindex: -1, onclick: () => choose(q) },
    el("canvas", { "aria-hidden": "true" }), el("span.gl-frame-label"), el("span.gl-frame-note"));
}

// The filmstrip: small maps of "rather than Q" for many Q; pressing one makes it the Q.
/** @param {(value: any) => void} choose */
export function glFilmstrip(choose) {
  const node = glRove(el("div.gl-film",
    { role: "group", "aria-label": "Rather than ...: pick a small map to make it Q" }));
  let key = "";
  return {
    node,
    // frames: [{ q, text, note, map, top }]
    draw(a, photo, frames, look, chosen) {
      const next = frames.map((frame) => frame.q).join();
      if (next !== key) {  // keep the buttons, and with them the focus, while the same classes are shown
        key = next;
        node.replaceChildren(...frames.map((frame) => glFrame(frame.q, choose)));
      }
      frames.forEach((frame, i) => {
        const button = node.querySelectorAll("button")[i], [label, note] = button.querySelectorAll("span");
        const canvas = /** @type {HTMLCanvasElement} */ (button.firstChild);
        glSized(a, 112, canvas);
        glPaint(canvas, photo, frame.map, a, look, frame.top);
        label.textContent = button.title = frame.text;
        note.textContent = frame.top > 0 ? frame.note : `${frame.note}, empty`;
        button.setAttribute("aria-pressed", String(frame.q === chosen));
      });
      const at = frames.findIndex((frame) => frame.q === chosen);
      if (!node.contains(document.activeElement)) glPress(node, at, Math.max(0, at));
    },
  };
}
