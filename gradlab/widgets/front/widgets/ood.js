// Two histograms of a score, a threshold under the hand, the ROC curve, and the pictures on the wrong side.

import { glPhotos } from "../lib/answer.js";
import { glBar } from "../lib/bars.js";
import { glChart, glFillTable } from "../lib/chart.js";
import { GlChoices } from "../lib/choices.js";
import { glPhotoTile } from "../lib/colour.js";
import { GlDetail } from "../lib/detail.js";
import { el, glButton, glButtons, glHint, glPress, glReadout, glRender, glRove, glTitle } from "../lib/dom.js";
import { glDrag, glSliderKeys, glWhere } from "../lib/drag.js";
import { glClamp, glFixed, glKept, glNumber, glProbability, glSum } from "../lib/numbers.js";
import { glDetectionError, glPassing, glPlaces, glRoc } from "../lib/roc.js";
import { GL_HIST, GL_ROC, glHistX, glRocChart, glTwoHistograms } from "../lib/roc_charts.js";
import { glUnpacked } from "../lib/wire.js";

const GL_MISTAKES = 24;  // of each kind that are shown at once
const GL_WORSE = " Below 0.5: on the whole it is the others that score higher, so here the score is worse than chance.";

class GlOod {
  /** @type {Chart} */ chart; /** @type {Chart} */ rocChart; /** @type {HTMLElement} */ hand;
  /** @type {HTMLElement} */ choice; /** @type {HTMLElement} */ against; /** @type {HTMLElement} */ node;
  /** @type {string[]} */ labels; /** @type {{ name: string, count: number }[]} */ groups; /** @type {number} */ known;
  /** @type {number} */ top; /** @type {number[]} */ shown; /** @type {(i: number) => HTMLCanvasElement} */ photo;
  /** @type {Numbers} */ classes; /** @type {HTMLElement} */ title; /** @type {HTMLElement} */ rocTitle;
  /** @type {{ inside: number[], outside: number[], range: Point }} */ seen;

  /** @param {Model} model */
  constructor(model) {
    const start = model.get("start"), { labels, groups, inside: known, shown } = start;
    Object.assign(this, { labels, groups, known, shown, photo: glPhotos(start.tiles) });
    this.scores = start.scores.map((each) =>
      ({ ...each, values: glUnpacked(each.values).values, places: glPlaces(each.odds) }));
    this.firsts = groups.map((_, k) => known + glSum(groups.slice(0, k), (each) => each.count));
    this.maps = start.maps && glUnpacked(start.maps);
    this.p = glUnpacked(start.p).values;
    ({ values: this.classes, shape: [, this.top] } = glUnpacked(start.classes));
    this.where = new Map(shown.map((i, j) => [i, j]));
    this.state = { score: 0, group: 0, t: 0, picture: -1 };
    const names = ["score", "against", "threshold", "picture", "map"];
    const chosen = (this.chosen = new GlChoices(model, names, () => this.changed()));
    this.hears = chosen.hears;
    this.curves = this.scores.map((_, score) => glKept((group) => glRoc(...this.sets(score, group))));
    this.readout = glReadout();
    [this.title, this.rocTitle] = [glTitle(), glTitle()];
    this.charts();
    this.figures = el("table.gl-table", { "data-table": "threshold" });
    this.table = el("table.gl-table", { "data-table": "scores" });
    this.kinds = ["through", "refused"].map((kind) => ({
      kind, title: glTitle(), hint: glHint(),
      node: glRove(el("div.gl-tiles", { role: "group", "data-mistakes": kind })),
    }));
    this.detail = new GlDetail("gl-detail", Boolean(this.maps), chosen);
    this.node = this.layout();
    this.stops = [this.chart, this.rocChart, this.readout, chosen];
  }

  begin() { this.changed(); }

  changed() {
    const { state } = this, { score, against, threshold, picture } = this.chosen.all();
    const at = (all, name) => Math.max(0, all.findIndex((each) => each.name === name));
    const before = this.seen && `${state.score} ${state.group}`;
    Object.assign(state, { score: at(this.scores, score), group: at(this.groups, against) });
    if (before !== `${state.score} ${state.group}`) this.seen = this.placed();
    state.t = threshold ?? this.roc.at95.t;
    state.picture = this.where.get(picture) ?? -1;
    this.draw();
  }

  get score() { return this.scores[this.state.score]; }

  get group() { return this.groups[this.state.group]; }

  get roc() { return this.curves[this.state.score](this.state.group); }

  get now() { return glPassing(...this.sets(this.state.score, this.state.group), this.state.t); }

  // Scores in-distribution, and of one of the other sets.
  /** @param {number} score @param {number} group @returns {[Float64Array, Float64Array]} */
  sets(score, group) {
    const { values } = this.scores[score], first = this.firsts[group];
    return [values.subarray(0, this.known), values.subarray(first, first + this.groups[group].count)];
  }

