// One picture under twelve challenges: a slider for their level, what is said of each, and one of them at length.

import { glBar } from "../lib/bars.js";
import { glAxisX, glAxisY, glChart, glLine, glRange, glScale, glSvg, glText } from "../lib/chart.js";
import { glButton, glKeepKeys, glNode, glReadout, glRove, glSelect } from "../lib/dom.js";
import { glProbability } from "../lib/numbers.js";
import { glSource } from "../lib/source.js";
import { GL_LEVELS, glDecodeTiles, glOverLevels, glTile, glTileAt, glTileText } from "../lib/tiles.js";

const GL_BARS = 5;

// The chart of the pressed tile: p of the reference class, and the probability of whatever is said, over the levels.
function glLevelChart(width, height, lines, right, level) {
  const left = 38, foot = height - 40, x = glScale([0, GL_LEVELS], [left + 8, width - 12]);
  const y = glScale([0, 1], [foot, 12]);
  return [
    glAxisY(y, left, width, [0, 0.5, 1]),
    glAxisX(x, foot, [0, 1, 2, 3, 4, 5]),
    glText((left + width) / 2, height - 6, "level", { class: "gl-soft", "text-anchor": "middle" }),
    glSvg("line", { class: "gl-now", x1: x(level), x2: x(level), y1: 6, y2: foot }),
    glLine(lines.sure.map((value, each) => [x(each), y(value)]), { class: "gl-line-said" }),
    ...glOverLevels(lines.p, right, x, y, { class: "gl-line-p" }),
  ];
}

// A line as it is drawn, and what it stands for.
function glKey(kind, text) {
  return glNode("span", {},
    glSvg("svg", { width: 26, height: 10, "aria-hidden": "true" }, glLine([[0, 5], [26, 5]], { class: kind })),
    ` ${text}`);
}

