// Every label's gradient at a point of the plane: likelihood surfaces, arrows, the Fisher ellipse, and steps along an
// arrow.

import { glFillTable, glLine, glText, svg } from "../lib/chart.js";
import { glStrip, glTable } from "../lib/colour.js";
import { GlChoices } from "../lib/choices.js";
import { el, glButton, glHint, glLeave, glRange, glReadout, glRender, glTitle } from "../lib/dom.js";
import { GL_WAYS } from "../lib/drag.js";
import { glClamp, glFixed, glNumber, glSum } from "../lib/numbers.js";
import {
  GL_VIEW, glArrow, glLabelColour, glMixed, glPaintPlane, glPlane, glSurfaces, glTinyNet,
} from "../lib/plane.js";

const GL_MOST_STEPS = 200;
const GL_ARROW = 0.4;  // an arrow is this many units of the plane long for a gradient of 1
const GL_INK_ON_PAPER = [["#ffffff", 5], ["#111111", 2]];  // drawn twice, so that it shows on any colour

/** @param {number[]} given @param {number} r @param {Props} props */
function glDot([cx, cy], r, props) {
  return svg("circle", { cx, cy, r, ...props });
}

/** @param {number[]} at @param {number} size */
function glPointMark(at, size) {
  return glDot(at, size, { fill: "#111111", stroke: "#ffffff", "stroke-width": 2.5 });
}

// The way of −∇J for one label, with its name beyond the head.
/** @param {number[]} at @param {number[]} g @param {number} c @param {number} size @param {string} label */
function glNamedArrow(at, g, c, size, label) {
  const to = [at[0] - size * g[0], at[1] + size * g[1]], length = Math.hypot(to[0] - at[0], to[1] - at[1]);
  const room = 14 + (12 * Math.abs(to[0] - at[0])) / (length || 1);  // a name is wider than high
  const beyond = (i) => to[i] + (room * (to[i] - at[i])) / (length || 1);
  const name = glText(glClamp(beyond(0), 22, GL_VIEW - 22), glClamp(beyond(1) + 5, 16, GL_VIEW - 8), label,
    "gl-arrow-name", "middle", { fill: glLabelColour(c) });
  return [...glArrow(at, to, glLabelColour(c), "#ffffff"), ...(length < 14 ? [] : [name])];
}

// The map of the answers with the training points, the ellipse, the arrows, the path and the point.
/**
 * @param {Plane} plane @param {Here} here @param {Point[]} path @param {number[][][]} points @param {string[]} labels
 */
function glMarkAnswers(plane, here, path, points, labels) {
  const at = plane.toPixel([here.x, here.y]), { F } = here, size = GL_ARROW * plane.scale;
  const dots = points.flatMap((each, c) =>
    each.map((point) => glDot(plane.toPixel(point), 3, { fill: glLabelColour(c), opacity: 0.55 })));
  const ellipse = GL_INK_ON_PAPER.map(([stroke, width]) => svg("ellipse", {
    cx: at[0], cy: at[1], rx: F.long * size, ry: F.short * size, stroke, "stroke-width": width, fill: "none",
    transform: `rotate(${(-F.angle * 180) / Math.PI} ${at[0]} ${at[1]})`,
  }));
  const trail = path.length < 2 ? [] : GL_INK_ON_PAPER.map(([stroke, width]) => glLine(path.map(plane.toPixel),
    { stroke, "stroke-width": width, "stroke-dasharray": width === 2 ? "4 4" : null }));
  const stops = path.slice(0, -1).map((each) => glDot(plane.toPixel(each), 3, { fill: "#111111" }));
  const arrows = here.g.flatMap((g, c) => glNamedArrow(at, g, c, size, labels[c]));
  plane.marks.replaceChildren(...dots, ...trail, ...stops, ...ellipse, ...arrows, glPointMark(at, 6));
}

