// How the introspective panels are painted: rows times h, cosines, and what changes as noise rises.

import { glAxisName, glAxisX, glAxisY, glDown, glLine, glScale, glText, glTicks, svg } from "./chart.js";
import { glPainted, glTable, glTopOf } from "./colour.js";
import { glCosine, glEffective } from "./contrasts.js";
import { el } from "./dom.js";
import { glClamp, glFixed, glSum } from "./numbers.js";

// Q, even where it is P itself.
/** @param {number} c @param {number} said @param {any} q */
function glRowRole(c, said, q) {
  return c === q ? "q" : c === said ? "p" : "other";
}

// The place of a signed level, -1 to 1, in a table of colours.
/** @param {number} level */
function glSignedAt(level) {
  return 3 * Math.round((255 * (level + 1)) / 2);
}

// Whether white shows better than black on a colour of a table: one of the two always has 4.5 : 1.
/** @param {Uint8ClampedArray} table @param {number} at */
function glDark(table, at) {
  return glSum([0.2126, 0.7152, 0.0722], (part, k) => part * ((table[at + k] / 255 + 0.055) / 1.055) ** 2.4) < 0.18;
}

// u hᵀ as one pixel per number: rows from the top are `asked`. top: the value at the ends of the colours.
/**
 * @param {Numbers} u @param {Numbers} h @param {number[]} asked @param {number} top @param {HTMLCanvasElement} [canvas]
 */
export function glPaintRows(u, h, asked, top, canvas) {
  const table = glTable("blue-orange");
  return glPainted(h.length, asked.length, (data) => {
    let to = 0;
    for (const c of asked) {
      for (const value of h) {
        const at = glSignedAt(top > 0 ? glClamp((u[c] * value) / top, -1, 1) : 0);
        for (let k = 0; k < 3; k++) data[to++] = table[at + k];
        data[to++] = 255;
      }
    }
  }, canvas);
}

/** @param {number} count */
function glRowHeight(count) {
  return Math.max(16, Math.min(24, 260 / count));
}

/** @param {number} count */
export function glOuterHeight(count) {
  return 46 + glRowHeight(count) * count + 4;
}

// The outer product at length: h along the top, p − e_Q down the side, and their product.
/**
 * @param {number} width @param {Numbers} u @param {Level} at @param {number[]} asked @param {string[]} labels
 * @param {any} marks
 */
export function glOuter(width, u, at, asked, labels, marks) {
  const names = Math.min(96, 12 + 7.2 * Math.max(...asked.map((c) => labels[c].length))), bars = 92, head = 46;
  const left = names + bars + 8, high = glRowHeight(asked.length), wide = (width - left) / at.h.length;
  const most = Math.max(1, glTopOf(u)), x = glScale([-most, most], [names + 4, names + bars - 4]);
  const y = (i) => head + i * high, tall = glScale([0, glTopOf(at.h)], [0, head - 12]);
  const canvas = glPaintRows(u, at.h, asked, glTopOf(u) * glTopOf(at.h));
  const row = (c, i) => {
    const role = { "data-row": glRowRole(c, at.said, marks.q) };
    const clipped = labels[c].length > 12 ? `${labels[c].slice(0, 11)}…` : labels[c];
    return [
      glText(names, y(i) + high / 2 + 4, clipped, "gl-row-name", "end", role),
      svg("rect.gl-factor", {
        ...role, "data-u": u[c].toFixed(4), x: Math.min(x(0), x(u[c])), width: Math.max(0.5, Math.abs(x(u[c]) - x(0))),
        y: y(i) + 3, height: high - 6,
      }, svg("title", `${labels[c]}: ${glFixed(u[c], 4)}`)),
    ];
  };
  return [
    glText(left - 8, 14, "h", "gl-soft", "end"), glAxisName(names + bars / 2, head - 6, marks.factor),
    Array.from(at.h, (value, k) => svg("rect.gl-unit", {
      x: left + k * wide, width: Math.max(0.5, wide - 1), y: head - 4 - Math.max(0, tall(value)),
      height: Math.abs(tall(value)),
    })),
    glDown("gl-base", x(0), head, y(asked.length)), asked.map(row),
    svg("image", {
      href: canvas.toDataURL(), x: left, y: head, width: width - left, height: high * asked.length,
      preserveAspectRatio: "none", style: "image-rendering: pixelated",
    }),
  ];
}

// Lines over the noise: how many rows. Each line is { values, kind }; levels with a wrong answer are crossed.
/**
 * @param {number} width @param {number} height @param {number[]} noise @param {number} now @param {number} most
 * @param {Line[]} lines @param {boolean[]} [wrong]
 */
