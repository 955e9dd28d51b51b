// Which label is worth buying next? The pool, what a strategy asks, and what its labels earn beside those of chance.

import { glPhotos } from "../lib/answer.js";
import { GL_GAIN_HEIGHT, GL_POOL_HEIGHT, glGainChart, glPoolChart, glPoolMarks } from "../lib/budget.js";
import { glChart, glFillTable } from "../lib/chart.js";
import { GlChoices } from "../lib/choices.js";
import { glPhotoTile } from "../lib/colour.js";
import { el, glButton, glButtons, glHint, glPress, glReadout, glRender, glRove, glTitle } from "../lib/dom.js";
import { GlPlayers, glDecodeGame, glDecodeWorld, glQueryScores } from "../lib/labelling.js";
import { glFixed, glMean } from "../lib/numbers.js";

const GL_STRATEGY_NAMES = {
  random: "random", entropy: "entropy", least_confidence: "least confidence", margin: "margin", badge: "BADGE",
};
const GL_STRATEGY_WORDS = {
  random: "Any picture, all equally likely: the control.",
  entropy: "Where the head's −Σ p log p is largest.",
  least_confidence: "Where the head's largest p is smallest.",
  margin: "Where the two likeliest classes are nearest.",
  badge: "Gradients (p − e_y) hᵀ that are long and far apart: the introspective gradient for Q = P, picked by " +
    "k-means++.",
};
const GL_POOL_HINT = "Sign and colour: the class. Bold: label bought; pale: not yet, its halo as large as the " +
  "strategy's score. Ring: asked next. Axes: the two principal components of h, each stretched to fit; the head " +
  "reads all of h.";

class GlActive {
  /** @type {HTMLElement} */ choice; /** @type {HTMLElement} */ hidden; /** @type {HTMLButtonElement} */ purchase;
  /** @type {HTMLButtonElement} */ everything; /** @type {string[]} */ labels; /** @type {string[]} */ notes;
  /** @type {string[]} */ strategies; /** @type {string[]} */ marks; /** @type {Game} */ game;
  /** @type {HTMLElement} */ title; /** @type {HTMLElement} */ askTitle; /** @type {HTMLElement} */ words;
  /** @type {HTMLElement} */ note; /** @type {HTMLElement} */ root; /** @type {any} */ shown;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ timer; /** @type {Record<string, () => void>} */ hears;

  /** @param {Model} model */
  constructor(model) {
    const start = model.get("start"), game = glDecodeGame(start), { labels, notes, strategies } = start;
    Object.assign(this, { game, labels, notes, strategies, timer: undefined, marks: glPoolMarks(labels) });
    this.worlds = start.worlds.map(glDecodeWorld);
    this.players = this.worlds.map((world) => new GlPlayers(world, game));
    this.photo = start.tiles && glPhotos(start.tiles);
    this.budgets = Array.from({ length: game.rounds + 1 }, (_, k) => game.first + k * game.batch);
    this.state = { world: 0, strategy: "margin" };
    const chosen = (this.chosen = new GlChoices(model, ["network", "strategy", "played"], () => this.changed()));
    this.hears = chosen.hears;
    this.readout = glReadout();
    [this.title, this.askTitle, this.words, this.note] = [glTitle(), glTitle(), glHint(), el("p.gl-note")];
    this.poolChart = glChart("pool", GL_POOL_HEIGHT, (width) => glPoolChart(width, this.shown));
    this.gainChart = glChart("gain", GL_GAIN_HEIGHT, (width) => glGainChart(width, this.gains()));
    this.table = el("table.gl-table", { "data-table": "strategies" });
    this.tiles = el("div.gl-tiles", { role: "list", "aria-label": "Asked next, the first first" });
    this.node = this.layout(game);
    this.stops = [this, this.poolChart, this.gainChart, this.readout, chosen];
  }

  /** @param {HTMLElement} root */
  begin(root) {
    this.root = root;
    this.changed();
  }

  // Who plays in the world that is looked at.
  get play() { return this.players[this.state.world]; }

