// The algebra of the panels, from z and h: rows, lengths, cosines, sparsity; and how a panel is painted.

import { glFixed, glScale, glSvg, glText } from "./chart.js";
import { glTable } from "./colour.js";
import { glNode } from "./dom.js";
import { glClamp, glSoftmax } from "./numbers.js";
import { glGreyPhoto, glTopOf } from "./signed.js";
import { glPart, glUnpacked } from "./wire.js";

const GL_HELD = 0.99;

// Some pictures at every level of noise, as views into what the kernel sent.
export function glDecodePanels(sent) {
  const keys = ["logits", "hidden", "seen", "contrasts", "ones"];
  const [z, h, seen, maps, ones] = keys.map((key) => glUnpacked(sent[key]));
  const [, levels, height, width, channels] = seen.shape, [rows, columns] = ones.shape.slice(3);
  return sent.names.map((name, n) => ({
    name, truth: sent.truth[n], asked: sent.asked[n],
    levels: Array.from({ length: levels }, (_, k) => {
      const logits = glPart(z, n, k), p = glSoftmax(logits);
      return {
        z: logits, p, h: glPart(h, n, k), said: p.reduce((best, value, c) => (value > p[best] ? c : best), 0),
        photo: glGreyPhoto(glPart(seen, n, k), width, height, channels), rows, columns,
        map: (j) => glPart(maps, n, k, j), ones: (j) => glPart(ones, n, k, j),
      };
    }),
  }));
}

// u of a panel: p − e_Q.
export function glRowsOf(at, q) {
  return Float64Array.from(at.p, (p, c) => p - (c === q ? 1 : 0));
}

// u of the label of all ones, by the loss.
export const GL_ONES = {
  ce: (at) => Float64Array.from(at.p, (p) => at.p.length * p - 1),
  mse: (at) => Float64Array.from(at.z, (z) => (2 / at.z.length) * (z - 1)),
  bce: (at) => Float64Array.from(at.z, (z) => (1 / (1 + Math.exp(-z)) - 1) / at.z.length),
};

export function glLength(values) {
  return Math.sqrt(values.reduce((sum, each) => sum + each * each, 0));
}

// (Σ u²)² / Σ u⁴: 2 for two rows of one length, as many as there are classes for rows that are all as long.
export function glEffective(u) {
  const squares = u.map((each) => each * each), top = Math.max(...squares);
  if (!(top > 0)) return 0;
  const parts = squares.map((each) => each / top);
  return parts.reduce((a, b) => a + b, 0) ** 2 / parts.reduce((sum, each) => sum + each * each, 0);
}

// How many rows, longest first, hold 99 % of the squared length.
export function glHeldRows(u) {
  const squares = Float64Array.from(u, (each) => each * each).sort().reverse();
  const all = squares.reduce((a, b) => a + b, 0);
  let sum = 0, count = 0;
  do { sum += squares[count]; count += 1; } while (sum < GL_HELD * all && count < squares.length);
  return count;
}

export function glCosine(u, v) {
  const size = glLength(u) * glLength(v);
  return size > 0 ? u.reduce((sum, each, c) => sum + each * v[c], 0) / size : 0;
}

// What one level of one picture says as a whole; the panel of the network's own answer is left out of the means.
export function glSparsity(at, asked) {
  const others = asked.filter((q) => q !== at.said).map((q) => glRowsOf(at, q));
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const cosines = others.flatMap((u, i) => others.slice(i + 1).map((v) => glCosine(u, v)));
  return {
    effective: mean(others.map(glEffective)), held: mean(others.map(glHeldRows)),
    cosine: cosines.length ? mean(cosines) : NaN,
    share: glLength(glRowsOf(at, at.said)) / mean(others.map(glLength)), sure: at.p[at.said],
  };
}

// u hᵀ as one pixel per number: rows from the top are `asked`. top: the value at the ends of the colours.
export function glPaintRows(canvas, u, h, asked, top) {
  const table = glTable("blue-orange"), image = new ImageData(h.length, asked.length);
  let to = 0;
  for (const c of asked) {
    for (const value of h) {
      const level = top > 0 ? glClamp((u[c] * value) / top, -1, 1) : 0, at = 3 * Math.round((255 * (level + 1)) / 2);
      for (let k = 0; k < 3; k++) image.data[to++] = table[at + k];
      image.data[to++] = 255;
    }
  }
  canvas.width = h.length;
  canvas.height = asked.length;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// The outer product at length: h along the top, p − e_Q down the side, and their product.
export function glOuter(width, u, at, asked, labels, marks) {
  const names = Math.min(96, 12 + 7.2 * Math.max(...asked.map((c) => labels[c].length))), bars = 92, head = 46;
  const left = names + bars + 8, high = Math.max(16, Math.min(24, 260 / asked.length));
  const wide = (width - left) / at.h.length;
  const most = Math.max(1, glTopOf(u)), x = glScale([-most, most], [names + 4, names + bars - 4]);
  const y = (i) => head + i * high, tall = glScale([0, glTopOf(at.h)], [0, head - 12]);
  const canvas = glNode("canvas", {});
  glPaintRows(canvas, u, at.h, asked, glTopOf(u) * glTopOf(at.h));
  return [
    glText(left - 8, 14, "h", { class: "gl-soft", "text-anchor": "end" }),
    glText(names + bars / 2, head - 6, marks.factor, { class: "gl-soft", "text-anchor": "middle" }),
    Array.from(at.h, (value, k) =>
      glSvg("rect", {
        class: "gl-unit", x: left + k * wide, width: Math.max(0.5, wide - 1), y: head - 4 - Math.max(0, tall(value)),
        height: Math.abs(tall(value)),
      })),
    glSvg("line", { class: "gl-base", x1: x(0), x2: x(0), y1: head, y2: y(asked.length) }),
    asked.map((c, i) => {
      const role = c === marks.q ? "q" : c === at.said ? "p" : "other";
      const clipped = labels[c].length > 12 ? `${labels[c].slice(0, 11)}…` : labels[c];
      return [
        glText(names, y(i) + high / 2 + 4, clipped, { class: "gl-row-name", "data-row": role, "text-anchor": "end" }),
        glSvg("rect", {
          class: "gl-factor", "data-row": role, "data-u": u[c].toFixed(4), x: Math.min(x(0), x(u[c])),
          width: Math.max(0.5, Math.abs(x(u[c]) - x(0))), y: y(i) + 3, height: high - 6,
        },
          glSvg("title", {}, `${labels[c]}: ${glFixed(u[c], 4)}`)),
      ];
    }),
    glSvg("image", {
      href: canvas.toDataURL(), x: left, y: head, width: width - left, height: high * asked.length,
      preserveAspectRatio: "none", style: "image-rendering: pixelated",
    }),
  ];
}

export function glOuterHeight(asked) {
  return 46 + Math.max(16, Math.min(24, 260 / asked)) * asked + 4;
}