/** @param {Plane} plane @param {Here} here @param {number} c @param {Point[]} path */
function glMarkSurface(plane, here, c, path) {
  const at = plane.toPixel([here.x, here.y]), size = GL_ARROW * plane.scale;
  const trail = path.length < 2 ? []
    : [glLine(path.map(plane.toPixel), { stroke: "#ffffff", "stroke-width": 5, "stroke-dasharray": "8 8" })];
  plane.marks.replaceChildren(...trail,
    ...glArrow(at, [at[0] - size * here.g[c][0], at[1] + size * here.g[c][1]], "#ffffff", "#111111", 2),
    glPointMark(at, 10));
}

/** @param {Here} here @param {string[]} labels */
function glPlaceText(here, labels) {
  const best = here.p.indexOf(Math.max(...here.p));
  return `At (${glFixed(here.x, 2)}, ${glFixed(here.y, 2)}) the network says ${labels[best]}, p = ` +
    `${glFixed(here.p[best], 3)}.`;
}

// What a step towards label q has done, beside what the gradient foretold.
/** @param {Here} before @param {Here} after @param {number} q @param {number} eta @param {string[]} labels */
function glStepText(before, after, q, eta, labels) {
  const fell = before.J[q] - after.J[q], told = eta * (before.g[q][0] ** 2 + before.g[q][1] ** 2);
  const way = fell >= 0 ? "fell by" : "rose by";
  const long = fell < 0 ? " The step was too long for what a gradient can foretell." : "";
  const edge = Math.hypot(after.x - before.x, after.y - before.y) < 0.999 * eta * Math.hypot(...before.g[q])
    ? " The edge of the plane cut it short."
    : "";
  return `A step towards ${labels[q]}: p(${labels[q]}) ${glFixed(before.p[q], 3)} → ${glFixed(after.p[q], 3)}. Its ` +
    `loss ${way} ${glFixed(Math.abs(fell), 4)}; the gradient foretold a fall of η|g|² = ${glFixed(told, 4)}.${long}` +
    `${edge} No weight of the network has changed.`;
}

/** @param {number} c */
function glLabelDot(c) {
  return el("span.gl-dot", { style: `background: ${glLabelColour(c)}`, "aria-hidden": "true" });
}

class GlManifold {
  /** @type {string[]} */ labels; /** @type {number} */ reach;
  /** @type {number[][][]} */ points; /** @type {Net} */ net; /** @type {ReturnType<typeof glReadout>} */ readout;
  /** @type {Here} */ here; /** @type {Point[]} */ path; /** @type {Record<string, () => void>} */ hears;

  /** @param {Model} model */
  constructor(model) {
    const { labels, reach, weights, points } = model.get("start");
    const chosen = (this.chosen = new GlChoices(model, ["point", "steps", "eta"], () => this.changed()));
    Object.assign(this, { labels, reach, points, net: glTinyNet(weights), hears: chosen.hears, readout: glReadout() });
    const surfaces = glSurfaces(this.net, reach), table = glTable("viridis"), go = (x, y) => this.go(x, y);
    this.main = glPlane("answers", reach, go);
    glPaintPlane(this.main.canvas, surfaces, glMixed);
    this.small = labels.map((label, c) => {
      const plane = glPlane(label, reach, go), at = (p) => 3 * Math.round(255 * p[c]);
      glPaintPlane(plane.canvas, surfaces, (p) => Array.from(table.slice(at(p), at(p) + 3)));
      return plane;
    });
    this.numbers = el("table.gl-table");
    this.spread = glHint();
    this.titles = labels.map((label) => {
      const title = glTitle();
      title.dataset.likelihood = label;
      return title;
    });
    this.keys();
    this.node = this.layout();
    this.stops = [this.readout, chosen];
  }

  begin() { this.changed(); }

  layout() {
    const { labels, main, small, titles } = this;
    const steps = el("div.gl-presets", { role: "group", "aria-label": "Move the point along an arrow" },
      el("span.gl-hint", "step towards"),
      labels.map((label, c) => {
        const button = glButton(`step-${label}`, label, () => this.step(c));
        button.prepend(glLabelDot(c));
        return button;
      }), glButton("reset", "reset", () => this.chosen.reset()));
    this.eta = glRange({
      name: "eta", label: "length of a step, η =", low: 0.02, high: 1, step: 0.02, value: this.chosen.get("eta"),
      text: glNumber, change: (eta) => this.chosen.set({ eta }),
    });
    return el("div.gl-figure", el("div.gl-columns",
      el("section", glTitle("What the network says: click or drag the point"), main.node,
        glHint("Arrows: −∇J of each label, the way to make it likelier. Ellipse: their spread, the Fisher matrix. " +
          "Small dots: made-up training points.")),
      el("section", steps, this.eta.node, this.readout.node, this.numbers, this.spread,
        glTitle("The likelihood of each label, as surfaces", ".gl-apart"),
        el("div.gl-surfaces", small.map((plane, c) => el("div", titles[c], plane.node))),
        el("div.gl-legend", "0", glStrip("viridis"), "1"))));
  }