  /** @param {Game} game */
  layout(game) {
    const { labels, marks, strategies } = this;
    this.choice = glRove(glButtons("strategy", strategies.map((each) => [each, GL_STRATEGY_NAMES[each]]),
      (strategy) => this.chosen.set({ strategy })));
    this.hidden = glRove(glButtons("h of", this.worlds.map(({ name }, k) => [`world-${k}`, name]),
      (_, k) => this.chosen.set({ network: this.worlds[k].name })));
    this.purchase = glButton("buy", `buy ${game.batch} labels`, () => {
      const { strategy } = this.state;
      this.wish({ [strategy]: this.play.round(strategy) + 1 });
    });
    this.purchase.classList.add("gl-primary");
    this.everything = glButton("all", "", () =>
      this.wish(Object.fromEntries(strategies.map((each) =>
        [each, this.timer === undefined ? game.rounds : this.play.round(each)]))));
    const again = glButton("again", "start again", () => this.wish(null));
    const reset = glButton("reset", "reset", () => this.chosen.reset());
    const lettered = marks.some((each, c) => each !== labels[c])
      ? glHint(marks.map((each, c) => `${each} ${labels[c]}`).join(", ")) : null;
    return el("div.gl-figure",
      el("div.gl-controls", this.choice, this.worlds.length > 1 ? this.hidden : null,
        el("div.gl-presets", this.purchase, this.everything, again, reset)),
      this.note,
      el("div.gl-columns.gl-upper",
        el("section", this.title, this.poolChart.node, glHint(GL_POOL_HINT), lettered),
        el("section", glTitle("What the labels earn"), this.gainChart.node,
          glHint(`Dashed: the mean of ${game.orders.length} random orders, band: their range. All begin with the ` +
            `same ${game.first} labels; another seed may tell otherwise.`), this.table)),
      this.readout.node, el("section.gl-asks", this.askTitle, this.words, this.tiles),
      glHint(`After each purchase a softmax head on h is trained anew: ${game.training.steps} steps of gradient ` +
        `descent, judged on ${game.testTruth.length} test pictures. BALD needs dropout, which this head has not: it ` +
        "would be 0 for every picture."));
  }

  // The strategies that have played here, in their order.
  get played() { return this.strategies.filter((each) => this.play.runs.has(each)); }

  gains() {
    const { play, state } = this, random = this.budgets.slice(0, play.round("random") + 1);
    const curves = this.strategies.filter((each) => [state.strategy, "random"].includes(each) || play.runs.has(each))
      .map((key) => ({ key, name: GL_STRATEGY_NAMES[key], values: play.curve(key), active: key === state.strategy }));
    const band = random.map((_, k) => [Math.min(...play.control(k)), Math.max(...play.control(k))]);
    return { curves, band, budgets: this.budgets };
  }

  /** @param {number[]} asked */
  drawTiles(asked) {
    const { game, labels, photo } = this;
    const mark = (i) => { this.shown.chosen = i; this.poolChart.again(); };
    this.tiles.replaceChildren(...asked.map((i, k) => el("div",
      { role: "listitem", "data-asks": i, onpointerenter: () => mark(i), onpointerleave: () => mark(-1) },
      photo ? glPhotoTile(photo(i)) : null, el("span.gl-tile-text", `${k + 1}: ${labels[game.truth[i]]}`))));
  }

  drawTable() {
    const { play, played, state, table } = this;
    glFillTable(table, ["strategy", "labels", "accuracy", "random at as many", "difference"], played.map((each) => {
      const k = play.round(each), now = play.curve(each)[k];
      const beside = each !== "random" && k <= play.round("random") ? glMean(play.control(k)) : null;
      const more = now - (beside ?? 0), sign = more >= 0.0005 ? "+" : "";
      return [
        GL_STRATEGY_NAMES[each], String(this.budgets[k]), glFixed(now, 3),
        ...(beside === null ? ["–", "–"] : [glFixed(beside, 3), `${sign}${glFixed(more, 3)}`]),
      ];
    }), played.indexOf(state.strategy));
    [...table.tBodies[0].rows].forEach((row, k) => { row.dataset.strategy = played[k]; });
  }

