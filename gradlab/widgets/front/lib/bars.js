// Bars: probabilities of classes (before and after cells are taken away), and what one cell votes for.

import { glPaint } from "./colour.js";
import { glNode, glRove } from "./dom.js";
import { glProbability, glValue, glVotes } from "./numbers.js";

export function glBar(text, part, before, number, data) {
  const fill = glNode("span", { class: "gl-fill" });
  fill.style.width = `${100 * Math.max(0, Math.min(1, part))}%`;
  const ghost = before === null ? null : glNode("span", { class: "gl-ghost" });
  if (ghost) ghost.style.width = `${100 * before}%`;
  return glNode("li", { class: "gl-bar", ...data },
    glNode("span", { class: "gl-bar-label", title: text }, text),
    glNode("span", { class: "gl-track" }, fill, ghost),
    glNode("span", { class: "gl-number" }, number));
}

// P, Q and the likeliest others, by p before; with cells taken away the bar is p after and the outline p before.
export function glProbabilityBars(list, a, labels, p, q, after, count) {
  const lead = [...new Set([p, q, ...a.order.slice(0, count)])].slice(0, count);
  if (after) {
    const risen = after.reduce((best, value, c) => (value > after[best] ? c : best), 0);
    if (!lead.includes(risen)) lead.push(risen);
  }
  lead.sort((x, y) => a.p[y] - a.p[x]);
  list.replaceChildren(...lead.map((c) => {
    const now = after ? after[c] : a.p[c];
    const number = after ? `${glProbability(a.p[c])} → ${glProbability(now)}` : glProbability(now);
    const role = c === p ? "p" : c === q ? "q" : "other";
    return glBar(labels[c], now, after ? a.p[c] : null, number, {
      "data-class": c, "data-role": role, "data-before": a.p[c].toFixed(6), "data-after": now.toFixed(6),
    });
  }));
}

export function glVoteBars(list, a, labels, p, q, cell, count) {
  const votes = glVotes(a, cell, count);
  const top = Math.max(...votes.map((vote) => vote.value), 0);
  list.replaceChildren(...votes.map(({ c, value }) => glBar(
    labels[c], top > 0 ? value / top : 0, null, glValue(value, false),
    { "data-class": c, "data-role": c === p ? "p" : c === q ? "q" : "other" },
  )));
  return votes;
}

// The filmstrip: small maps of "rather than Q" for many Q; pressing one makes it the Q.
export function glFilmstrip(choose) {
  const node = glNode("div",
    { class: "gl-film", role: "group", "aria-label": "Rather than ...: pick a small map to make it Q" });
  glRove(node);
  let key = "";
  return {
    node,
    // frames: [{ q, text, note, map, top }]
    draw(a, photo, frames, look, chosen) {
      const next = frames.map((frame) => frame.q).join();
      if (next !== key) {  // keep the buttons, and with them the focus, while the same classes are shown
        key = next;
        node.replaceChildren(...frames.map((frame) => glNode("button",
          { type: "button", class: "gl-frame", "data-q": frame.q, tabindex: -1, onclick: () => choose(frame.q) },
          glNode("canvas", { "aria-hidden": "true" }), glNode("span", { class: "gl-frame-label" }),
          glNode("span", { class: "gl-frame-note" }))));
      }
      const scale = 112 / Math.max(a.width, a.height);
      frames.forEach((frame, i) => {
        const button = node.children[i], [canvas, label, note] = button.children;
        canvas.width = Math.round(a.width * scale);
        canvas.height = Math.round(a.height * scale);
        glPaint(canvas, photo, frame.map, a, look, frame.top);
        label.textContent = frame.text;
        note.textContent = frame.top > 0 ? frame.note : `${frame.note}, empty`;
        button.title = frame.text;
        button.setAttribute("aria-pressed", String(frame.q === chosen));
      });
      if (!node.contains(document.activeElement)) {
        const entry = Math.max(0, frames.findIndex((frame) => frame.q === chosen));
        [...node.children].forEach((button, i) => { button.tabIndex = i === entry ? 0 : -1; });
      }
    },
  };
}
