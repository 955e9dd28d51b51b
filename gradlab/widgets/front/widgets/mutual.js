// Drag a joint table: entropies as bars of equal height over one scale, and I(X;Y) as the surprise that Y takes away.

import { glAxisX, glButtons, glChart, glFixed, glScale, glSvg, glText, glTicks } from "../lib/chart.js";
import { glKeepKeys, glNode, glReadout, glSelect } from "../lib/dom.js";
import { GL_LOG, glEntropy, glHeld, glLevel } from "../lib/levels.js";

const GL_CHANNEL = 0.8;  // of "noisy channel": how often Y is what X was

function glMargins(p, rows, columns) {
  const x = Array(rows).fill(0), y = Array(columns).fill(0);
  p.forEach((each, k) => { x[Math.floor(k / columns)] += each; y[k % columns] += each; });
  return { x, y };
}

// All that the joint table says: margins, entropies, and H(X | Y = y) of each column.
function glShannon(p, rows, columns, unit) {
  const { x, y } = glMargins(p, rows, columns);
  const HX = glEntropy(x, unit), HY = glEntropy(y, unit), HXY = glEntropy(p, unit);
  const given = y.map((sum, j) => (sum > 0 ? glEntropy(x.map((_, i) => p[i * columns + j] / sum), unit) : NaN));
  // rounding may leave −1e-16 where nothing is
  const least = (value) => Math.max(0, value);
  return { x, y, HX, HY, HXY, I: least(HX + HY - HXY), XgivenY: least(HXY - HY), YgivenX: least(HXY - HX), given };
}

const GL_JOINTS = {
  independent: { text: "independent", from(p, rows, columns) {
    const { x, y } = glMargins(p, rows, columns);
    return p.map((_, k) => x[Math.floor(k / columns)] * y[k % columns]);
  } },
  identical: { text: "identical", from: (p, rows, columns) => {
    const least = Math.min(rows, columns);
    return p.map((_, k) => (Math.floor(k / columns) === k % columns ? 1 / least : 0));
  } },
  noisy: { text: "noisy channel", from: (p, rows, columns) => p.map((_, k) => {
    const same = Math.floor(k / columns) % columns === k % columns;
    return (same ? GL_CHANNEL : (1 - GL_CHANNEL) / (columns - 1)) / rows;
  }) },
};

// Three rows over one scale: H(X,Y) whole; H(X) from its left end; H(Y) to its right end. They overlap by I(X;Y).
function glOverlap(width, found, most) {
  const left = 4, x = glScale([0, most], [left, width - 4]), high = 38, gap = 14;
  const row = (k) => 22 + k * (high + gap);
  const bar = (k, from, to, kind, text) => {
    const wide = x(to) - x(from), middle = x(from) + wide / 2, [name, value] = text.split(" = ");
    const fits = (each) => wide > 7.2 * each.length + 6;
    const lines = fits(text) ? [text] : fits(name) ? [name, value] : fits(value) ? [value] : [];
    return [
      glSvg("rect", {
        class: `gl-info ${kind}`, "data-bar": name, "data-value": (to - from).toFixed(6), x: x(from), y: row(k),
        width: Math.max(0, wide), height: high,
      },
        glSvg("title", {}, text)),
      lines.map((line, i) =>
        glText(middle, row(k) + high / 2 + 5 + 16 * (i - (lines.length - 1) / 2), line,
          { class: "gl-on-info", "text-anchor": "middle" })),
    ];
  };
  const { HX, HY, HXY, I, XgivenY, YgivenX } = found;
  const named = (name, value) => `${name} = ${glFixed(value, 2)}`;
  const end = row(3) + high;
  return [
    // the overlap as one band through the rows
    I > 0
      ? glSvg("rect", {
        class: "gl-band", x: x(XgivenY), y: row(0) - 6, width: x(HX) - x(XgivenY), height: end - row(0) + 12,
      })
      : null,
    bar(0, 0, HXY, "gl-both", named("H(X,Y)", HXY)),
    bar(1, 0, HX, "gl-x", named("H(X)", HX)),
    bar(2, XgivenY, HXY, "gl-y", named("H(Y)", HY)),
    bar(3, 0, XgivenY, "gl-x gl-rest", named("H(X|Y)", XgivenY)),
    bar(3, XgivenY, HX, "gl-shared", named("I(X;Y)", I)),
    bar(3, HX, HXY, "gl-y gl-rest", named("H(Y|X)", YgivenX)),
    glAxisX(x, end + 6, glTicks(0, most, 5)),
  ];
}

function glMutualSentence(found, unit) {
  const { HX, XgivenY, I } = found;
  const text = `Before Y is seen, X surprises by H(X) = ${glFixed(HX, 3)} ${unit} on average; after it, by ` +
    `H(X|Y) = ${glFixed(XgivenY, 3)}. Mutual information is the reduction: I(X;Y) = ${glFixed(I, 3)} ${unit}.`;
  if (I < 5e-4) return `${text} Y says nothing about X.`;
  return XgivenY < 5e-4 ? `${text} Y says all about X.` : text;
}