  charts() {
    this.chart = glChart("histograms", GL_HIST.height, (width) => glTwoHistograms(width, {
      ...this.seen, t: this.score.places.of(this.state.t), group: this.group.name, name: this.score.name,
      odds: this.score.odds,
    }));
    this.rocChart = glChart("roc", GL_ROC.height, (width) => glRocChart(width, this.roc, this.now));
    this.hand = el("div.gl-bins",
      { role: "slider", tabindex: 0, "aria-label": "Threshold of the score", "data-control": "threshold" },
      this.chart.node);
    const pull = (event) => {
      const { width } = this.chart.node.getBoundingClientRect(), { x } = glWhere(this.chart.node, event);
      this.move(glHistX(width, this.seen.range).back(x * width));
    };
    glDrag(this.hand, { down: pull, move: pull });
    glSliderKeys(this.hand, () => {
      const [low, high] = this.seen.range;
      return { at: this.score.places.of(this.state.t), step: (high - low) / 100, low, high };
    }, (place) => this.move(place));
  }

  layout() {
    const { groups, kinds, scores, shown } = this, row = (label, all, choose) =>
      glRove(glButtons(label, all.map((each, k) => [`${label === "score" ? label : "group"}-${k}`, each.name]),
        (_, k) => choose(k)));
    this.choice = row("score", scores, (k) =>
      this.chosen.set({ score: scores[k].name, threshold: null }));
    this.against = row("against", groups, (k) =>
      this.chosen.set({ against: groups[k].name, threshold: null }));
    return el("div.gl-figure",
      el("div.gl-controls", this.choice, groups.length > 1 ? this.against : null,
        glButton("reset", "reset", () => this.chosen.reset())),
      el("div.gl-columns.gl-upper",
        el("section", this.title, this.hand,
          el("div.gl-presets", el("span.gl-hint", "Drag the threshold, or use the arrow keys."),
            glButton("at95", "TPR 95 %", () => this.set(null)), glButton("least", "least error", () => this.least())),
          this.figures),
        el("section", this.rocTitle, this.rocChart.node,
          glHint("Dot: the threshold now. Ring: TPR 95 %. Dashed diagonal: chance."), this.table)),
      this.readout.node,
      el("div.gl-columns.gl-lower", kinds.map((each) => el("section", each.title, each.hint, each.node)),
        this.detail.node),
      glHint(`${shown.length} of the ${scores[0].values.length} pictures can be looked at: those that some score ` +
        "ranks worst."));
  }

  // What the histograms show, until the score or the set changes.
  /** @returns {{ inside: number[], outside: number[], range: Point }} */
  placed() {
    const [inside, outside] = this.sets(this.state.score, this.state.group)
      .map((each) => Array.from(each, this.score.places.of));
    const every = [...inside, ...outside], low = Math.min(...every), high = Math.max(...every);
    const room = (high - low || 1) * 0.01;
    return { inside, outside, range: [low - room, high + room] };
  }

  // A probability near 1 by what it lacks, which is what differs.
  /** @param {number} value */
  told(value) {
    return this.score.odds && value < 1 && value > 0.999
      ? `1 − ${(1 - value).toExponential(1).replace("-", "−")}` : glNumber(value);
  }

  /** @param {number | null} threshold */
  set(threshold) { this.chosen.set({ threshold }); }

  /** @param {number} place */
  move(place) {
    this.set(this.score.places.back(glClamp(place, this.seen.range[0], this.seen.range[1])));
  }

  least() {
    const { best, points } = this.roc, { places } = this.score, first = places.of(points[1].t);
    this.set(best.t === Infinity ? places.back(first + (this.seen.range[1] - first) / 2) : best.t);
  }

  drawPicture() {
    const { classes, detail, group, known, labels, maps, p, score, state, top } = this, j = state.picture;
    detail.node.hidden = j < 0;
    if (j < 0) return;
    const i = this.shown[j];
    const mine = Array.from({ length: top }, (_, k) => ({ c: classes[j * top + k], p: p[j * top + k] }));
    const [P, Q] = mine;
    detail.ask(labels, P.c, Q.c, P.p, Q.p);
    detail.paint(this.photo(j), maps, j,
      `${i < known ? "in-distribution" : group.name}; the network says ${labels[P.c]}`);
    detail.bars.replaceChildren(...mine.map((each, k) => glBar(labels[each.c], each.p, null, glProbability(each.p),
      { "data-class": each.c, "data-role": ["p", "q"][k] || "other" })));
    const map = maps ? "Contrast map Σ p_c L^c − L^Q, to its own largest value."
      : "No contrast map: this network has no spatial layer.";
    detail.hint.textContent = `${i < known ? "In-distribution, but refused" : `Of ${group.name}, but let through`}: ` +
      `${score.name} ${this.told(score.values[i])}, threshold ${this.told(state.t)}. ${map}`;
  }

