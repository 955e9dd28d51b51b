// A plane of two inputs: a small network on it, painted surfaces, and marks over them.

import { glLine, glScale, svg } from "./chart.js";
import { el, glContext } from "./dom.js";
import { glDrag, glWhere } from "./drag.js";
import { glSoftmax } from "./numbers.js";

export const GL_VIEW = 400;  // a plane's own pixels
const GL_GRID = 100;  // a surface is computed at this many places a side
const GL_PALE = 0.42;  // how much of the labels' colours the map of the answers shows
const GL_LABEL_RGB = [[31, 108, 176], [173, 82, 10], [26, 118, 85]];

// z = W2 tanh(W1 x + b1) + b2. g_c = grad_x of −log p_c = Σ_k (p_k − [k = c]) grad_x z_k.
/** @param {{ w1: number[][], b1: number[], w2: number[][], b2: number[] }} given @returns {Net} */
export function glTinyNet({ w1, b1, w2, b2 }) {
  const hidden = (x, y) => b1.map((bias, j) => Math.tanh(w1[j][0] * x + w1[j][1] * y + bias));
  const chances = (h) => glSoftmax(w2.map((row, c) => row.reduce((sum, w, j) => sum + w * h[j], b2[c])));
  return {
    p: (x, y) => chances(hidden(x, y)),
    at(x, y) {
      const h = hidden(x, y), p = Array.from(chances(h));
      const slopes = w2.map((row) =>
        [0, 1].map((i) => row.reduce((sum, w, j) => sum + w * (1 - h[j] * h[j]) * w1[j][i], 0)));
      const g = p.map((_, c) =>
        [0, 1].map((i) => slopes.reduce((sum, slope, k) => sum + (p[k] - (k === c ? 1 : 0)) * slope[i], 0)));
      return { x, y, p, g, J: p.map((each) => -Math.log(each)), F: glSpreadOf(p, g) };
    },
  };
}

// F = Σ p_c g_c g_cᵀ, with the half-axes of its ellipse (square roots of the eigenvalues) and the longer one's
// direction.
/** @param {number[]} p @param {number[][]} g */
function glSpreadOf(p, g) {
  const sum = (i, j) => p.reduce((total, each, c) => total + each * g[c][i] * g[c][j], 0);
  const [a, b, d] = [sum(0, 0), sum(0, 1), sum(1, 1)], middle = (a + d) / 2, off = Math.hypot((a - d) / 2, b);
  return {
    a, b, d, trace: a + d, long: Math.sqrt(middle + off), short: Math.sqrt(Math.max(0, middle - off)),
    angle: 0.5 * Math.atan2(2 * b, a - d),
  };
}

// p at every place of the grid, rows from the top.
/** @param {Net} net @param {number} reach */
export function glSurfaces(net, reach) {
  const at = (k) => (((k + 0.5) / GL_GRID) * 2 - 1) * reach;
  return Array.from({ length: GL_GRID * GL_GRID }, (_, k) => net.p(at(k % GL_GRID), -at(Math.floor(k / GL_GRID))));
}

// colour(p) gives the red, green and blue of a place.
/** @param {HTMLCanvasElement} canvas @param {Float64Array[]} surfaces @param {(p: Float64Array) => number[]} colour */
export function glPaintPlane(canvas, surfaces, colour) {
  canvas.width = canvas.height = GL_GRID;
  const image = new ImageData(GL_GRID, GL_GRID);
  surfaces.forEach((p, k) => image.data.set([...colour(p), 255], 4 * k));
  glContext(canvas).putImageData(image, 0, 0);
}

/** @param {Numbers} p */
export function glMixed(p) {
  return [0, 1, 2].map((i) =>
    Math.round(255 - GL_PALE * p.reduce((sum, each, c) => sum + each * (255 - GL_LABEL_RGB[c][i]), 0)));
}

/** @param {number} c */
export function glLabelColour(c) {
  return `rgb(${GL_LABEL_RGB[c].join(" ")})`;
}

// A line with a head that shows on any colour: a wide pale one below.
/** @param {number[]} from @param {number[]} to @param {string} colour @param {string} halo @param {number} [bold] */
export function glArrow(from, to, colour, halo, bold = 1) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  if (length < 2) return [];
  const [ux, uy] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length], head = Math.min(11 * bold, length);
  const neck = [to[0] - head * ux, to[1] - head * uy];
  const corner = (side) => [neck[0] - side * 0.5 * head * uy, neck[1] + side * 0.5 * head * ux];
  const tip = [corner(1), to, corner(-1)].map((each) => each.map((v) => v.toFixed(1)).join(",")).join(" ");
  return /** @type {[string, number][]} */ ([[halo, 3 * bold], [colour, 0]]).flatMap(([paint, more]) => [
    glLine([from, neck], { stroke: paint, "stroke-width": 3 * bold + more }),
    svg("polygon", { points: tip, fill: paint, stroke: paint, "stroke-width": more, "stroke-linejoin": "round" }),
  ]);
}

// One plane. move(x, y) while a hand drags; keys are the owner's. toPixel maps a point to its own pixels.
/** @param {string} key @param {number} reach @param {(x: number, y: number) => void} move @returns {Plane} */
export function glPlane(key, reach, move) {
  const canvas = el("canvas", { "aria-hidden": "true" });
  const marks = svg("svg.gl-over-plane", { viewBox: `0 0 ${GL_VIEW} ${GL_VIEW}`, "aria-hidden": "true" });
  const node = el("div.gl-plane", { "data-plane": key }, canvas, marks);
  const across = glScale([-reach, reach], [0, GL_VIEW]), down = glScale([reach, -reach], [0, GL_VIEW]);
  const pull = (event) => {
    const { x, y } = glWhere(node, event);
    move(across.back(x * GL_VIEW), down.back(y * GL_VIEW));
  };
  glDrag(node, { down: pull, move: pull });
  return { node, canvas, marks, toPixel: ([x, y]) => [across(x), down(y)], scale: GL_VIEW / (2 * reach) };
}