  draw() {
    const { game, marks, play, state, strategies } = this, key = state.strategy, run = play.of(key)[0];
    const world = this.worlds[state.world], asked = play.asks(key), name = GL_STRATEGY_NAMES[key];
    const done = play.round(key) >= game.rounds, busy = this.timer !== undefined, { plane } = world, { truth } = game;
    play.of("random");
    this.shown = { plane, truth, marks, bought: run.bought, asked, scores: glQueryScores(key, run, world), chosen: -1 };
    const bought = `${run.bought.length} of ${game.n} labels bought by ${name}`;
    this.title.textContent = `The pool by h of ${world.name}: ${bought}`;
    this.askTitle.textContent = done ? "The money is spent" : `${name} asks next`;
    this.words.textContent = GL_STRATEGY_WORDS[key];
    this.note.textContent = this.notes[state.world];
    this.drawTable();
    glPress(this.choice, strategies.indexOf(key));
    glPress(this.hidden, state.world);
    this.purchase.disabled = done || busy;
    this.everything.textContent = busy ? "stop" : `buy to ${this.budgets[game.rounds]}, every strategy`;
    this.poolChart.draw(`${game.n} pictures by the two principal components of h, ${run.bought.length} with a bought ` +
      `label, ${asked.length} asked next`);
    const gains = this.played.map((each) =>
      `${GL_STRATEGY_NAMES[each]} ${play.curve(each).map((value) => glFixed(value, 3)).join(", ")}`);
    this.gainChart.draw(`Accuracy over labels bought: ${gains.join("; ")}`);
    this.drawTiles(asked);
    this.root.dataset.busy = String(busy);
    this.readout.say(this.sentence(run, world.name));
  }

  /** @param {Run} run @param {string} world */
  sentence(run, world) {
    const { game, play, state: { strategy } } = this, chance = play.control(play.round(strategy));
    const figures = [Math.min(...chance), Math.max(...chance), glMean(chance)];
    const [low, high, mean] = figures.map((each) => glFixed(each, 3));
    if (strategy === "random") {
      return `${run.bought.length} labels, h of ${world}. ${game.orders.length} random orders: ${low} to ${high}, ` +
        `mean ${mean}.`;
    }
    return `${run.bought.length} labels bought by ${GL_STRATEGY_NAMES[strategy]}, h of ${world}: accuracy ` +
      `${glFixed(run.reached[run.reached.length - 1], 3)}. Random labels, as many: ${mean} on average, ${low} to ` +
      `${high} over ${game.orders.length} orders.`;
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  // How many rounds each of some strategies shall have played here; null: none.
  /** @param {Record<string, number> | null} rounds */
  wish(rounds) {
    const { played, network } = this.chosen.all(), wanted = rounds && { ...played[network], ...rounds };
    this.chosen.set({ played: { ...played, [network]: wanted ?? {} } });
  }

  changed() {
    const { chosen, state } = this, { network, strategy } = chosen.all();
    this.stop();
    Object.assign(state, { strategy, world: Math.max(0, this.worlds.findIndex(({ name }) => name === network)) });
    const wanted = chosen.get("played")[network] ?? {}, { runs } = this.play;
    const longest = Math.max(0, ...Object.values(wanted));  // chance has bought as many as anybody
    for (const key of runs.keys()) {
      const most = key === "random" ? longest : wanted[key] ?? 0;
      if (runs.get(key)[0].reached.length - 1 > most) runs.delete(key);
    }
    this.advance();
  }

  // One round for those who have played the fewest of the rounds they shall: it can be watched, and stopped.
  advance() {
    const { chosen, play, strategies } = this, wanted = chosen.get("played")[chosen.get("network")] ?? {};
    const behind = () => strategies.filter((each) => (wanted[each] ?? 0) > play.round(each));
    const now = Math.min(...behind().map((each) => play.round(each)));
    for (const each of behind()) if (play.round(each) === now) play.buy(each);
    play.catchUp(this.state.strategy);
    this.timer = behind().length ? setTimeout(() => this.advance(), 0) : undefined;
    this.draw();
  }
}
const render = glRender("active", "Active learning: which label is worth buying next?", (model) => new GlActive(model));

export default { render };
