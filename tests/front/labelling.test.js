// The game of buying labels, played to its end by every strategy: against the engine.

import assert from "node:assert/strict";
import { test } from "node:test";

import { glAsk, glQueryScores, glRun } from "../../gradlab/widgets/front/lib/labelling.js";
import { close, vectors } from "./help.js";

const { rules, world: sent, strategies, reached, bought } = vectors.game, n = rules.truth.length;
const places = Int32Array.from(rules.truth.keys(), (i) => rules.orders[0].indexOf(i));
const game = { ...rules, n, places, draws: Float64Array.from(rules.draws.flat()) };
const world = {
  pool: Float64Array.from(sent.pool.flat()), test: Float64Array.from(sent.test.flat()), d: sent.pool[0].length,
  lengths: sent.pool.map((h) => Math.hypot(...h)),
};

function played(strategy, order) {
  const run = glRun(world, game, order);
  for (let k = 0; k < game.rounds; k++) run.buy(glAsk(strategy, run, world, game, k));
  return run;
}

for (const strategy of strategies.filter((each) => each !== "random")) {
  test(`${strategy} buys what the engine buys, in its order, and learns as much`, () => {
    const run = played(strategy, rules.orders[0]);
    assert.deepEqual(run.bought, bought[strategy]);
    close(run.reached, reached[strategy]);
    assert.equal(new Set(run.bought).size, game.first + game.rounds * game.batch);
  });
}

test("random is the mean over all orders, and has no score", () => {
  const runs = rules.orders.map((order) => played("random", order));
  assert.deepEqual(runs[0].bought, bought.random);
  close(reached.random.map((_, k) => runs.reduce((sum, run) => sum + run.reached[k], 0) / runs.length), reached.random);
  assert.equal(glQueryScores("random", runs[0], world), null);
});

test("scores: higher where the head is less sure; nothing beside a certain class", () => {
  const run = { p: [[0.5, 0.5, 0], [1, 0, 0], [0.6, 0.3, 0.1]] }, lengths = { lengths: [1, 1, 2] };
  close(glQueryScores("entropy", run, lengths).slice(0, 2), [Math.LN2, 0]);
  close(glQueryScores("least_confidence", run, lengths), [0.5, 0, 0.4]);
  close(glQueryScores("margin", run, lengths), [1, 0, 0.7]);
  close(glQueryScores("badge", run, lengths), [Math.SQRT1_2, 0, 2 * Math.hypot(0.4, 0.3, 0.1)]);
});