  keys() {
    const { node } = this.main, { labels } = this;
    node.tabIndex = 0;
    node.setAttribute("role", "application");
    node.setAttribute("aria-label", "The plane of inputs. Arrow keys move the point, with Shift further; " +
      `${labels.map((label, c) => `${c + 1} steps towards ${label}`).join(", ")}; Escape leaves.`);
    node.addEventListener("keydown", (event) => {
      const far = event.shiftKey ? 0.25 : 0.05, way = GL_WAYS[event.key];
      const q = labels.findIndex((_, c) => event.key === String(c + 1));
      if (way) this.go(this.here.x + far * way[0], this.here.y - far * way[1]);
      else if (q >= 0) this.step(q);
      else if (event.key === "Escape") glLeave(node);
      else return;
      event.preventDefault();
    });
  }

  // The network at a point inside the plane.
  /** @param {number} x @param {number} y */
  at(x, y) { return this.net.at(...[x, y].map((each) => glClamp(each, -this.reach, this.reach))); }

  /** @param {number} x @param {number} y */
  go(x, y) {
    this.chosen.set({ point: [x, y].map((each) => glClamp(each, -this.reach, this.reach)), steps: [] });
  }

  /** @param {number} q */
  step(q) {
    const steps = this.chosen.get("steps");
    if (steps.length < GL_MOST_STEPS) this.chosen.set({ steps: [...steps, [this.labels[q], this.chosen.get("eta")]] });
  }

  // Walk the steps from the point; what the last of them did, or what is said at the point.
  changed() {
    const { labels, chosen } = this, [x, y] = chosen.get("point");
    let text = glPlaceText((this.here = this.at(x, y)), labels);
    /** @type {Point[]} */
    const path = [[this.here.x, this.here.y]];
    for (const [label, eta] of chosen.get("steps")) {
      const { here } = this, q = labels.indexOf(label);
      this.here = this.at(here.x - eta * here.g[q][0], here.y - eta * here.g[q][1]);
      path.push([this.here.x, this.here.y]);
      text = glStepText(here, this.here, q, eta, labels);
    }
    this.path = path;
    this.eta?.set(chosen.get("eta"));
    this.draw(text);
  }

  /** @param {string} sentence */
  draw(sentence) {
    const { here, labels, path } = this, { long, short, trace } = here.F;
    glMarkAnswers(this.main, here, path, this.points, labels);
    this.small.forEach((plane, c) => {
      glMarkSurface(plane, here, c, path);
      this.titles[c].textContent = `${labels[c]}: ${glFixed(here.p[c], 3)}`;
    });
    glFillTable(this.numbers, ["label", "likelihood p", "loss J = −log p", "length of ∇J"], labels.map((label, c) =>
      [label, ...[here.p[c], here.J[c], Math.hypot(...here.g[c])].map((each) => glFixed(each, 3))]));
    [...this.numbers.tBodies[0].rows].forEach((row, c) => row.cells[0].prepend(glLabelDot(c)));
    const mean = [0, 1].map((i) => glFixed(glSum(here.p, (p, c) => p * here.g[c][i]), 3));
    this.spread.textContent = `Fisher matrix F = Σ p g gᵀ: trace ${glFixed(trace, 3)}, half-axes ` +
      `${glFixed(long, 3)} and ${glFixed(short, 3)}. The arrows' mean, weighted by p, is (${mean.join(", ")}).`;
    this.readout.say(sentence);
  }
}
const render = glRender("manifold", "Gradients of every label at a point", (model) => new GlManifold(model));

export default { render };
