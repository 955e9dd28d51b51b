// Two histograms of a score, a threshold under the hand, the ROC curve, and the pictures on the wrong side.

import { glBar } from "../lib/bars.js";
import { glButtons, glChart, glFillTable, glFixed, glNumber } from "../lib/chart.js";
import { glStrip } from "../lib/colour.js";
import { glButton, glKeepKeys, glLeave, glNode, glReadout, glRove } from "../lib/dom.js";
import { glClamp, glProbability } from "../lib/numbers.js";
import {
  GL_HIST, GL_ROC, glDetectionError, glHistX, glPassing, glPlaces, glRoc, glRocChart, glTwoHistograms,
} from "../lib/roc.js";
import { glPaintSigned, glPhotoTile, glPhotos, glTopOf } from "../lib/signed.js";
import { glPart, glUnpacked } from "../lib/wire.js";

const GL_MISTAKES = 24;  // of each kind that are shown at once

function render({ model, el }) {
  const start = model.get("start"), { labels, groups } = start, known = start.inside;
  const scores = start.scores.map((each) =>
    ({ ...each, values: glUnpacked(each.values).values, places: glPlaces(each.odds) }));
  const firsts = groups.map((_, k) => groups.slice(0, k).reduce((sum, each) => sum + each.count, known));
  const photo = glPhotos(start.tiles), maps = start.maps && glUnpacked(start.maps), p = glUnpacked(start.p).values;
  const { values: classes, shape: [, top] } = glUnpacked(start.classes);
  const [, rows, columns] = maps ? maps.shape : [0, 1, 1];
  const state = { score: 0, group: 0, t: 0, picture: -1, map: true };
  const sets = (score, group) => ({
    inside: scores[score].values.subarray(0, known),
    outside: scores[score].values.subarray(firsts[group], firsts[group] + groups[group].count),
  });
  const curves = new Map();
  const curve = (score, group) => {
    const key = `${score} ${group}`;
    if (!curves.has(key)) { const { inside, outside } = sets(score, group); curves.set(key, glRoc(inside, outside)); }
    return curves.get(key);
  };
  const placed = () => {
    const { inside, outside } = sets(state.score, state.group), { of } = scores[state.score].places;
    const found = { inside: Array.from(inside, of), outside: Array.from(outside, of) };
    const every = [...found.inside, ...found.outside];
    const low = Math.min(...every), top = Math.max(...every), room = (top - low || 1) * 0.01;
    return { ...found, range: [low - room, top + room] };
  };
  // a probability near 1 by what it lacks, which is what differs
  const told = (value) =>
    (scores[state.score].odds && value < 1 && value > 0.999
      ? `1 − ${(1 - value).toExponential(1).replace("-", "−")}`
      : glNumber(value));
  let seen = null;  // what the histograms show, until the score or the set changes

  const readout = glReadout();
  const h3 = () => glNode("h3", { class: "gl-title" });
  const title = h3(), pictureTitle = h3(), rocTitle = h3();
  const chart = glChart("histograms", GL_HIST.height,
    (width) =>
      glTwoHistograms(width, {
        ...seen, t: scores[state.score].places.of(state.t), group: groups[state.group].name,
        name: scores[state.score].name, odds: scores[state.score].odds,
      }));
  const hand = glNode("div", {
    class: "gl-bins", role: "slider", tabindex: 0, "aria-label": "Threshold of the score", "data-control": "threshold",
  }, chart.node);
  const rocChart = glChart("roc", GL_ROC.height, (width) => glRocChart(width, curve(state.score, state.group), now()));
  const figures = glNode("table", { class: "gl-table", "data-table": "threshold" });
  const table = glNode("table", { class: "gl-table", "data-table": "scores" });
  const now = () => {
    const { inside, outside } = sets(state.score, state.group);
    return glPassing(inside, outside, state.t);
  };

  const kinds = ["through", "refused"].map((kind) => {
    const node = glNode("div", { class: "gl-tiles", role: "group", "data-mistakes": kind });
    glRove(node);
    return { kind, node, title: h3(), hint: glNode("p", { class: "gl-hint" }) };
  });
  const big = glNode("canvas", { class: "gl-photo", role: "img" }), bars = glNode("ul", { class: "gl-bars" });
  const mapHint = glNode("p", { class: "gl-hint" });
  const strip = glNode("canvas", { class: "gl-strip", "aria-hidden": "true" });
  glStrip(strip, "blue-orange");
  const map = glNode("input", { type: "checkbox", checked: true, "data-control": "map", onchange: () => {
    state.map = map.checked;
    drawPicture();
  } });
  const detail = glNode("section", { class: "gl-detail" }, pictureTitle, glNode("div", { class: "gl-pair" }, big, bars),
    maps
      ? glNode("div", { class: "gl-legend" }, glNode("span", {}, "for Q"), strip,
        glNode("span", {}, "for P, against Q"))
      : null, mapHint,
    maps ? glNode("label", { class: "gl-control" }, map, glNode("span", {}, "show the contrast map")) : null);

  const drawPicture = () => {
    const j = state.picture;
    detail.hidden = j < 0;
    if (j < 0) return;
    const i = start.shown[j];
    const mine = Array.from({ length: top }, (_, k) => ({ c: classes[j * top + k], p: p[j * top + k] }));
    const [P, Q] = mine;
    const field = maps ? glPart(maps, j) : [0];
    pictureTitle.textContent = `Why ${labels[P.c]} (${glProbability(P.p)}), rather than ${labels[Q.c]} ` +
      `(${glProbability(Q.p)})?`;
    glPaintSigned(big, { photo: photo(j), rows, columns }, field, maps && state.map ? glTopOf(field) : 0);
    const group = i < known ? "in-distribution" : groups[state.group].name;
    big.setAttribute("aria-label", `${group}; the network says ${labels[P.c]}`);
    bars.replaceChildren(...mine.map((each, k) =>
      glBar(labels[each.c], each.p, null, glProbability(each.p),
        { "data-class": each.c, "data-role": ["p", "q"][k] || "other" })));
    const score = scores[state.score];
    mapHint.textContent = `${i < known ? "In-distribution, but refused" : `Of ${group}, but let through`}: ` +
      `${score.name} ${told(score.values[i])}, threshold ${told(state.t)}. ` +
      (maps
        ? "Contrast map Σ p_c L^c − L^Q, to its own largest value."
        : "No contrast map: this network has no spatial layer.");
  };

  // All mistakes of a kind, the gravest first; j: where the picture is, or −1.
  const mistakes = (kind) => {
    const { values } = scores[state.score], first = kind === "through" ? firsts[state.group] : 0;
    const count = kind === "through" ? groups[state.group].count : known;
    const wrong = Array.from({ length: count }, (_, k) => first + k)
      .filter((i) => (values[i] >= state.t) === (kind === "through"));
    return { count, wrong: wrong.sort((a, b) => (kind === "through" ? values[b] - values[a] : values[a] - values[b])) };
  };
  const where = new Map(start.shown.map((i, j) => [i, j]));
  const drawMistakes = () => {
    const found = kinds.map(({ kind }) => mistakes(kind));
    const lists = found.map(({ wrong }) => wrong.filter((i) => where.has(i)).slice(0, GL_MISTAKES));
    const here = lists.flat().map((i) => where.get(i));
    if (!here.includes(state.picture)) state.picture = here.length ? here[0] : -1;
    kinds.forEach(({ kind, node, title: heading, hint }, k) => {
      const { count, wrong } = found[k], name = kind === "through" ? groups[state.group].name : "in-distribution";
      heading.textContent = kind === "through"
        ? `Let through: ${wrong.length} of ${count}, ${name}`
        : `Refused: ${wrong.length} of ${count}, ${name}`;
      node.setAttribute("aria-label", `${heading.textContent}: press one to see it at length`);
      hint.textContent = !wrong.length
        ? "None at this threshold."
        : lists[k].length < wrong.length
          ? `${lists[k].length} of them are here, the gravest first.`
          : "The gravest come first.";
      const focused = node.contains(document.activeElement);
      node.replaceChildren(...lists[k].map((i, nth) => {
        const j = where.get(i), said = labels[classes[j * top]], chosen = j === state.picture;
        const first = nth === 0 && !lists[k].some((each) => where.get(each) === state.picture);
        return glNode("button", {
          type: "button", "data-picture": i, tabindex: chosen || first ? 0 : -1, "aria-pressed": String(chosen),
          "aria-label": `says ${said} with ${glProbability(p[j * top])}; score ${told(scores[state.score].values[i])}`,
          onclick: () => { state.picture = j; drawMistakes(); },
        }, glPhotoTile(photo(j)), glNode("span", { class: "gl-tile-text" }, `says ${said}`));
      }));
      if (focused) node.querySelector('[aria-pressed="true"], [tabindex="0"]')?.focus();
    });
    drawPicture();
  };

  const draw = () => {
    const score = scores[state.score], group = groups[state.group], roc = curve(state.score, state.group), at = now();
    const error = glDetectionError(at);
    title.textContent = `${score.name}: ${known} pictures in-distribution, ${group.count} of ${group.name}`;
    rocTitle.textContent = `ROC of ${score.name} against ${group.name}`;
    hand.setAttribute("aria-valuemin", score.places.back(seen.range[0]));
    hand.setAttribute("aria-valuemax", score.places.back(seen.range[1]));
    hand.setAttribute("aria-valuenow", state.t);
    hand.setAttribute("aria-valuetext", `${told(state.t)}: TPR ${glFixed(at.tpr, 3)}, FPR ${glFixed(at.fpr, 3)}`);
    glFillTable(figures, ["threshold", "TPR", "FPR", "detection error"], [
      [`now: ${told(state.t)}`, at.tpr, at.fpr, error],
      [`TPR 95 %: ${told(roc.at95.t)}`, roc.at95.tpr, roc.at95.fpr, glDetectionError(roc.at95)],
      [
        `least error: ${roc.best.t === Infinity ? "none passes" : told(roc.best.t)}`, roc.best.tpr, roc.best.fpr,
        glDetectionError(roc.best),
      ],
    ].map(([name, ...each]) => [name, ...each.map((value) => glFixed(value, 3))]));
    glFillTable(table, ["score", "AUROC", "FPR at 95 % TPR", "least detection error"], scores.map((each, k) => {
      const { area, at95, best } = curve(k, state.group);
      return [each.name, area, at95.fpr, glDetectionError(best)].map((value) =>
        (typeof value === "string" ? value : glFixed(value, 3)));
    }));
    [...table.querySelectorAll("tbody tr")].forEach((each, k) => { each.dataset.active = String(k === state.score); });
    for (const [row, k] of [[choice, state.score], [against, state.group]]) {
      row.querySelectorAll("button").forEach((button, i) => {
        button.setAttribute("aria-pressed", String(i === k));
        button.tabIndex = i === k ? 0 : -1;
      });
    }
    chart.draw(`Histograms of ${score.name}: in-distribution above, ${group.name} below; threshold ${told(state.t)}`);
    rocChart.draw(`ROC curve, AUROC ${glFixed(roc.area, 3)}; now TPR ${glFixed(at.tpr, 3)} and FPR ` +
      `${glFixed(at.fpr, 3)}`);
    drawMistakes();
    const worth = roc.area < 0.5
      ? " Below 0.5: on the whole it is the others that score higher, so here the score is worse than chance."
      : "";
    readout.say(`What has ${score.name} ≥ ${told(state.t)} passes: ${glFixed(at.tpr, 3)} of the in-distribution ` +
      `pictures (TPR) and ${glFixed(at.fpr, 3)} of ${group.name} (FPR). Detection error ${glFixed(error, 3)}, at ` +
      `best ${glFixed(glDetectionError(roc.best), 3)}. AUROC ${glFixed(roc.area, 3)}, FPR at 95 % TPR ` +
      `${glFixed(roc.at95.fpr, 3)}.${worth}`);
  };
  const at95 = () => { state.t = curve(state.score, state.group).at95.t; draw(); };
  const least = () => {
    const { best, points } = curve(state.score, state.group), { places } = scores[state.score];
    state.t = best.t === Infinity
      ? places.back(places.of(points[1].t) + (seen.range[1] - places.of(points[1].t)) / 2)
      : best.t;
    draw();
  };
  const pick = (next) => { Object.assign(state, next); seen = placed(); at95(); };

  const move = (place) => { state.t = scores[state.score].places.back(glClamp(place, ...seen.range)); draw(); };
  let held = false;
  const pull = (event) => {
    const box = chart.node.getBoundingClientRect();
    move(glHistX(box.width, seen.range).back(event.clientX - box.left));
  };
  hand.addEventListener("pointerdown", (event) => {
    if (event.button === 0) { held = true; hand.setPointerCapture(event.pointerId); pull(event); }
  });
  hand.addEventListener("pointermove", (event) => { if (held) pull(event); });
  for (const kind of ["pointerup", "pointercancel"]) hand.addEventListener(kind, () => { held = false; });
  hand.addEventListener("keydown", (event) => {
    const at = scores[state.score].places.of(state.t), step = (seen.range[1] - seen.range[0]) / 100;
    const to = {
      ArrowRight: at + step, ArrowUp: at + step, ArrowLeft: at - step, ArrowDown: at - step,
      PageUp: at + 10 * step, PageDown: at - 10 * step, Home: seen.range[0], End: seen.range[1],
    }[event.key];
    if (event.key === "Escape") glLeave(hand);
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  });

  const choice = glButtons("score", Object.fromEntries(scores.map((each, k) => [`score-${k}`, each.name])),
    (key) => pick({ score: Number(key.slice(6)) }));
  const against = glButtons("against", Object.fromEntries(groups.map((each, k) => [`group-${k}`, each.name])),
    (key) => pick({ group: Number(key.slice(6)) }));
  for (const row of [choice, against]) glRove(row);
  const root = glNode("div", {
    class: "gl-root gl-ood", role: "region", lang: "en",
    "aria-label": "Out-of-distribution detection: whom does a threshold let through?",
  },
    glNode("div", { class: "gl-figure" },
      glNode("div", { class: "gl-controls" }, choice, groups.length > 1 ? against : null),
      glNode("div", { class: "gl-columns gl-upper" },
        glNode("section", {}, title, hand,
          glNode("div", { class: "gl-presets" },
            glNode("span", { class: "gl-hint" }, "Drag the threshold, or use the arrow keys."),
            glButton("at95", "TPR 95 %", at95), glButton("least", "least error", least)), figures),
        glNode("section", {}, rocTitle, rocChart.node,
          glNode("p", { class: "gl-hint" }, "Dot: the threshold now. Ring: TPR 95 %. Dashed diagonal: chance."),
          table)),
      readout.node,
      glNode("div", { class: "gl-columns gl-lower" },
        ...kinds.map((each) => glNode("section", {}, each.title, each.hint, each.node)), detail),
      glNode("p", { class: "gl-hint" },
        `${start.shown.length} of the ${scores[0].values.length} pictures can be looked at: those that some score ` +
        "ranks worst.")));
  glKeepKeys(root);
  el.append(root);
  pick({});
  return () => {
    for (const each of [chart, rocChart]) each.stop();
    readout.stop();
    root.remove();
  };
}

export default { render };
