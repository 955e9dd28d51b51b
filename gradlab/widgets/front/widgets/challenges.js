// One picture under twelve challenges: a slider for their level, what is said of each, and one of them at length.

import { glClassBars } from "../lib/bars.js";
import { glAxisName, glAxisX, glAxisY, glChart, glDown, glKey, glLine, glScale } from "../lib/chart.js";
import { GlChoices } from "../lib/choices.js";
import { el, glButton, glCheck, glHint, glRange, glRender, glRove, glSelect, glTitle } from "../lib/dom.js";
import { glMean, glProbability, glRanked } from "../lib/numbers.js";
import { GlPictureView } from "../lib/source.js";
import { GL_LEVELS, glDecodeTiles, glOverLevels, glTile, glTileAt, glTileText } from "../lib/tiles.js";

const GL_BARS = 5;

// The chart of the pressed tile: p of the reference class, and the probability of whatever is said, over the levels.
/**
 * @param {number} width @param {number} height @param {{ p: number, sure: number, right: number }[]} found
 * @param {number} level
 */
function glLevelChart(width, height, found, level) {
  const left = 38, foot = height - 40, x = glScale([0, GL_LEVELS], [left + 8, width - 12]);
  const y = glScale([0, 1], [foot, 12]);
  return [
    glAxisY(y, left, width, [0, 0.5, 1]), glAxisX(x, foot, [0, 1, 2, 3, 4, 5]),
    glAxisName((left + width) / 2, height - 6, "level"), glDown("gl-now", x(level), 6, foot),
    glLine(found.map(({ sure }, each) => [x(each), y(sure)]), { class: "gl-line-said" }),
    glOverLevels(found.map(({ p }) => p), found.map(({ right }) => right >= 0.5), x, y, { class: "gl-line-p" }),
  ];
}

class GlChallenges extends GlPictureView {
  /** @type {ReturnType<typeof glTile>[]} */ tiles;
  /** @type {Tiles} */ a; /** @type {boolean} */ gone; /** @type {HTMLElement} */ title;
  /** @type {HTMLElement} */ heading; /** @type {HTMLElement} */ note;
  /** @type {ReturnType<typeof glRange>} */ slider; /** @type {ReturnType<typeof glCheck>} */ maps;
  /** @type {ReturnType<typeof glSelect> | undefined} */ which;

  /** @param {Model} model */
  constructor(model) {
    super(model);
    Object.assign(this, { tiles: [], a: null, gone: false });
    this.state = { level: 0, pressed: -1, maps: false };
    this.chosen = new GlChoices(model, ["level", "maps", "challenge"], () => this.changed());
    Object.assign(this.hears, this.chosen.hears);
    this.strip = glRove(el("div.gl-challenge-tiles",
      { role: "group", "aria-label": "The picture under each challenge: press one to see it at length" }));
    [this.title, this.heading, this.note] = [glTitle(), glTitle(), glHint()];
    this.bars = el("ul.gl-bars");
    this.legend = el("p.gl-hint.gl-key");
    this.chart = glChart("levels", 190, (width) =>
      (this.a ? glLevelChart(width, 190, this.over(), this.state.level) : []));
    this.node = this.layout();
    this.stops.push(this, this.chart, this.chosen);
  }

  layout() {
    const { chosen } = this;
    this.slider = glRange({
      name: "level", label: "level of every challenge", low: 0, high: GL_LEVELS, step: 1, value: 0,
      text: (value) => (value ? String(value) : "0 (none)"), change: (level) => chosen.set({ level }),
    });
    this.maps = glCheck("maps", "show where it finds what it says (Grad-CAM, each map to its own maximum)",
      (maps) => chosen.set({ maps }));
    const reset = glButton("reset", "reset", () => chosen.reset());
    return el("div.gl-main", el("div.gl-side", this.source.node, this.model.get("draws") ? this.signs() : null),
      el("div.gl-asking", this.heading, el("div.gl-controls.gl-first", this.slider.node, this.maps.node, reset),
        this.strip, this.readout.node,
        el("section.gl-detail", el("div", this.title, this.bars, this.note), el("div", this.legend, this.chart.node))));
  }

  changed() {
    const { a, chosen, slider, maps } = this, { challenge, ...rest } = chosen.all();
    if (!a) return;
    Object.assign(this.state, { ...rest, pressed: a.challenges.indexOf(challenge) });
    slider.set(rest.level);
    maps.set(rest.maps);
    this.draw();
  }