  // All mistakes of a kind, the gravest first, and those of them whose pictures are here.
  /** @param {string} kind */
  mistakes(kind) {
    const { values } = this.score, { t } = this.state, through = kind === "through";
    const first = through ? this.firsts[this.state.group] : 0, count = through ? this.group.count : this.known;
    const wrong = Array.from({ length: count }, (_, k) => first + k).filter((i) => (values[i] >= t) === through)
      .sort((a, b) => (through ? values[b] - values[a] : values[a] - values[b]));
    return { count, wrong, here: wrong.filter((i) => this.where.has(i)).slice(0, GL_MISTAKES) };
  }

  /** @param {number} i @param {boolean} entry */
  tile(i, entry) {
    const { classes, labels, p, state, top } = this, j = this.where.get(i), said = labels[classes[j * top]];
    const told = this.told(this.score.values[i]);
    return el("button", {
      type: "button", "data-picture": i, tabindex: entry ? 0 : -1, "aria-pressed": String(j === state.picture),
      "aria-label": `says ${said} with ${glProbability(p[j * top])}; score ${told}`,
      onclick: () => this.chosen.set({ picture: i }),
    }, glPhotoTile(this.photo(j)), el("span.gl-tile-text", `says ${said}`));
  }

  drawMistakes() {
    const { state } = this, found = this.kinds.map(({ kind }) => this.mistakes(kind));
    const all = found.flatMap(({ here }) => here.map((i) => this.where.get(i)));
    if (!all.includes(state.picture)) state.picture = all.length ? all[0] : -1;
    this.kinds.forEach(({ kind, node, title, hint }, k) => {
      const { count, wrong, here } = found[k], through = kind === "through";
      title.textContent = `${through ? "Let through" : "Refused"}: ${wrong.length} of ${count}, ` +
        `${through ? this.group.name : "in-distribution"}`;
      node.setAttribute("aria-label", `${title.textContent}: press one to see it at length`);
      hint.textContent = !wrong.length
        ? "None at this threshold."
        : here.length < wrong.length
          ? `${here.length} of them are here, the gravest first.` : "The gravest come first.";
      const focused = node.contains(document.activeElement);
      const entry = Math.max(0, here.findIndex((i) => this.where.get(i) === state.picture));
      node.replaceChildren(...here.map((i, nth) => this.tile(i, nth === entry)));
      if (focused) node.querySelectorAll("button")[entry]?.focus();
    });
    this.drawPicture();
  }

  /** @param {Passing} at @param {Roc} roc */
  drawTables(at, roc) {
    const row = (name, { tpr, fpr }) =>
      [name, ...[tpr, fpr, glDetectionError({ tpr, fpr })].map((value) => glFixed(value, 3))];
    glFillTable(this.figures, ["threshold", "TPR", "FPR", "detection error"], [
      row(`now: ${this.told(this.state.t)}`, at), row(`TPR 95 %: ${this.told(roc.at95.t)}`, roc.at95),
      row(`least error: ${roc.best.t === Infinity ? "none passes" : this.told(roc.best.t)}`, roc.best),
    ]);
    glFillTable(this.table, ["score", "AUROC", "FPR at 95 % TPR", "least detection error"],
      this.scores.map(({ name }, k) => {
        const { area, at95, best } = this.curves[k](this.state.group);
        return [name, ...[area, at95.fpr, glDetectionError(best)].map((value) => glFixed(value, 3))];
      }), this.state.score);
  }

  draw() {
    const { group, hand, known, now: at, roc, score, seen, state } = this, t = this.told(state.t);
    const [tpr, fpr, area] = [at.tpr, at.fpr, roc.area].map((value) => glFixed(value, 3));
    this.title.textContent = `${score.name}: ${known} pictures in-distribution, ${group.count} of ${group.name}`;
    this.rocTitle.textContent = `ROC of ${score.name} against ${group.name}`;
    hand.setAttribute("aria-valuemin", String(score.places.back(seen.range[0])));
    hand.setAttribute("aria-valuemax", String(score.places.back(seen.range[1])));
    hand.setAttribute("aria-valuenow", String(state.t));
    hand.setAttribute("aria-valuetext", `${t}: TPR ${tpr}, FPR ${fpr}`);
    this.drawTables(at, roc);
    glPress(this.choice, state.score);
    glPress(this.against, state.group);
    this.chart.draw(`Histograms of ${score.name}: in-distribution above, ${group.name} below; threshold ${t}`);
    this.rocChart.draw(`ROC curve, AUROC ${area}; now TPR ${tpr} and FPR ${fpr}`);
    this.drawMistakes();
    this.readout.say(`What has ${score.name} ≥ ${t} passes: ${tpr} of the in-distribution pictures (TPR) and ${fpr} ` +
      `of ${group.name} (FPR). Detection error ${glFixed(glDetectionError(at), 3)}, at best ` +
      `${glFixed(glDetectionError(roc.best), 3)}. AUROC ${area}, FPR at 95 % TPR ${glFixed(roc.at95.fpr, 3)}.` +
      `${roc.area < 0.5 ? GL_WORSE : ""}`);
  }
}
const render = glRender("ood", "Out-of-distribution detection: whom does a threshold let through?",
  (model) => new GlOod(model));

export default { render };