export function glNoiseChart(width, height, noise, now, most, lines, wrong = []) {
  const left = 34, foot = height - 36, last = noise[noise.length - 1];
  const x = glScale([0, last], [left + 8, width - 10]), y = glScale([0, most], [foot, 10]), x0 = x(noise[now]);
  return [
    glAxisY(y, left, width, glTicks(0, most, 4)), glAxisX(x, foot, glTicks(0, last, 5)),
    glAxisName((left + width) / 2, height - 4, "noise (deviation, of grey values 0 to 1)"),
    glDown("gl-now", x0, 6, foot),
    lines.map(({ values, kind }) => glLine(values.map((value, k) => [x(noise[k]), y(value)]),
      { class: kind, "data-line": kind, "data-values": values.map((value) => value.toFixed(4)).join(" ") })),
    lines.map(({ values, kind }) => svg("circle", { class: kind, "data-at": "now", cx: x0, cy: y(values[now]), r: 4 })),
    wrong.map((is, k) => {
      const value = lines[0].values[k];
      return is ? glText(x(noise[k]), y(value) + (value < 0.4 * most ? -8 : 18), "✗", "gl-wrong", "middle") : null;
    }),
  ];
}

// Cosines between every two panels, as numbers on colours.
/**
 * @param {number} width @param {Numbers[]} u @param {number[]} asked @param {string[]} labels @param {number} said
 * @param {any} q
 */
export function glCosineChart(width, u, asked, labels, said, q) {
  const names = asked.every((c) => labels[c].length <= 2), left = names ? 24 : 8, top = names ? 20 : 4;
  const size = (width - left) / asked.length, table = glTable("blue-orange"), middle = (i) => (i + 0.5) * size;
  const number = (value) => glFixed(value, 1).replace("0.", ".").replace("1.0", "1");
  const cell = (a, i, b, j) => {
    const value = glCosine(u[i], u[j]), at = glSignedAt(value);
    return [
      svg("rect", {
        x: left + j * size, y: top + i * size, width: size - 1, height: size - 1,
        fill: `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]})`, "data-cosine": `${a} ${b}`,
        "data-value": value.toFixed(4),
      }, svg("title", `rather than ${labels[a]} and rather than ${labels[b]}: ${glFixed(value, 3)}`)),
      size < 24 ? null : glText(left + middle(j), top + middle(i) + 4, number(value),
        glDark(table, at) ? "gl-cell-number gl-pale" : "gl-cell-number", "middle"),
    ];
  };
  return asked.map((a, i) => {
    const role = { "data-row": glRowRole(a, said, q) };
    return [
      names ? glText(left - 6, top + middle(i) + 4, labels[a], "gl-row-name", "end", role) : null,
      names ? glText(left + middle(i), top - 6, labels[a], "gl-row-name", "middle", role) : null,
      asked.map((b, j) => cell(a, i, b, j)),
    ];
  });
}

/** @param {number} value */
export function glShort(value) {
  if (value === 0) return "0";
  return value < 0.01 ? value.toExponential(0).replace("-", "−") : glFixed(value, 2);
}

// One panel: a small picture to press. kind: the class Q, or "ones".
export class GlPanelButton {
  /** @type {HTMLElement} */ rows; /** @type {HTMLElement} */ length;

  /** @param {number | "ones"} kind @param {() => void} press */
  constructor(kind, press) {
    this.kind = kind;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.title = el("span.gl-ask-title");
    this.gutter = el("span.gl-gutter", { "aria-hidden": "true" });
    [this.rows, this.length] = [el("span.gl-number"), el("span.gl-number")];
    this.node = el("button.gl-ask", { type: "button", "data-panel": kind, tabindex: -1, onclick: press },
      this.title, el("span.gl-ask-stage", this.gutter, this.canvas), el("span.gl-ask-note", this.rows, this.length));
  }

  // tags: letters of the rows of P and Q, and how far down they are
  /**
   * @param {string} text @param {Numbers} u @param {number} size @param {{ tag: string, part: number }[]} tags
   * @param {boolean} own
   * @param {boolean} pressed
   */
  draw(text, u, size, tags, own, pressed) {
    const effective = glFixed(glEffective(u), 2);
    this.title.textContent = text;
    this.rows.textContent = `${effective} rows`;
    this.length.textContent = `length ${glShort(size)}`;
    this.gutter.replaceChildren(...tags.map(({ tag, part }) => {
      const mark = el("span", { "data-row": tag.toLowerCase() }, tag);
      mark.style.top = `${100 * part}%`;
      return mark;
    }));
    this.node.dataset.own = String(own);
    this.node.setAttribute("aria-pressed", String(pressed));
    this.node.tabIndex = pressed ? 0 : -1;
  }
}