  // Signs drawn by the kernel: which, and another one of the same.
  signs() {
    const { labels, model } = this;
    const ask = () => {
      const name = which.input.value;
      this.source.ask({ kind: "sign", label: labels.indexOf(name), name: `another sign: ${name}` });
    };
    const which = (this.which = glSelect("sign", "sign", labels, labels[model.get("answer").label ?? 0], ask));
    const again = glButton("another", "another one", ask);
    which.input.disabled = again.disabled = !this.source.alive;
    return el("div.gl-row.gl-signs", which.node, again);
  }

  /** @param {number} k @param {number} [level] */
  tile(k, level = this.state.level) { return this.a.tiles[glTileAt(k, level)]; }

  // The numbers of the pressed challenge over the levels; of the clean picture's tile, the mean of all challenges.
  over() {
    const { a, state } = this, ks = state.pressed < 0 ? a.challenges.map((_, k) => k) : [state.pressed];
    return Array.from({ length: GL_LEVELS + 1 }, (_, level) => {
      const found = ks.map((k) => this.tile(k, level));
      return {
        p: glMean(found.map((tile) => tile.p[a.reference])), sure: glMean(found.map((tile) => tile.p[tile.said])),
        right: glMean(found.map((tile) => Number(tile.right))),
      };
    });
  }

  words() {
    const { a, labels, state: { level } } = this;
    if (!level) return `No challenge: ${glTileText(a, labels, -1, "clean", 0)}.`;
    const wrong = a.challenges.map((name, k) => ({ name, k })).filter(({ k }) => !this.tile(k).right);
    const count = a.challenges.length, verdict = a.known ? "are read rightly" : "leave the answer as it was";
    if (!wrong.length) return `Level ${level}: all ${count} ${verdict}.`;
    const sure = ({ k }) => { const { p, said } = this.tile(k); return p[said]; };
    const surest = wrong.reduce((best, each) => (sure(each) > sure(best) ? each : best));
    return `Level ${level}: ${count - wrong.length} of ${count} ${verdict}. Surest of the others: ` +
      `${glTileText(a, labels, surest.k, surest.name, level)}.`;
  }

  drawDetail() {
    const { a, labels, state: { level, pressed } } = this, tile = this.tile(pressed);
    const name = pressed < 0 ? "clean" : a.challenges[pressed], order = glRanked(tile.p).slice(0, GL_BARS);
    if (!order.includes(a.reference)) order[order.length - 1] = a.reference;
    this.title.textContent = pressed < 0 ? "The twelve together" : name;
    glClassBars(this.bars, order, tile.p, (c) => labels[c], a.reference, tile.said);
    this.bars.setAttribute("aria-label", glTileText(a, labels, pressed, name, level));
    this.legend.replaceChildren(glKey("gl-line-p", `p of ${labels[a.reference]}`),
      glKey("gl-line-said", "p of what it says"),
      el("span", `✗ ${pressed < 0 ? "mostly " : ""}${a.known ? "wrong" : "another answer"}`));
    const found = this.over(), spoken = found.map((each, i) => `level ${i}: ${glProbability(each.p)}`).join(", ");
    this.note.textContent = pressed < 0
      ? `Means over the challenges; at level ${level}, ${(100 * found[level].right).toFixed(0)} % ` +
        `${a.known ? "right" : "unchanged"}. The bars are the clean picture's.`
      : `The bars are those of level ${level}.`;
    this.chart.draw(`Probability of ${labels[a.reference]}, ${this.title.textContent}: ${spoken}`);
  }

  draw() {
    const { a, labels, state } = this;
    if (!a) return;
    this.tiles.forEach((tile, i) => tile.draw(a, labels, state.level, state.maps, state.pressed === i - 1));
    this.heading.textContent = a.known ? `Truth: ${labels[a.reference]}`
      : `Clean: ${labels[a.reference]}. ✗ marks another answer, right or wrong`;
    this.drawDetail();
    this.readout.say(this.words());
  }

  async arrived() {
    const { model } = this, answer = model.get("answer"), a = await glDecodeTiles(answer);
    if (this.gone || answer.serial !== model.get("answer").serial) return;
    this.a = a;
    if (!this.tiles.length) {  // the buttons stay, and with them the focus
      this.tiles = ["clean", ...a.challenges].map((name, i) => glTile(i - 1, name, () => {
        this.chosen.set({ challenge: a.challenges[i - 1] ?? null });
      }));
      this.strip.append(...this.tiles.map((tile) => tile.node));
    }
    this.source.show(a);
    if (answer.label !== null) this.which?.set(this.labels[answer.label]);
    this.changed();
  }

  stop() { this.gone = true; }
}
const render = glRender("challenges", "The picture under twelve challenges", (model) => new GlChallenges(model));

export default { render };
