// Every label's gradient at a point of the plane: likelihood surfaces, arrows, the Fisher ellipse, and steps along an
// arrow.

import { glFillTable, glFixed, glLine, glNumber, glRange, glSvg, glText } from "../lib/chart.js";
import { glStrip, glTable } from "../lib/colour.js";
import { glButton, glKeepKeys, glLeave, glNode, glReadout } from "../lib/dom.js";
import { glClamp } from "../lib/numbers.js";
import {
  GL_VIEW, glArrow, glLabelColour, glMixed, glPaintPlane, glPlane, glSurfaces, glTinyNet,
} from "../lib/plane.js";

const GL_ARROW = 0.4;  // an arrow is this many units of the plane long for a gradient of 1

function glPointMark([x, y], size) {
  return [glSvg("circle", { cx: x, cy: y, r: size, fill: "#111111", stroke: "#ffffff", "stroke-width": 2.5 })];
}

// The map of the answers with the training points, the ellipse, the arrows, the path and the point.
function glMarkAnswers(plane, here, path, points, labels) {
  const at = plane.toPixel([here.x, here.y]), { F } = here, size = GL_ARROW * plane.scale;
  const dots = points.flatMap((each, c) => each.map((point) => {
    const [cx, cy] = plane.toPixel(point);
    return glSvg("circle", { cx, cy, r: 3, fill: glLabelColour(c), opacity: 0.55 });
  }));
  const ellipse = [["#ffffff", 5], ["#111111", 2]].map(([stroke, width]) => glSvg("ellipse", {
    cx: at[0], cy: at[1], rx: F.long * size, ry: F.short * size, stroke, "stroke-width": width, fill: "none",
    transform: `rotate(${(-F.angle * 180) / Math.PI} ${at[0]} ${at[1]})`,
  }));
  const trail = path.length > 1 ? [["#ffffff", 5], ["#111111", 2]].map(([stroke, width]) =>
    glLine(path.map(plane.toPixel), { stroke, "stroke-width": width, "stroke-dasharray": width === 2 ? "4 4" : null }))
    : [];
  const stops = path.slice(0, -1).map((each) => {
    const [cx, cy] = plane.toPixel(each);
    return glSvg("circle", { cx, cy, r: 3, fill: "#111111" });
  });
  const arrows = here.g.flatMap((g, c) => {
    const to = [at[0] - size * g[0], at[1] + size * g[1]], length = Math.hypot(to[0] - at[0], to[1] - at[1]);
    const room = 14 + (12 * Math.abs(to[0] - at[0])) / (length || 1);  // a name is wider than high
    const beyond = (i) => to[i] + (room * (to[i] - at[i])) / (length || 1);
    const name = length < 14
      ? []
      : [glText(glClamp(beyond(0), 22, GL_VIEW - 22), glClamp(beyond(1) + 5, 16, GL_VIEW - 8), labels[c],
      { class: "gl-arrow-name", fill: glLabelColour(c), "text-anchor": "middle" })];
    return [...glArrow(at, to, glLabelColour(c), "#ffffff"), ...name];
  });
  plane.svg.replaceChildren(...dots, ...trail, ...stops, ...ellipse, ...arrows, ...glPointMark(at, 6));
}

function glMarkSurface(plane, here, c, path) {
  const at = plane.toPixel([here.x, here.y]), size = GL_ARROW * plane.scale;
  const trail = path.length > 1
    ? [glLine(path.map(plane.toPixel), { stroke: "#ffffff", "stroke-width": 5, "stroke-dasharray": "8 8" })]
    : [];
  plane.svg.replaceChildren(...trail,
    ...glArrow(at, [at[0] - size * here.g[c][0], at[1] + size * here.g[c][1]], "#ffffff", "#111111", 2),
    ...glPointMark(at, 10));
}

function glPlaceText(here, labels) {
  const best = here.p.indexOf(Math.max(...here.p));
  return `At (${glFixed(here.x, 2)}, ${glFixed(here.y, 2)}) the network says ${labels[best]}, p = ` +
    `${glFixed(here.p[best], 3)}.`;
}

// What a step towards label q has done, beside what the gradient foretold.
function glStepText(before, after, q, eta, labels) {
  const fell = before.J[q] - after.J[q], told = eta * (before.g[q][0] ** 2 + before.g[q][1] ** 2);
  const way = fell >= 0 ? "fell by" : "rose by";
  const long = fell < 0 ? " The step was too long for what a gradient can foretell." : "";
  const edge = Math.hypot(after.x - before.x, after.y - before.y) < 0.999 * eta * Math.hypot(...before.g[q])
    ? " The edge of the plane cut it short."
    : "";
  return `A step towards ${labels[q]}: p(${labels[q]}) ${glFixed(before.p[q], 3)} → ${glFixed(after.p[q], 3)}. Its ` +
    `loss ${way} ` +
    `${glFixed(Math.abs(fell), 4)}; the gradient foretold a fall of η|g|² = ${glFixed(told, 4)}.${long}${edge} No ` +
    "weight of the network has changed.";
}

