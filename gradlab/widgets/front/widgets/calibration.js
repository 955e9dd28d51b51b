// A reliability diagram whose bins open: temperature, several networks, and the pictures of a bin.

import { glBar } from "../lib/bars.js";
import { glButtons, glChart, glFillTable, glFixed, glRange } from "../lib/chart.js";
import { glStrip } from "../lib/colour.js";
import { glButton, glKeepKeys, glLeave, glNode, glReadout, glRove } from "../lib/dom.js";
import { glClamp, glProbability } from "../lib/numbers.js";
import {
  GL_DIAGRAM, GL_HEAT, GL_HEATS, glChances, glDecodeArm, glDiagram, glDiagramX, glHeatChart, glJudge, glScatter,
} from "../lib/reliability.js";
import { glPaintSigned, glPhotoTile, glPhotos, glTopOf } from "../lib/signed.js";
import { glPart, glUnpacked } from "../lib/wire.js";

const GL_TILES = 40;  // pictures of a bin that are shown at once
const GL_EVEN = 0.005;  // a gap that is put into words as none

function glGapText(bin) {
  if (!bin.count) return "no picture";
  const way = Math.abs(bin.gap) < GL_EVEN
    ? "as sure as it is right"
    : bin.gap > 0 ? `too sure by ${glFixed(bin.gap, 2)}` : `not sure enough, by ${glFixed(-bin.gap, 2)}`;
  return `${bin.count} ${bin.count === 1 ? "picture" : "pictures"}, ${bin.right} right ` +
    `(${glFixed(bin.accuracy, 2)}), mean confidence ${glFixed(bin.confidence, 2)}: ${way}`;
}