function render({ model, el }) {
  const start = model.get("start");
  const { rows, columns } = start, R = rows.length, C = columns.length;
  const state = { unit: start.unit, full: 1, found: null };
  const readout = glReadout();
  const most = () => GL_LOG[state.unit](R) + GL_LOG[state.unit](C);
  const chart = glChart("overlap", 252, (width) => glOverlap(width, state.found, most()));

  const draw = () => {
    const found = glShannon(held.p, R, C, state.unit);
    state.found = found;
    cells.forEach((cell, k) =>
      cell.draw(`${glFixed(held.p[k], 3)}, mutual information ${glFixed(found.I, 3)} ${state.unit}`));
    margins.x.forEach((node, i) => { node.textContent = glFixed(found.x[i], 3); });
    margins.y.forEach((node, j) => { node.textContent = glFixed(found.y[j], 3); });
    given.forEach((node, j) => {
      node.textContent = Number.isNaN(found.given[j]) ? "–" : glFixed(found.given[j], 3);
      node.dataset.more = String(found.given[j] > found.HX + 1e-9);
    });
    const more = found.given.some((each) => each > found.HX + 1e-9);
    note.textContent = more
      ? "An outcome of Y may leave more surprise about X than there was (marked). The average, H(X|Y), is never more " +
        "than H(X)."
      : "H(X|y): the surprise about X that is left once y is seen. The average, weighted by p(y), is H(X|Y).";
    const sentence = glMutualSentence(found, state.unit);
    chart.draw(`Bars as long as the entropies. ${sentence}`);
    title.textContent = `Entropies, ${state.unit}: areas true to the numbers`;
    label.textContent = `H(X|y), ${state.unit}`;
    readout.say(sentence);
  };
  // what a full cell stands for: changed between two drags, never during one
  const fit = () => {
    state.full = [0.25, 0.5, 1].find((each) => held.p.every((p) => p <= each)) || 1;
    scale.textContent = `A full cell is ${state.full}. The others make room, so that all add up to 1.`;
    draw();
  };

  const held = glHeld(start.p, draw);
  const names = rows.flatMap((row) => columns.map((column) => `${row}, ${column}`));
  const cells = names.map((name, k) =>
    glLevel(name, () => ({ p: held.p[k], full: state.full }), held.hand(k, () => fit())));
  const number = () => glNode("span", { class: "gl-number" });
  const margins = { x: rows.map(number), y: columns.map(number) }, given = columns.map(number);
  const label = glNode("span", { class: "gl-soft-text" });
  const head = (text) => glNode("span", { class: "gl-cell-head", title: text }, text);
  const table = glNode("div", {
    class: "gl-joint", role: "group",
    "aria-label": "Joint probabilities: drag a cell up or down, or use its arrow keys",
  },
    glNode("span", { class: "gl-soft-text" }, "X ╲ Y"), columns.map(head),
    glNode("span", { class: "gl-soft-text" }, "p(x)"),
    rows.flatMap((row, i) => [head(row), ...cells.slice(i * C, (i + 1) * C).map((cell) => cell.node), margins.x[i]]),
    glNode("span", { class: "gl-soft-text" }, "p(y)"), margins.y, glNode("span", { class: "gl-number" }, "1"),
    label, given, glNode("span", {}));
  table.style.gridTemplateColumns = `minmax(44px, auto) repeat(${C}, minmax(36px, 1fr)) 48px`;
  const scale = glNode("p", { class: "gl-hint" }), note = glNode("p", { class: "gl-hint" });
  const title = glNode("h3", { class: "gl-title" });

  const joints = { start: { text: start.given ? "as given" : "animals", from: () => start.p }, ...GL_JOINTS };
  const presets = glButtons("begin with",
    Object.fromEntries(Object.entries(joints).map(([name, each]) => [name, each.text])), (name) => {
      held.put(joints[name].from(held.p, R, C));
      fit();
    });
  const unit = glSelect("unit", "unit", Object.keys(GL_LOG), state.unit, (value) => { state.unit = value; draw(); });
  const root = glNode("div", {
    class: "gl-root gl-mutual", role: "region", lang: "en",
    "aria-label": "Mutual information is the reduction of surprise",
  },
    glNode("div", { class: "gl-figure" },
      glNode("div", { class: "gl-controls" }, presets, unit),
      glNode("div", { class: "gl-columns" },
        glNode("section", {}, glNode("h3", { class: "gl-title" }, "Joint probability p(x, y): drag a cell up or down"),
          table, scale, note),
        glNode("section", {}, title, chart.node,
          glNode("p", { class: "gl-hint" }, "I(X;Y) = H(X) − H(X|Y) = H(Y) − H(Y|X) = H(X) + H(Y) − H(X,Y)"))),
      readout.node));
  glKeepKeys(root);
  el.append(root);
  fit();
  return () => {
    chart.stop();
    readout.stop();
    root.remove();
  };
}

export default { render };
