// Which label is worth buying next? The pool, what a strategy asks, and what its labels earn beside those of chance.

import { GL_GAIN_HEIGHT, GL_POOL_HEIGHT, glGainChart, glPoolChart, glPoolMarks } from "../lib/budget.js";
import { glButtons, glChart, glFillTable, glFixed } from "../lib/chart.js";
import { glButton, glKeepKeys, glNode, glReadout, glRove } from "../lib/dom.js";
import { glAsk, glQueryScores, glDecodeGame, glDecodeWorld, glRun } from "../lib/labelling.js";
import { glPhotoTile, glPhotos } from "../lib/signed.js";

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

function render({ model, el }) {
  const start = model.get("start"), { labels, strategies } = start, game = glDecodeGame(start);
  const worlds = start.worlds.map(glDecodeWorld), photo = start.tiles && glPhotos(start.tiles);
  const marks = glPoolMarks(labels);
  const budgets = Array.from({ length: game.rounds + 1 }, (_, k) => game.first + k * game.batch);
  const state = { world: 0, strategy: "margin", chosen: -1 };
  let timer = null;

  // Players are made when they are first looked at; "random" has one for each order.
  const players = (strategy) => {
    const { runs } = worlds[state.world];
    if (!runs.has(strategy)) {
      const orders = strategy === "random" ? game.orders : game.orders.slice(0, 1);
      runs.set(strategy, orders.map((order) => glRun(worlds[state.world], game, order)));
    }
    return runs.get(strategy);
  };
  const round = (strategy) => players(strategy)[0].reached.length - 1;
  const asks = (strategy) =>
    (round(strategy) < game.rounds
      ? glAsk(strategy, players(strategy)[0], worlds[state.world], game, round(strategy))
      : []);
  const buy = (strategy) => {
    const k = round(strategy);
    if (k < game.rounds) {
      for (const run of players(strategy)) run.buy(glAsk(strategy, run, worlds[state.world], game, k));
    }
  };
  // what a strategy buys, chance buys as well
  const buyBoth = (strategy) => { buy(strategy); while (round("random") < round(strategy)) buy("random"); };
  const mean = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;
  const control = (k) => players("random").map((run) => run.reached[k]);
  const curve = (strategy) =>
    (strategy === "random"
      ? budgets.slice(0, round("random") + 1).map((_, k) => mean(control(k)))
      : players(strategy)[0].reached);

  const readout = glReadout();
  const h3 = (text) => glNode("h3", { class: "gl-title" }, text || "");
  const title = h3(), askTitle = h3(), gainTitle = h3("What the labels earn");
  const words = glNode("p", { class: "gl-hint" }), note = glNode("p", { class: "gl-note" });
  let shownNow = null;
  const poolChart = glChart("pool", GL_POOL_HEIGHT, (width) => glPoolChart(width, shownNow));
  const gainChart = glChart("gain", GL_GAIN_HEIGHT, (width) => {
    const curves = strategies
      .filter((each) => each === state.strategy || each === "random" || worlds[state.world].runs.has(each))
      .map((key) => ({ key, name: GL_STRATEGY_NAMES[key], values: curve(key), active: key === state.strategy }));
    const band = budgets.slice(0, round("random") + 1)
      .map((_, k) => [Math.min(...control(k)), Math.max(...control(k))]);
    return glGainChart(width, { curves, band, budgets });
  });
  const table = glNode("table", { class: "gl-table", "data-table": "strategies" });
  const tiles = glNode("div", { class: "gl-tiles", role: "list", "aria-label": "Asked next, the first first" });

  const drawTiles = (asked) => {
    tiles.replaceChildren(...asked.map((i, k) => {
      const text = glNode("span", { class: "gl-tile-text" }, `${k + 1}: ${labels[game.truth[i]]}`);
      const item = { role: "listitem", "data-asks": i, onpointerenter: () => mark(i), onpointerleave: () => mark(-1) };
      return glNode("div", item, photo ? glPhotoTile(photo(i)) : null, text);
    }));
  };
  const mark = (i) => {
    state.chosen = i;
    shownNow.chosen = i;
    poolChart.draw(poolChart.node.firstChild.getAttribute("aria-label"));
  };
  const draw = () => {
    const world = worlds[state.world], key = state.strategy, run = players(key)[0], asked = asks(key);
    const name = GL_STRATEGY_NAMES[key], done = round(key) >= game.rounds;
    players("random");
    state.chosen = -1;
    shownNow = {
      plane: world.plane, truth: game.truth, marks, bought: run.bought, asked, scores: glQueryScores(key, run, world),
      chosen: -1,
    };
    title.textContent = `The pool by h of ${world.name}: ${run.bought.length} of ${game.n} labels bought by ${name}`;
    askTitle.textContent = done ? "The money is spent" : `${name} asks next`;
    words.textContent = GL_STRATEGY_WORDS[key];
    note.textContent = start.notes[state.world];
    const reached = run.reached[run.reached.length - 1], chance = control(round(key));
    glFillTable(table, ["strategy", "labels", "accuracy", "random at as many", "difference"],
      strategies.filter((each) => world.runs.has(each)).map((each) => {
        const k = round(each), now = curve(each)[k], beside = k <= round("random") ? mean(control(k)) : null;
        return [
          GL_STRATEGY_NAMES[each], String(budgets[k]), glFixed(now, 3),
          ...(each === "random" || beside === null
            ? ["–", "–"]
            : [glFixed(beside, 3), `${now - beside >= 0.0005 ? "+" : ""}${glFixed(now - beside, 3)}`]),
        ];
      }));
    strategies.filter((each) => world.runs.has(each)).forEach((each, k) => {
      const row = table.querySelectorAll("tbody tr")[k];
      row.dataset.strategy = each;
      row.dataset.active = String(each === key);
    });
    for (const [row, chosen] of [[choice, strategies.indexOf(key)], [hidden, state.world]]) {
      row.querySelectorAll("button").forEach((button, i) => {
        button.setAttribute("aria-pressed", String(i === chosen));
        button.tabIndex = i === chosen ? 0 : -1;
      });
    }
    purchase.disabled = done || timer !== null;
    everything.textContent = timer === null ? `buy to ${budgets[game.rounds]}, every strategy` : "stop";
    poolChart.draw(`${game.n} pictures by the two principal components of h, ${run.bought.length} with a bought ` +
      `label, ${asked.length} asked next`);
    const gains = strategies.filter((each) => world.runs.has(each))
      .map((each) => `${GL_STRATEGY_NAMES[each]} ${curve(each).map((value) => glFixed(value, 3)).join(", ")}`);
    gainChart.draw(`Accuracy over labels bought: ${gains.join("; ")}`);
    drawTiles(asked);
    root.dataset.busy = String(timer !== null);
    const beside = key === "random"
      ? `${game.orders.length} random orders: ${glFixed(Math.min(...chance), 3)} to ` +
        `${glFixed(Math.max(...chance), 3)}, mean ${glFixed(mean(chance), 3)}.`
      : `Random labels, as many: ${glFixed(mean(chance), 3)} on average, ${glFixed(Math.min(...chance), 3)} to ` +
        `${glFixed(Math.max(...chance), 3)} over ${game.orders.length} orders.`;
    readout.say(key === "random"
      ? `${run.bought.length} labels, h of ${world.name}. ${beside}`
      : `${run.bought.length} labels bought by ${name}, h of ${world.name}: accuracy ` +
        `${glFixed(reached, 3)}. ${beside}`);
  };

  const stop = () => { clearTimeout(timer); timer = null; };
  const all = () => {
    if (timer !== null) { stop(); draw(); return; }
    const next = () => {
      const least = Math.min(...strategies.map(round));
      if (least >= game.rounds) { stop(); draw(); return; }
      for (const each of strategies) if (round(each) === least) buy(each);
      timer = setTimeout(next, 0);
      draw();
    };
    timer = setTimeout(next, 0);
    draw();
  };
  const pick = (next) => {
    stop();
    Object.assign(state, next);
    players("random");
    while (round("random") < round(state.strategy)) buy("random");
    draw();
  };

  const choice = glButtons("strategy", Object.fromEntries(strategies.map((each) => [each, GL_STRATEGY_NAMES[each]])),
    (strategy) => pick({ strategy }));
  const hidden = glButtons("h of", Object.fromEntries(worlds.map((each, k) => [`world-${k}`, each.name])),
    (key) => pick({ world: Number(key.slice(6)) }));
  for (const row of [choice, hidden]) glRove(row);
  const purchase = glButton("buy", `buy ${game.batch} labels`, () => { buyBoth(state.strategy); draw(); });
  purchase.classList.add("gl-primary");
  const everything = glButton("all", "", all);
  const again = glButton("again", "start again", () => { stop(); worlds[state.world].runs.clear(); draw(); });
  const lettered = marks.some((each, c) => each !== labels[c])
    ? glNode("p", { class: "gl-hint" }, marks.map((each, c) => `${each} ${labels[c]}`).join(", "))
    : null;
  const root = glNode("div", {
    class: "gl-root gl-active", role: "region", lang: "en",
    "aria-label": "Active learning: which label is worth buying next?",
  },
    glNode("div", { class: "gl-figure" },
      glNode("div", { class: "gl-controls" }, choice, worlds.length > 1 ? hidden : null,
        glNode("div", { class: "gl-presets" }, purchase, everything, again)),
      note,
      glNode("div", { class: "gl-columns gl-upper" },
        glNode("section", {}, title, poolChart.node,
          glNode("p", { class: "gl-hint" },
            "Sign and colour: the class. Bold: label bought; pale: not yet, its halo as large as the strategy's " +
            "score. Ring: asked next. Axes: the two principal components of h, each stretched to fit; the head " +
            "reads all of h."), lettered),
        glNode("section", {}, gainTitle, gainChart.node,
          glNode("p", { class: "gl-hint" },
            `Dashed: the mean of ${game.orders.length} random orders, band: their range. All begin with the same ` +
            `${game.first} labels; another seed may tell otherwise.`), table)),
      readout.node,
      glNode("section", { class: "gl-asks" }, askTitle, words, tiles),
      glNode("p", { class: "gl-hint" },
        `After each purchase a softmax head on h is trained anew: ${game.training.steps} steps of gradient descent, ` +
        `judged on ${game.testTruth.length} test pictures. BALD needs dropout, which this head has not: it would be ` +
        "0 for every picture.")));
  glKeepKeys(root);
  el.append(root);
  draw();
  return () => {
    stop();
    for (const each of [poolChart, gainChart]) each.stop();
    readout.stop();
    root.remove();
  };
}

export default { render };