function render({ model, el }) {
  const start = model.get("start"), { labels, bins } = start, truth = glUnpacked(start.truth).values;
  const arms = start.arms.map(glDecodeArm), photo = glPhotos(start.tiles);
  const fitted = arms.map((arm) => glJudge(arm, truth, bins, arm.fitted));
  const plain = arms.map((arm) => glJudge(arm, truth, bins, 1));
  const state = { arm: 0, T: 1, bin: 0, picture: -1, map: true, judged: plain[0] };
  const curves = new Map();
  const curve = (k) => {
    if (!curves.has(k)) curves.set(k, GL_HEATS.map((heat) => glJudge(arms[k], truth, bins, 10 ** heat)));
    return curves.get(k);
  };
  const worst = ({ bins: all }) => all.reduce(
    (best, { count, gap }, k) => (count * Math.abs(gap) > all[best].count * Math.abs(all[best].gap) ? k : best),
    all.findIndex((each) => each.count));
  state.bin = worst(plain[0]);

  const readout = glReadout();
  const h3 = () => glNode("h3", { class: "gl-title" });
  const title = h3(), binTitle = h3(), pictureTitle = h3();
  const diagram = glChart("reliability", GL_DIAGRAM.height, (width) => glDiagram(width, state.judged, state.bin));
  const hand = glNode("div", {
    class: "gl-bins", role: "slider", tabindex: 0, "aria-label": "Bin of the reliability diagram", "aria-valuemin": 1,
    "aria-valuemax": bins,
  }, diagram.node);
  const heat = (key, of, name) =>
    glChart(key, 112, (width) =>
      glHeatChart(width, 112, curve(state.arm).map(of), { T: state.T, value: of(state.judged) }, arms[state.arm].fitted,
        name));
  const nll = heat("nll", (judged) => judged.nll, "NLL over T, nats");
  const ece = heat("ece", (judged) => judged.ece, "ECE over T");
  const scatter = glChart("scatter", 230, (width) => glScatter(width, 230, arms.map((arm, k) => ({
    name: arm.name, accuracy: plain[k].accuracy, one: plain[k].ece, fitted: fitted[k].ece,
    now: k === state.arm ? state.judged.ece : plain[k].ece,
  })), state.arm));
  const figures = glNode("table", { class: "gl-table", "data-table": "figures" });
  const networks = glNode("table", { class: "gl-table", "data-table": "networks" });
  const tiles = glNode("div",
    { class: "gl-tiles", role: "group", "aria-label": "Pictures of the bin: press one to see it at length" });
  glRove(tiles);
  const more = glNode("p", { class: "gl-hint" }), heatHint = glNode("p", { class: "gl-hint" });
  const mapHint = glNode("p", { class: "gl-hint" });
  const big = glNode("canvas", { class: "gl-photo", role: "img" }), bars = glNode("ul", { class: "gl-bars" });
  const strip = glNode("canvas", { class: "gl-strip", "aria-hidden": "true" });
  glStrip(strip, "blue-orange");
  const legend = glNode("div", { class: "gl-legend" }, glNode("span", {}, "for Q"), strip,
    glNode("span", {}, "for P, against Q"));

  const members = () => start.shown.map((i, j) => ({ i, j })).filter(({ i }) => state.judged.bin[i] === state.bin)
    .map((each) =>
      ({ ...each, right: arms[state.arm].said[each.i] === truth[each.i], p: state.judged.confidence[each.i] }))
    .sort((a, b) => a.right - b.right || b.p - a.p);

  const drawPicture = () => {
    const arm = arms[state.arm], i = start.shown[state.picture];
    const p = i === undefined ? null : glChances(arm, i, state.T);
    detail.hidden = i === undefined;
    if (!p) return;
    const P = arm.said[i], Q = arm.second[i], right = P === truth[i];
    pictureTitle.textContent = `Why ${labels[P]} (${glProbability(p[P])}), rather than ${labels[Q]} ` +
      `(${glProbability(p[Q])})?`;
    const [, rows, columns] = arm.maps ? arm.maps.shape : [0, 1, 1];
    const at = { photo: photo(state.picture), rows, columns }, map = arm.maps && glPart(arm.maps, state.picture);
    glPaintSigned(big, at, map || [0], map && state.map ? glTopOf(map) : 0);
    big.setAttribute("aria-label", `Picture ${i}: it is ${labels[truth[i]]}; ${arm.name} says ${labels[P]}`);
    const order = Array.from(p.keys()).sort((a, b) => p[b] - p[a]).slice(0, 4);
    if (!order.includes(truth[i])) order.push(truth[i]);
    bars.replaceChildren(...order.map((c) =>
      glBar(`${labels[c]}${c === truth[i] ? " (true)" : ""}`, p[c], null, glProbability(p[c]),
        { "data-class": c, "data-role": c === P ? "p" : c === Q ? "q" : "other" })));
    mapHint.textContent = `${right ? "✓ Right." : `✗ Wrong: it is ${labels[truth[i]]}.`} ` +
      (map
        ? "Contrast map Σ p_c L^c − L^Q at T = 1, to its own largest value."
        : `No contrast map: ${arm.name} was given as logits, or has no spatial layer.`);
    legend.hidden = !map;
  };
  const drawBin = () => {
    const bin = state.judged.bins[state.bin], all = members(), some = all.slice(0, GL_TILES), arm = arms[state.arm];
    const range = `${glFixed(bin.low, 2)} to ${glFixed(bin.high, 2)}`;
    binTitle.textContent = `Confidence ${range}`;
    hand.setAttribute("aria-valuenow", state.bin + 1);
    hand.setAttribute("aria-valuetext", `confidence ${range}: ${glGapText(bin)}`);
    const here = bin.count > some.length
      ? ` ${some.length} of them are here, the wrong ones first.`
      : some.length > 1 ? " The wrong ones come first." : "";
    more.textContent = `${glGapText(bin)}.${here}`;
    if (!some.some(({ j }) => j === state.picture)) state.picture = some.length ? some[0].j : -1;
    const focused = tiles.contains(document.activeElement);
    tiles.replaceChildren(...some.map(({ i, j, right, p }) => {
      const said = labels[arm.said[i]];
      return glNode("button", {
        type: "button", "data-picture": i, "data-right": String(right), tabindex: j === state.picture ? 0 : -1,
        "aria-pressed": String(j === state.picture),
        title: `${said} ${glProbability(p)}`,
        "aria-label": `says ${said} with ${glProbability(p)}, ${right ? "right" : `wrong: it is ${labels[truth[i]]}`}`,
        onclick: () => { state.picture = j; drawBin(); },
      }, glPhotoTile(photo(j)), glNode("span", { class: "gl-tile-text" },
        glNode("span", { class: "gl-mark" }, right ? "✓" : "✗"), ` ${said}`));
    }));
    if (focused) tiles.querySelector('[aria-pressed="true"]')?.focus();
    drawPicture();
  };
  const draw = () => {
    const arm = arms[state.arm], judged = (state.judged = glJudge(arm, truth, bins, state.T)), best = fitted[state.arm];
    const one = plain[state.arm];
    title.textContent = `${arm.name}: reliability of ${truth.length} pictures, T = ${glFixed(state.T, 2)}`;
    const on = arm.heldOut ? "held-out pictures" : "the very pictures shown: too good by a little";
    heatHint.textContent = one.accuracy === 1 && !arm.heldOut
      ? "All pictures are right: the lower T, the smaller the NLL, so that no T is the best."
      : `T = ${glFixed(arm.fitted, 2)} (dashed) has the smallest NLL on ${on}. No prediction changes with T.`;
    fit.textContent = `fitted: T = ${glFixed(arm.fitted, 2)}`;
    const row = (name, of, digits) => [name, ...[one, judged, best].map((each) => glFixed(of(each), digits))];
    const luck = arm.luck.map((each) => glFixed(each, 3));
    glFillTable(figures, ["", "T = 1", `now: T = ${glFixed(state.T, 2)}`, `fitted: ${glFixed(arm.fitted, 2)}`], [
      row("accuracy", (each) => each.accuracy, 3), row("mean confidence", (each) => each.sure, 3),
      row("ECE", (each) => each.ece, 3),
      ["ECE by luck alone", luck[0], state.T === 1 ? luck[0] : state.T === arm.fitted ? luck[1] : "–", luck[1]],
      row("largest gap (MCE)", (each) => each.mce, 3), row("NLL, nats", (each) => each.nll, 3),
    ]);
    glFillTable(networks, ["network", "accuracy", "ECE", "ECE, T fitted", "T fitted"], arms.map((each, k) => [
      each.name, glFixed(plain[k].accuracy, 3), glFixed(plain[k].ece, 3), glFixed(fitted[k].ece, 3),
      `${glFixed(each.fitted, 2)}${each.heldOut ? "" : " *"}`,
    ]));
    [...networks.querySelectorAll("tbody tr")].forEach((each, k) => { each.dataset.active = String(k === state.arm); });
    choice.querySelectorAll("button")
      .forEach((button, k) => button.setAttribute("aria-pressed", String(k === state.arm)));
    const gap = judged.sure - judged.accuracy;
    const way = Math.abs(gap) < GL_EVEN ? "as sure as it is right" : gap > 0 ? "too sure" : "not sure enough";
    const filled = judged.bins.filter((each) => each.count).map((each) =>
      `confidence ${glFixed(each.confidence, 2)}, accuracy ${glFixed(each.accuracy, 2)}, ${each.count} pictures`);
    diagram.draw(`Reliability diagram of ${arm.name}: ${filled.join("; ")}`);
    nll.draw(`Negative log-likelihood over the temperature; ${glFixed(judged.nll, 3)} now`);
    ece.draw(`Expected calibration error over the temperature; ${glFixed(judged.ece, 3)} now`);
    const places = arms.map(({ name }, k) => `${name} ${glFixed(plain[k].accuracy, 3)}, ${glFixed(plain[k].ece, 3)}`);
    scatter.draw(`Accuracy against ECE: ${places.join("; ")}`);
    drawBin();
    readout.say(`${arm.name} at T = ${glFixed(state.T, 2)}: right in ${glFixed(judged.accuracy, 3)}, ` +
      `${glFixed(judged.sure, 3)} sure on average, so on the whole ${way}. ECE ${glFixed(judged.ece, 3)}, NLL ` +
      `${glFixed(judged.nll, 3)}.`);
  };

  const choose = (k) => {
    state.bin = glClamp(k, 0, bins - 1);
    diagram.draw(diagram.node.firstChild.getAttribute("aria-label"));
    drawBin();
  };
  let held = false;
  const pull = (event) => {
    const box = diagram.node.getBoundingClientRect();
    choose(Math.floor(bins * glClamp(glDiagramX(box.width).back(event.clientX - box.left), 0, 0.9999)));
  };
  hand.addEventListener("pointerdown", (event) => {
    if (event.button === 0) { held = true; hand.setPointerCapture(event.pointerId); pull(event); }
  });
  hand.addEventListener("pointermove", (event) => { if (held) pull(event); });
  for (const kind of ["pointerup", "pointercancel"]) hand.addEventListener(kind, () => { held = false; });
  hand.addEventListener("keydown", (event) => {
    const to = {
      ArrowRight: state.bin + 1, ArrowUp: state.bin + 1, ArrowLeft: state.bin - 1, ArrowDown: state.bin - 1, Home: 0,
      End: bins - 1,
    }[event.key];
    if (event.key === "Escape") glLeave(hand);
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
  });

  const warm = (T) => { state.T = T; slider.set(Math.log10(T)); draw(); };
  const slider = glRange({
    name: "temperature", label: "temperature T", low: -GL_HEAT, high: GL_HEAT, step: 0.01, value: 0,
    text: () => glFixed(state.T, 2), change: (value) => { warm(10 ** value); },
  });
  const fit = glButton("fitted", "", () => warm(arms[state.arm].fitted));
  const choice = glButtons("network", Object.fromEntries(arms.map((arm, k) => [k, arm.name])), (k) => {
    state.arm = Number(k);
    state.T = 1;
    slider.set(0);
    draw();
  });
  glRove(choice);
  const map = glNode("input", { type: "checkbox", checked: true, "data-control": "map", onchange: () => {
    state.map = map.checked;
    drawPicture();
  } });
  const detail = glNode("section", { class: "gl-at-length" }, pictureTitle,
    glNode("div", { class: "gl-pair" }, big, bars), legend, mapHint,
    glNode("label", { class: "gl-control" }, map, glNode("span", {}, "show the contrast map")));
  const swatch = (kind, text) => glNode("span", {}, glNode("span", { class: `gl-swatch ${kind}` }), ` ${text}`);
  const root = glNode("div", {
    class: "gl-root gl-calibration", role: "region", lang: "en",
    "aria-label": "Calibration: is a network right as often as it says?",
  },
    glNode("div", { class: "gl-figure" },
      glNode("div", { class: "gl-controls" }, arms.length > 1 ? choice : null, slider.node,
        glButton("one", "T = 1", () => warm(1)), fit),
      start.control
        ? glNode("p", { class: "gl-error" },
          "A control is missing: set the same H on h, IntrospectiveNetwork(net, on=\"h\"), beside the " +
          "introspective network.")
        : null,
      glNode("div", { class: "gl-columns gl-upper" },
        glNode("section", {}, title, hand,
          glNode("p", { class: "gl-hint gl-key" }, swatch("gl-is-right", "accuracy"), swatch("gl-is-over", "too sure"),
            swatch("gl-is-under", "not sure enough"), "Press a bin, or use the arrow keys.")),
        glNode("section", {}, binTitle, more, tiles, detail)),
      readout.node,
      glNode("div", { class: "gl-columns gl-lower" },
        glNode("section", {}, glNode("h3", { class: "gl-title" }, "One temperature for all logits: softmax(z / T)"),
          nll.node, ece.node, heatHint),
        glNode("section", {}, glNode("h3", { class: "gl-title" }, "In numbers"), figures,
          glNode("p", { class: "gl-hint" },
            `By luck alone: what a calibrated network with these confidences shows on ${truth.length} pictures in ` +
            `${bins} bins.`)),
        glNode("section", {}, glNode("h3", { class: "gl-title" }, "Accuracy against ECE"), scatter.node,
          glNode("p", { class: "gl-hint" }, "Filled: T = 1. Hollow: T fitted. ✕: now."), networks,
          arms.some((arm) => !arm.heldOut)
            ? glNode("p", { class: "gl-hint" }, "* fitted on the pictures shown")
            : null))));
  glKeepKeys(root);
  el.append(root);
  draw();
  slider.set(0);
  return () => {
    for (const chart of [diagram, nll, ece, scatter]) chart.stop();
    readout.stop();
    root.remove();
  };
}

export default { render };