function render({ model, el }) {
  const { labels, point, reach, weights, points } = model.get("start");
  const net = glTinyNet(weights), surfaces = glSurfaces(net, reach);
  const readout = glReadout();
  let here = net.at(...point), path = [point], eta = 0.2;

  const inside = (value) => glClamp(value, -reach, reach);
  const go = (x, y) => {
    here = net.at(inside(x), inside(y));
    path = [[here.x, here.y]];
    draw(glPlaceText(here, labels));
  };
  const step = (q) => {
    const before = here;
    here = net.at(inside(here.x - eta * here.g[q][0]), inside(here.y - eta * here.g[q][1]));
    path = [...path, [here.x, here.y]];
    draw(glStepText(before, here, q, eta, labels));
  };
  const main = glPlane("answers", reach, go);
  glPaintPlane(main.canvas, surfaces, glMixed);
  const table = glTable("viridis"), small = labels.map((label, c) => {
    const plane = glPlane(label, reach, go);
    glPaintPlane(plane.canvas, surfaces,
      (p) => Array.from(table.slice(3 * Math.round(255 * p[c]), 3 * Math.round(255 * p[c]) + 3)));
    return plane;
  });
  const numbers = glNode("table", { class: "gl-table" }), spread = glNode("p", { class: "gl-hint" });
  const titles = labels.map((label, c) => glNode("h3", { class: "gl-title", "data-likelihood": label }));

  const draw = (sentence) => {
    glMarkAnswers(main, here, path, points, labels);
    small.forEach((plane, c) => {
      glMarkSurface(plane, here, c, path);
      titles[c].textContent = `${labels[c]}: ${glFixed(here.p[c], 3)}`;
    });
    const size = here.g.map((g) => Math.hypot(...g));
    glFillTable(numbers, ["label", "likelihood p", "loss J = −log p", "length of ∇J"],
      labels.map((label, c) => [label, glFixed(here.p[c], 3), glFixed(here.J[c], 3), glFixed(size[c], 3)]));
    [...numbers.tBodies[0].rows].forEach((row, c) => row.cells[0].prepend(
      glNode("span", { class: "gl-dot", style: `background: ${glLabelColour(c)}`, "aria-hidden": "true" })));
    const mean = [0, 1].map((i) => here.p.reduce((sum, p, c) => sum + p * here.g[c][i], 0));
    spread.textContent = `Fisher matrix F = Σ p g gᵀ: trace ${glFixed(here.F.trace, 3)}, half-axes ` +
      `${glFixed(here.F.long, 3)} and ` +
      `${glFixed(here.F.short, 3)}. The arrows' mean, weighted by p, is ` +
      `(${mean.map((each) => glFixed(each, 3)).join(", ")}).`;
    readout.say(sentence);
  };
  main.node.tabIndex = 0;
  main.node.setAttribute("role", "application");
  main.node.setAttribute("aria-label", "The plane of inputs. Arrow keys move the point, with Shift further; " +
    `${labels.map((label, c) => `${c + 1} steps towards ${label}`).join(", ")}; Escape leaves.`);
  main.node.addEventListener("keydown", (event) => {
    const far = event.shiftKey ? 0.25 : 0.05;
    const way = { ArrowUp: [0, far], ArrowDown: [0, -far], ArrowLeft: [-far, 0], ArrowRight: [far, 0] }[event.key];
    const q = labels.findIndex((_, c) => event.key === String(c + 1));
    if (way) go(here.x + way[0], here.y + way[1]);
    else if (q >= 0) step(q);
    else if (event.key === "Escape") glLeave(main.node);
    else return;
    event.preventDefault();
  });

  const steps = glNode("div", { class: "gl-presets", role: "group", "aria-label": "Move the point along an arrow" },
    glNode("span", { class: "gl-hint" }, "step towards"), labels.map((label, c) => {
      const button = glButton(`step-${label}`, label, () => step(c));
      button.prepend(glNode("span",
        { class: "gl-dot", style: `background: ${glLabelColour(c)}`, "aria-hidden": "true" }));
      return button;
    }), glButton("back", "back to the start", () => go(...point)));
  const length = glRange({
    name: "eta", label: "length of a step, η =", low: 0.02, high: 1, step: 0.02, value: eta, text: glNumber,
    change: (value) => { eta = value; },
  });
  const root = glNode("div",
    { class: "gl-root gl-manifold", role: "region", lang: "en", "aria-label": "Gradients of every label at a point" },
    glNode("div", { class: "gl-figure" },
      glNode("div", { class: "gl-columns" },
        glNode("section", {}, glNode("h3", { class: "gl-title" }, "What the network says: click or drag the point"),
          main.node,
          glNode("p", { class: "gl-hint" },
            "Arrows: −∇J of each label, the way to make it likelier. Ellipse: their spread, the Fisher matrix. Small " +
            "dots: made-up training points.")),
        glNode("section", {}, steps, length.node, readout.node, numbers, spread,
          glNode("h3", { class: "gl-title gl-apart" }, "The likelihood of each label, as surfaces"),
          glNode("div", { class: "gl-surfaces" }, small.map((plane, c) => glNode("div", {}, titles[c], plane.node))),
          glNode("div", { class: "gl-legend" }, "0", strip(), "1")))));
  glKeepKeys(root);
  el.append(root);
  draw(glPlaceText(here, labels));
  return () => {
    readout.stop();
    root.remove();
  };

  function strip() {
    const canvas = glNode("canvas", { class: "gl-strip", "aria-hidden": "true" });
    glStrip(canvas, "viridis");
    return canvas;
  }
}

export default { render };
