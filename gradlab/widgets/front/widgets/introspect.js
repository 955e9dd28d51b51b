// Why P, rather than 0, 1 ... 9? All panels at once, as rows of a gradient or on the picture, while noise rises.

import { glBar } from "../lib/bars.js";
import { glAxisX, glAxisY, glChart, glFixed, glLine, glRange, glScale, glSvg, glText, glTicks } from "../lib/chart.js";
import { glStrip, glTable } from "../lib/colour.js";
import {
  GL_ONES, glCosine, glDecodePanels, glEffective, glHeldRows, glLength, glOuter, glOuterHeight, glPaintRows,
  glRowsOf, glSparsity,
} from "../lib/contrasts.js";
import { glKeepKeys, glNode, glReadout, glRove, glSelect } from "../lib/dom.js";
import { GL_INK_PATIENCE, glInk } from "../lib/ink.js";
import { glProbability } from "../lib/numbers.js";
import { glPaintSigned, glPhotoTile, glTopOf } from "../lib/signed.js";
import { glPacked, glSend } from "../lib/wire.js";

const GL_LOSSES = {
  ce: "cross entropy: the sum of all panels", mse: "mean squared error of the logits", bce: "binary cross entropy",
};

// One panel: a small picture to press. kind: the class Q, or "ones".
function glPanelButton(kind, press) {
  const canvas = glNode("canvas", { "aria-hidden": "true" }), title = glNode("span", { class: "gl-ask-title" });
  const gutter = glNode("span", { class: "gl-gutter", "aria-hidden": "true" });
  const rows = glNode("span", { class: "gl-number" }), length = glNode("span", { class: "gl-number" });
  const node = glNode("button", { type: "button", class: "gl-ask", "data-panel": kind, tabindex: -1, onclick: press },
    title, glNode("span", { class: "gl-ask-stage" }, gutter, canvas),
    glNode("span", { class: "gl-ask-note" }, rows, length));
  return {
    node, canvas,
    draw({ text, u, size, tags, pressed, label }) {
      title.textContent = text;
      rows.textContent = `${glFixed(glEffective(u), 2)} rows`;
      length.textContent = `length ${glShort(size)}`;
      gutter.replaceChildren(...tags.map(({ tag, part }) => {
        const mark = glNode("span", { "data-row": tag === "P" ? "p" : "q" }, tag);
        mark.style.top = `${100 * part}%`;
        return mark;
      }));
      node.setAttribute("aria-pressed", String(pressed));
      node.setAttribute("aria-label", label);
    },
  };
}

function glShort(value) {
  if (value === 0) return "0";
  return value < 0.01 ? value.toExponential(0).replace("-", "−") : glFixed(value, 2);
}

// Lines over the noise: how many rows. Each line is { values, class }; levels with a wrong answer are crossed.
function glNoiseChart(width, height, noise, now, most, lines, wrong) {
  const left = 34, foot = height - 36, x = glScale([0, noise[noise.length - 1]], [left + 8, width - 10]);
  const y = glScale([0, most], [foot, 10]);
  return [
    glAxisY(y, left, width, glTicks(0, most, 4)),
    glAxisX(x, foot, glTicks(0, noise[noise.length - 1], 5)),
    glText((left + width) / 2, height - 4, "noise (deviation, of grey values 0 to 1)",
      { class: "gl-soft", "text-anchor": "middle" }),
    glSvg("line", { class: "gl-now", x1: x(noise[now]), x2: x(noise[now]), y1: 6, y2: foot }),
    ...lines.map(({ values, kind }) =>
      glLine(values.map((value, k) => [x(noise[k]), y(value)]),
        { class: kind, "data-line": kind, "data-values": values.map((value) => value.toFixed(4)).join(" ") })),
    ...lines.map(({ values, kind }) =>
      glSvg("circle", { class: kind, "data-at": "now", cx: x(noise[now]), cy: y(values[now]), r: 4 })),
    ...(wrong || []).map((is, k) =>
      (is
        ? glText(x(noise[k]), y(lines[0].values[k]) + (lines[0].values[k] < 0.4 * most ? -8 : 18), "✗",
          { class: "gl-wrong", "text-anchor": "middle" })
        : null)),
  ];
}