function glMean(values) {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

function render({ model, el }) {
  const labels = model.get("labels"), alive = !model.gradlabSaved;
  const state = { level: model.get("answer").level, pressed: -1, maps: false, number: 0 };
  let a = null, tiles = [], gone = false;

  const readout = glReadout();
  const source = glSource(model);
  const strip = glNode("div", {
    class: "gl-challenge-tiles", role: "group",
    "aria-label": "The picture under each challenge: press one to see it at length",
  });
  glRove(strip);
  const title = glNode("h3", { class: "gl-title" }), bars = glNode("ul", { class: "gl-bars" });
  const note = glNode("p", { class: "gl-hint" }), heading = glNode("h3", { class: "gl-title" });
  const legend = glNode("p", { class: "gl-hint gl-key" });
  const slider = glRange({
    name: "level", label: "level of every challenge", low: 0, high: GL_LEVELS, step: 1, value: state.level,
    text: (value) => (value ? String(value) : "0 (none)"), change: (value) => { state.level = value; draw(); },
  });

  // the numbers of the pressed challenge over the levels; of the clean picture's tile, the mean of all challenges
  const over = () => Array.from({ length: GL_LEVELS + 1 }, (_, level) => {
    const ks = state.pressed < 0 ? a.challenges.map((_, k) => k) : [state.pressed];
    const found = ks.map((k) => a.tiles[glTileAt(k, level)]);
    return {
      p: glMean(found.map((tile) => tile.p[a.reference])), sure: glMean(found.map((tile) => tile.p[tile.said])),
      right: glMean(found.map((tile) => Number(tile.right))),
    };
  });
  const chart = glChart("levels", 190, (width) => {
    if (!a) return [];
    const found = over();
    const lines = { p: found.map((each) => each.p), sure: found.map((each) => each.sure) };
    return glLevelChart(width, 190, lines, found.map((each) => each.right >= 0.5), state.level);
  });
  const words = () => {
    const wrong = a.challenges.map((name, k) => ({ name, k }))
      .filter(({ k }) => !a.tiles[glTileAt(k, state.level)].right);
    if (!state.level) return `No challenge: ${glTileText(a, labels, -1, "clean", 0)}.`;
    const count = a.challenges.length, held = count - wrong.length;
    const verdict = a.known ? "are read rightly" : "leave the answer as it was";
    if (!wrong.length) return `Level ${state.level}: all ${count} ${verdict}.`;
    const surest = wrong.reduce((best, each) => (sure(each.k) > sure(best.k) ? each : best));
    return `Level ${state.level}: ${held} of ${count} ${verdict}. Surest of the others: ` +
      `${glTileText(a, labels, surest.k, surest.name, state.level)}.`;
  };
  const sure = (k) => { const { p, said } = a.tiles[glTileAt(k, state.level)]; return p[said]; };
  const drawDetail = () => {
    const { level, pressed } = state, name = pressed < 0 ? "clean" : a.challenges[pressed];
    const tile = a.tiles[glTileAt(pressed, level)];
    const order = Array.from(tile.p.keys()).sort((x, y) => tile.p[y] - tile.p[x]).slice(0, GL_BARS);
    if (!order.includes(a.reference)) order[order.length - 1] = a.reference;
    title.textContent = pressed < 0 ? "The twelve together" : name;
    bars.replaceChildren(...order.map((c) => glBar(labels[c], tile.p[c], null, glProbability(tile.p[c]),
      { "data-class": c, "data-role": c === a.reference ? "p" : c === tile.said ? "q" : "other" })));
    bars.setAttribute("aria-label", glTileText(a, labels, pressed, name, level));
    legend.replaceChildren(glKey("gl-line-p", `p of ${labels[a.reference]}`),
      glKey("gl-line-said", "p of what it says"),
      glNode("span", {}, `✗ ${pressed < 0 ? "mostly " : ""}${a.known ? "wrong" : "another answer"}`));
    const found = over(), spoken = found.map((each, i) => `level ${i}: ${glProbability(each.p)}`).join(", ");
    note.textContent = pressed < 0
      ? `Means over the challenges; at level ${level}, ${(100 * found[level].right).toFixed(0)} % ` +
        `${a.known ? "right" : "unchanged"}. The bars are the clean picture's.`
      : `The bars are those of level ${level}.`;
    chart.draw(`Probability of ${labels[a.reference]}, ${title.textContent}: ${spoken}`);
  };
  const draw = () => {
    if (!a) return;
    tiles.forEach((tile, i) => tile.draw(a, labels, state.level, state.maps, state.pressed === i - 1));
    heading.textContent = a.known
      ? `Truth: ${labels[a.reference]}`
      : `Clean: ${labels[a.reference]}. ✗ marks another answer, right or wrong`;
    drawDetail();
    readout.say(words());
  };

  const arrived = async () => {
    const answer = model.get("answer"), next = await glDecodeTiles(answer);
    if (gone || answer.serial !== model.get("answer").serial) return;
    a = next;
    if (!tiles.length) {  // the buttons stay, and with them the focus
      tiles = ["clean", ...a.challenges].map((name, i) => glTile(i - 1, name, () => {
        state.pressed = i - 1;
        draw();
      }));
      strip.append(...tiles.map((tile) => tile.node));
    }
    source.show(a);
    source.settle(model.get("error"));
    draw();
  };
  const busy = () => source.busy(model.get("busy"));
  const failed = () => { if (model.get("error") && a) { source.settle(model.get("error")); source.show(a); } };

  const which = glSelect("sign", "sign", labels, labels[model.get("answer").label ?? 0], () => {
    state.number = -1;
    another();
  });
  const another = () => {
    const name = which.querySelector("select").value;
    source.ask({ kind: "sign", label: labels.indexOf(name), number: ++state.number, name: `another sign: ${name}` });
  };
  const again = glButton("another", "another one", another);
  which.querySelector("select").disabled = again.disabled = !alive;
  const maps = glNode("input",
    { type: "checkbox", "data-control": "maps", onchange: () => { state.maps = maps.checked; draw(); } });
  const root = glNode("div", {
    class: "gl-root gl-challenges", role: "region", lang: "en", "aria-label": "The picture under twelve challenges",
  },
    glNode("div", { class: "gl-main" },
      glNode("div", { class: "gl-side" }, source.node,
        model.get("draws") ? glNode("div", { class: "gl-row gl-signs" }, which, again) : null),
      glNode("div", { class: "gl-asking" }, heading,
        glNode("div", { class: "gl-controls gl-first" }, slider.node,
          glNode("label", { class: "gl-control" }, maps,
            glNode("span", {}, "show where it finds what it says (Grad-CAM, each map to its own maximum)"))),
        strip, readout.node,
        glNode("section", { class: "gl-detail" }, glNode("div", {}, title, bars, note),
          glNode("div", {}, legend, chart.node)))));
  glKeepKeys(root);
  el.append(root);

  const listening = [["change:answer", arrived], ["change:busy", busy], ["change:error", failed]];
  for (const [event, act] of listening) model.on(event, act);
  arrived();
  busy();
  return () => {
    gone = true;
    for (const [event, act] of listening) model.off(event, act);
    readout.stop();
    source.stop();
    chart.stop();
    root.remove();
  };
}

export default { render };