// Cosines between every two panels, as numbers on colours.
function glCosineChart(width, u, asked, labels, said, q) {
  const names = asked.every((c) => labels[c].length <= 2), left = names ? 24 : 8, size = (width - left) / asked.length;
  const top = names ? 20 : 4;
  const table = glTable("blue-orange");
  return asked.flatMap((a, i) => [
    ...(names ? [
      glText(left - 6, top + (i + 0.5) * size + 4, labels[a],
        { class: "gl-row-name", "data-row": a === q ? "q" : a === said ? "p" : "other", "text-anchor": "end" }),
      glText(left + (i + 0.5) * size, top - 6, labels[a],
        { class: "gl-row-name", "data-row": a === q ? "q" : a === said ? "p" : "other", "text-anchor": "middle" }),
    ] : []),
    ...asked.flatMap((b, j) => {
      const value = glCosine(u[i], u[j]), at = 3 * Math.round((255 * (value + 1)) / 2);
      return [
        glSvg("rect", {
          x: left + j * size, y: top + i * size, width: size - 1, height: size - 1,
          fill: `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]})`, "data-cosine": `${a} ${b}`,
          "data-value": value.toFixed(4),
        },
          glSvg("title", {}, `rather than ${labels[a]} and rather than ${labels[b]}: ${glFixed(value, 3)}`)),
        size < 24
          ? null
          : glText(left + (j + 0.5) * size, top + (i + 0.5) * size + 4,
            glFixed(value, 1).replace("0.", ".").replace("1.0", "1"),
            { class: Math.abs(value) > 0.75 ? "gl-cell-number gl-pale" : "gl-cell-number", "text-anchor": "middle" }),
      ];
    }),
  ]);
}

function glSparsityText(digit, at, labels, noise, kept) {
  const wrong = digit.truth !== null && digit.truth !== at.said
    ? `, and that is wrong: it is ${labels[digit.truth]}`
    : "";
  const sure = kept.sure > 0.9 && kept.held < 2.5
    ? "Sparse: the network is sure"
    : "More rows take part: the network is not sure";
  return `Noise ${noise}: it says ${labels[at.said]} with ${glProbability(kept.sure)}${wrong}. ` +
    `${wrong && kept.sure > 0.9 ? "Sparse all the same: sparsity tells how sure it is, not how right" : sure}. ` +
    `The other panels have ${glFixed(kept.effective, 2)} effective rows on average, ${glFixed(kept.held, 1)} hold ` +
    `99 %; rather than ${labels[at.said]} itself is ` +
    `${glShort(kept.share)} times as long. Cosine between two of the others: ${glFixed(kept.cosine, 2)} on average.`;
}

function render({ model, el }) {
  const start = model.get("start"), labels = model.get("labels"), { noise, losses } = start;
  const alive = !model.gradlabSaved;
  const digits = glDecodePanels(start);
  const state = { digit: 0, level: 0, q: null, view: "rows", each: false, loss: losses[0], mean: false, drawn: null };
  let asked = 0, answered = 0, timer = null, gone = false;

  const now = () => (state.digit < 0 ? state.drawn : digits[state.digit]);
  const sparsity = (digit) => (digit.sparsity ??= digit.levels.map((at) => glSparsity(at, digit.asked)));
  const here = () => now().levels[state.level];
  const ones = (at) => GL_ONES[state.loss](at);
  const chosenRows = (at) => (state.q === "ones" ? ones(at) : glRowsOf(at, state.q));
  const mean = (of) => noise.map((_, k) => {
    const all = state.mean ? digits : [now()];
    return all.reduce((sum, digit) => sum + of(digit, k), 0) / all.length;
  });

  const readout = glReadout(), heading = glNode("h3", { class: "gl-title" });
  const detailTitle = glNode("h3", { class: "gl-title" });
  const status = glNode("p", { class: "gl-status", role: "status" });
  const error = glNode("p", { class: "gl-error", role: "alert" });
  const photo = glNode("canvas", { class: "gl-photo", role: "img" });
  const bars = glNode("ul", { class: "gl-bars", "aria-label": "Probabilities" });
  const grid = glNode("div",
    { class: "gl-asks", role: "group", "aria-label": "Rather than each class: press one to see it at length" });
  const hint = glNode("p", { class: "gl-hint" }), detailHint = glNode("p", { class: "gl-hint" });
  const cosineHint = glNode("p", { class: "gl-hint" });
  glRove(grid);
  const strip = glNode("canvas", { class: "gl-strip", "aria-hidden": "true" });
  glStrip(strip, "blue-orange");
  const low = glNode("span", {}), high = glNode("span", {});
  let panels = [];

  const outer = glChart("outer", glOuterHeight(now().asked.length),
    (width) => glOuter(width, chosenRows(here()), here(), now().asked, labels, {
      q: state.q, factor: state.q === "ones" ? "u" : "p − e_Q",
    }));
  const rowsChart = glChart("rows", 190, (width) => {
    const lines = [
      { values: mean((digit, k) => sparsity(digit)[k].held), kind: "gl-line-held" },
      { values: mean((digit, k) => sparsity(digit)[k].effective), kind: "gl-line-rows" },
      { values: mean((digit, k) => glEffective(ones(digit.levels[k]))), kind: "gl-line-ones" },
    ];
    return glNoiseChart(width, 190, noise, state.level, Math.max(4, ...lines.flatMap((line) => line.values)) * 1.05,
      lines);
  });
  const sureChart = glChart("sure", 130, (width) => glNoiseChart(width, 130, noise, state.level, 1,
    [{ values: mean((digit, k) => sparsity(digit)[k].sure), kind: "gl-line-sure" }],
    state.mean ? null : noise.map((_, k) => now().truth !== null && now().levels[k].said !== now().truth)));
  const cosines = glChart("cosines", 300,
    (width) =>
      glCosineChart(Math.min(width, 280), now().asked.map((q) => glRowsOf(here(), q)), now().asked, labels, here().said,
        state.q));

  const drawPanels = () => {
    const digit = now(), at = here(), map = state.view === "picture";
    const kinds = [...digit.asked, "ones"];
    if (kinds.join() !== panels.map((panel) => panel.kind).join()) {  // the buttons stay, and with them the focus
      panels = kinds.map((kind) => ({ kind, ...glPanelButton(kind, () => { state.q = kind; draw(); }) }));
      grid.replaceChildren(...panels.map((panel) => panel.node));
    }
    const drawn = panels.map(({ kind }, j) => {
      const u = kind === "ones" ? ones(at) : glRowsOf(at, kind);
      const values = map ? (kind === "ones" ? at.ones(losses.indexOf(state.loss)) : at.map(j)) : null;
      return { u, values, top: map ? glTopOf(values) : glTopOf(u) * glTopOf(at.h) };
    });
    const shared = Math.max(...drawn.slice(0, -1).map((each) => each.top));
    panels.forEach((panel, j) => {
      const { u, values, top } = drawn[j], isOnes = panel.kind === "ones";
      // the label of all ones has another loss: always to its own scale
      const scale = state.each || isOnes ? top : shared;
      if (map) {
        glPaintSigned(panel.canvas, at, values, scale);
      } else {
        glPaintRows(panel.canvas, u, at.h, digit.asked, scale);
      }
      const place = (c) => (digit.asked.indexOf(c) + 0.5) / digit.asked.length;
      const tags = map || isOnes
        ? []
        : [
          { tag: "P", part: place(at.said) }, { tag: "Q", part: place(panel.kind) },
        ].filter(({ tag, part }) => part > 0 && !(tag === "P" && panel.kind === at.said));
      const text = isOnes
        ? "all ones"
        : panel.kind === at.said ? `rather than ${labels[at.said]} itself` : `rather than ${labels[panel.kind]}`;
      panel.node.dataset.own = String(panel.kind === at.said);
      panel.draw({
        text, u, size: glLength(u) * glLength(at.h), tags, pressed: panel.kind === state.q,
        label: `${text}: ${glFixed(glEffective(u), 2)} effective rows, length ${glShort(glLength(u) * glLength(at.h))}`,
      });
      panel.node.tabIndex = panel.kind === state.q ? 0 : -1;
    });
    grid.dataset.view = state.view;
    low.textContent = map ? "speaks for Q" : "weights rise";
    high.textContent = map ? "speaks against Q" : "weights fall";
    hint.textContent = map
      ? "The same gradient pulled back to the picture: Σ p_c L^c − L^Q, where L^c is the Grad-CAM map of class c."
      : "One line per class, one column per unit of h: the gradient (p − e_Q) hᵀ by the last layer’s weights, if Q " +
        "were the label. A step down the loss raises the blue weights and lowers the orange ones. For Q = P hardly " +
        "any would have to change: the dashed panel is nearly empty while the network is sure.";
  };
  const drawDetail = () => {
    const digit = now(), at = here(), u = chosenRows(at), isOnes = state.q === "ones";
    const name = isOnes
      ? "The label of all ones"
      : state.q === at.said
        ? `Why not ${labels[at.said]} with certainty?`
        : `Why ${labels[at.said]}, rather than ${labels[state.q]}?`;
    detailTitle.textContent = name;
    detailHint.textContent = `${glFixed(glEffective(u), 2)} effective rows, (Σ r²)² / Σ r⁴ of the rows’ lengths r: 2 ` +
      `for two rows as long as each other. ${glHeldRows(u)} of ${u.length} rows hold 99 % of the squared length.` +
      (isOnes ? " A one-hot contrast of a sure network has two rows; this label asks all classes at once." : "");
    outer.draw(`${name} ${digit.asked.map((c) => `${labels[c]} ${glFixed(u[c], 3)}`).join(", ")}`);
    const kept = sparsity(digit)[state.level], of = state.mean ? `mean of ${digits.length} pictures` : digit.name;
    const rowsAt = sparsity(digit).map(({ effective, held }, k) =>
      `${noise[k]}: ${glFixed(effective, 2)} effective, ${glFixed(held, 1)} hold 99 %`);
    rowsChart.draw(`Rows of a panel over the noise, ${of}: ${rowsAt.join("; ")}`);
    sureChart.draw(`Probability of what it says over the noise, ${of}`);
    cosines.draw(`Cosines between the panels; between two that are not of its own answer ${glFixed(kept.cosine, 2)} ` +
      "on average");
    cosineHint.textContent = `Mean between two others: ${glFixed(kept.cosine, 2)}. With a sure network it is 0.5, ` +
      "not 0: they share the row of P. Only −grad z_Q differs from panel to panel.";
  };
  const draw = () => {
    const digit = now(), at = here();
    if (state.q !== "ones" && !digit.asked.includes(state.q)) {
      state.q = digit.asked.reduce((best, c) => (c !== at.said && (best === null || at.p[c] > at.p[best]) ? c : best),
        null) ?? digit.asked[0];
    }
    photo.width = at.photo.width;
    photo.height = at.photo.height;
    photo.getContext("2d").drawImage(at.photo, 0, 0);
    photo.setAttribute("aria-label", `What the network sees: ${digit.name}, noise ${noise[state.level]}`);
    const order = [...digit.asked].sort((a, b) => at.p[b] - at.p[a]).slice(0, 5);
    bars.replaceChildren(...order.map((c) =>
      glBar(labels[c], at.p[c], null, glProbability(at.p[c]),
        { "data-class": c, "data-role": c === at.said ? "p" : c === state.q ? "q" : "other" })));
    const truth = digit.truth === null ? "" : digit.truth === at.said ? " ✓" : ` ✗ (it is ${labels[digit.truth]})`;
    heading.textContent = `Why ${labels[at.said]}${truth}, rather than ` +
      `${digit.asked.length < labels.length ? "the likeliest others" : `${labels[0]} … ${labels[labels.length - 1]}`}?`;
    gallery.querySelectorAll("button").forEach((button, i) => {
      button.setAttribute("aria-pressed", String(i === state.digit));
      button.tabIndex = i === Math.max(0, state.digit) ? 0 : -1;
    });
    drawPanels();
    drawDetail();
    readout.say(glSparsityText(digit, at, labels, noise[state.level], sparsity(digit)[state.level]));
  };

  const pick = (i) => { state.digit = i; error.textContent = ""; draw(); };
  const gallery = glNode("div", { class: "gl-gallery", role: "group", "aria-label": "Pictures to choose from" },
    digits.map((digit, i) => {
      const name = { "aria-label": digit.name, title: digit.name };
      return glNode("button", { type: "button", "data-digit": i, ...name, onclick: () => pick(i) },
        glPhotoTile(digit.levels[0].photo));
    }));
  glRove(gallery);

  const settle = () => { clearTimeout(timer); timer = null; status.textContent = ""; };
  const send = async (canvas) => {
    const mine = ++asked;
    error.textContent = "";
    status.textContent = "asking the network ...";
    clearTimeout(timer);
    timer = setTimeout(() => {
      settle();
      error.textContent = "The kernel does not answer: is it running?";
    }, GL_INK_PATIENCE);
    const blob = await new Promise((done) => { canvas.toBlob(done, "image/png"); });
    const bytes = new Uint8Array(await blob.arrayBuffer());
    if (gone || mine !== asked) return;  // a later stroke is on its way
    try { glSend(model, { kind: "picture", name: "your drawing", upload: glPacked(bytes, "uint8") }); }
    catch { settle(); error.textContent = "The kernel cannot be reached."; }
  };
  const ink = glInk(send, () => { asked += 1; settle(); error.textContent = ""; if (state.digit < 0) pick(0); });
  if (!alive) ink.disable();
  const arrived = () => {
    const answer = model.get("answer");
    if (!answer.serial || answer.serial <= answered) return;
    answered = answer.serial;
    if (!ink.drawn && alive) return;  // cleared in the meantime
    settle();
    [state.drawn] = glDecodePanels(answer);
    pick(-1);
  };
  const failed = () => { if (model.get("error")) { settle(); error.textContent = model.get("error"); } };
  const busy = () => { if (model.get("busy")) status.textContent = model.get("busy"); };

  const slider = glRange({
    name: "noise", label: "noise", low: 0, high: noise.length - 1, step: 1, value: 0,
    text: (k) => glFixed(noise[k], 1), change: (k) => { state.level = k; draw(); },
  });
  const views = glSelect("view", "show", ["rows", "picture"], state.view, (value) => { state.view = value; draw(); });
  const check = (name, text, change) => {
    const box = glNode("input",
      { type: "checkbox", "data-control": name, onchange: () => { change(box.checked); draw(); } });
    return glNode("label", { class: "gl-control" }, box, glNode("span", {}, text));
  };
  const loss = glNode("select", {
    "data-control": "loss", "aria-label": "loss of the label of all ones", onchange: () => {
      state.loss = loss.value;
      draw();
    },
  },
    losses.map((each) => glNode("option", { value: each }, GL_LOSSES[each])));
  const key = (kind, text) =>
    glNode("span", {}, glSvg("svg", { width: 26, height: 10, "aria-hidden": "true" },
      glLine([[0, 5], [26, 5]], { class: kind })), ` ${text}`);
  const root = glNode("div", {
    class: "gl-root gl-introspect", role: "region", lang: "en",
    "aria-label": "Why P, rather than every other class: introspective panels",
  },
    glNode("div", { class: "gl-main" },
      glNode("div", { class: "gl-side" },
        glNode("section", { class: "gl-source" }, glNode("h3", { class: "gl-title" }, "Pick a picture"), gallery,
          model.get("draws") ? [glNode("h3", { class: "gl-title" }, "or draw a digit"), ink.node] : null, status,
          error),
        glNode("section", { class: "gl-says" }, glNode("h3", { class: "gl-title" }, "What the network sees and says"),
          photo, bars)),
      glNode("div", { class: "gl-asking" }, heading,
        glNode("div", { class: "gl-controls gl-first" }, slider.node, views,
          check("each", "each panel to its own scale", (on) => { state.each = on; })),
        grid,
        glNode("div", { class: "gl-legend" }, low, strip, high),
        hint,
        glNode("label", { class: "gl-control gl-ones" }, glNode("span", {}, "all ones, loss:"), loss),
        readout.node)),
    glNode("div", { class: "gl-columns gl-detail" },
      glNode("section", {}, detailTitle, outer.node, detailHint),
      glNode("section", {}, glNode("h3", { class: "gl-title" }, "How many rows, as noise rises"),
        check("mean", `mean of the ${digits.length} pictures`, (on) => { state.mean = on; }),
        rowsChart.node,
        glNode("p", { class: "gl-hint gl-key" }, key("gl-line-rows", "effective rows"),
          key("gl-line-held", "rows that hold 99 %"), key("gl-line-ones", "effective rows, all ones")),
        glNode("p", { class: "gl-hint" },
          `Means over the panels but that of its own answer, of ${labels.length} rows. A contrast never has more ` +
          "than 2 effective rows, whatever p is: row Q holds half of the squared length or more. What grows with " +
          "doubt is how many rows share the rest."),
        sureChart.node, glNode("p", { class: "gl-hint gl-key" }, key("gl-line-sure", "p of what it says"), "✗ wrong")),
      glNode("section", {}, glNode("h3", { class: "gl-title" }, "Cosine between two panels"), cosines.node,
        cosineHint)));
  glKeepKeys(root);
  el.append(root);
  draw();

  const listening = [["change:answer", arrived], ["change:busy", busy], ["change:error", failed]];
  for (const [event, act] of listening) model.on(event, act);
  return () => {
    gone = true;
    clearTimeout(timer);
    for (const [event, act] of listening) model.off(event, act);
    for (const chart of [outer, rowsChart, sureChart, cosines]) chart.stop();
    readout.stop();
    root.remove();
  };
}

export default { render };
