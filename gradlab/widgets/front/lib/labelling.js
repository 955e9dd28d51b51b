// The game of buying labels: a softmax head on h, fitted by gradient descent, and what each strategy asks of it.

import { glArgmax, glMean, glSum } from "./numbers.js";
import { glPart, glUnpacked } from "./wire.js";

// W (classes x (d + 1), the bias last) by Nesterov's gradient descent from 0 on cross entropy + decay / 2 |W|².
/**
 * @param {Float64Array} h @param {number} d @param {Int32Array} labels @param {number[]} bought
 * @param {number} classes @param {Training} given
 */
function glFitHead(h, d, labels, bought, classes, { steps, rate, momentum, decay }) {
  const wide = d + 1, n = bought.length, W = new Float64Array(classes * wide), speed = new Float64Array(classes * wide);
  const ahead = new Float64Array(classes * wide), slope = new Float64Array(classes * wide);
  const z = new Float64Array(classes);
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < W.length; i++) ahead[i] = W[i] + momentum * speed[i];
    slope.fill(0);
    for (const i of bought) {
      glHeadChances(ahead, h, d, i, classes, z);
      for (let c = 0; c < classes; c++) {
        const error = z[c] - (labels[i] === c ? 1 : 0), row = c * wide;
        for (let j = 0; j < d; j++) slope[row + j] += error * h[i * d + j];
        slope[row + d] += error;
      }
    }
    for (let i = 0; i < W.length; i++) {
      speed[i] = momentum * speed[i] - rate * (slope[i] / n + decay * ahead[i]);
      W[i] += speed[i];
    }
  }
  return W;
}

// p of picture i, written into `out`.
/**
 * @param {Float64Array} W @param {Float64Array} h @param {number} d @param {number} i @param {number} classes
 * @param {Float64Array} out
 */
function glHeadChances(W, h, d, i, classes, out) {
  let top = -Infinity, sum = 0;
  for (let c = 0; c < classes; c++) {
    const row = c * (d + 1);
    let z = W[row + d];
    for (let j = 0; j < d; j++) z += W[row + j] * h[i * d + j];
    out[c] = z;
    if (z > top) top = z;
  }
  for (let c = 0; c < classes; c++) sum += out[c] = Math.exp(out[c] - top);
  for (let c = 0; c < classes; c++) out[c] /= sum;
}

/** @param {Float64Array} W @param {Float64Array} h @param {number} d @param {number} classes */
function glAllChances(W, h, d, classes) {
  return Array.from({ length: h.length / d }, (_, i) => {
    const p = new Float64Array(classes);
    glHeadChances(W, h, d, i, classes, p);
    return p;
  });
}

/** @param {Numbers} p */
function glTwoLargest(p) {
  let first = 0, second = 0;
  for (const each of p) if (each > first) { second = first; first = each; } else if (each > second) second = each;
  return [first, second];
}

// Higher: asked sooner. BADGE shows |g| = |p − e_y| |h|; it picks by distances between the g.
const GL_QUERIES = {
  entropy: (p) => p.reduce((sum, each) => (each > 0 ? sum - each * Math.log(each) : sum), 0),
  least_confidence: (p) => 1 - glTwoLargest(p)[0],
  margin: (p) => { const [first, second] = glTwoLargest(p); return 1 - (first - second); },
  badge: (p, length) => {
    const y = glArgmax(p);
    return length * Math.sqrt(glSum(p, (each, c) => (each - (c === y ? 1 : 0)) ** 2));
  },
};

// Score of every picture of the pool, null for random.
/** @param {string} strategy @param {Pick<Run, "p">} run @param {Pick<World, "lengths">} world */
export function glQueryScores(strategy, run, world) {
  if (strategy === "random") return null;
  return run.p.map((p, i) => GL_QUERIES[strategy](p, world.lengths[i]));
}

// What a strategy would buy in round k: indices, the first first.
/**
 * @param {string} strategy @param {Run} run @param {World} world @param {Game} game @param {number} k
 * @returns {number[]}
 */
export function glAsk(strategy, run, world, game, k) {
  if (strategy === "random") return Array.from(run.order.slice(run.bought.length, run.bought.length + game.batch));
  const held = new Set(run.bought), left = run.p.map((_, i) => i).filter((i) => !held.has(i));
  const scores = glQueryScores(strategy, run, world) || [];
  if (strategy === "badge") {
    return glBadge(left, scores, run.p, world, game.draws.subarray(k * (game.batch - 1), (k + 1) * (game.batch - 1)),
      game.batch);
  }
  const place = game.places;  // of equal scores, the earlier in the first random order
  return left.sort((a, b) => scores[b] - scores[a] || place[a] - place[b]).slice(0, game.batch);
}

// k-means++ on g = (p − e_y) hᵀ: the longest first, then drawn in proportion to the squared distance from the nearest
// pick.
/**
 * @param {number[]} left @param {Numbers} lengths @param {Float64Array[]} p @param {World} world
 * @param {Numbers} draws @param {number} count @returns {number[]}
 */
function glBadge(left, lengths, p, world, draws, count) {
  const { pool, d } = world;
  const dot = (a, b, n, from, to) => {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += a[from + j] * b[to + j];
    return sum;
  };
  const u = p.map((each) => {
    const y = glArgmax(each);
    return each.map((value, c) => value - (c === y ? 1 : 0));
  });
  const picked = [left.reduce((best, i) => (lengths[i] > lengths[best] ? i : best), left[0])];
  const nearest = Array(p.length).fill(Infinity);
  while (picked.length < count) {
    const last = picked[picked.length - 1];
    let sum = 0;
    const ends = left.map((i) => {
      const inner = dot(u[i], u[last], u[i].length, 0, 0) * dot(pool, pool, d, i * d, last * d);
      const apart = lengths[i] ** 2 + lengths[last] ** 2 - 2 * inner;
      nearest[i] = i === last ? 0 : Math.min(nearest[i], Math.max(0, apart));
      return (sum += nearest[i]);
    });
    const spare = left.filter((i) => !picked.includes(i));
    const at = draws[picked.length - 1] * (sum > 0 ? sum : spare.length);
    picked.push(sum > 0 ? left[Math.max(0, ends.findIndex((end) => end > at))] : spare[Math.floor(at)]);
  }
  return picked;
}

// One player of one world. buy(indices) trains the head anew.
/** @param {World} world @param {Game} game @param {Int32Array} order @returns {Run} */
export function glRun(world, game, order) {
  /** @type {Run} */
  const run = { order, bought: Array.from(order.slice(0, game.first)), reached: [], p: [], buy };
  function learn() {
    const W = glFitHead(world.pool, world.d, game.truth, run.bought, game.classes, game.training);
    run.p = glAllChances(W, world.pool, world.d, game.classes);
    const said = glAllChances(W, world.test, world.d, game.classes).map(glArgmax);
    run.reached.push(glMean(said.map((c, i) => (c === game.testTruth[i] ? 1 : 0))));
  };
  /** @param {number[]} indices */
  function buy(indices) {
    run.bought.push(...indices);
    learn();
  }
  learn();
  return run;
}

// All who play in one world, made when they are first looked at; "random" has one player for each order.
export class GlPlayers {
  /** @type {World} */ world; /** @type {Game} */ game; /** @type {Map<string, Run[]>} */ runs;

  /** @param {World} world @param {Game} game */
  constructor(world, game) {
    Object.assign(this, { world, game, runs: new Map() });
  }

  /** @param {string} strategy */
  of(strategy) {
    const { world, game, runs } = this, orders = strategy === "random" ? game.orders : game.orders.slice(0, 1);
    if (!runs.has(strategy)) runs.set(strategy, orders.map((order) => glRun(world, game, order)));
    return runs.get(strategy);
  }

  /** @param {string} strategy */
  round(strategy) { return this.of(strategy)[0].reached.length - 1; }

  // What a strategy would buy now; nothing at the end.
  /** @param {string} strategy @param {Run} [run] */
  asks(strategy, run = this.of(strategy)[0]) {
    const k = run.reached.length - 1;
    return k < this.game.rounds ? glAsk(strategy, run, this.world, this.game, k) : [];
  }

  /** @param {string} strategy */
  buy(strategy) {
    if (this.round(strategy) >= this.game.rounds) return;
    for (const run of this.of(strategy)) run.buy(this.asks(strategy, run));
  }

  // What a strategy has bought, chance buys as well.
  /** @param {string} strategy */
  catchUp(strategy) {
    while (this.round("random") < this.round(strategy)) this.buy("random");
  }

  // Accuracies of the random orders after round k.
  /** @param {number} k */
  control(k) { return this.of("random").map((run) => run.reached[k]); }

  // Accuracy after each round.
  /** @param {string} strategy */
  curve(strategy) {
    const { reached } = this.of(strategy)[0];
    return strategy === "random" ? reached.map((_, k) => glMean(this.control(k))) : reached;
  }
}

// The numbers that the kernel sent.
/** @param {any} start @returns {Game} */
export function glDecodeGame(start) {
  const [truth, testTruth] = start.truth.map((each) => glUnpacked(each).values), n = truth.length;
  const all = glUnpacked(start.orders), orders = Array.from({ length: all.shape[0] }, (_, k) => glPart(all, k));
  const places = new Int32Array(n);
  orders[0].forEach((i, place) => { places[i] = place; });
  return { ...start, truth, testTruth, n, orders, places, draws: glUnpacked(start.draws).values };
}

/** @param {any} sent @returns {World} */
export function glDecodeWorld(sent) {
  const parts = ["pool", "test", "plane"].map((key) => glUnpacked(sent[key])), [n, d] = parts[0].shape;
  const [pool, test, plane] = parts.map(({ values }) => Float64Array.from(values));
  const lengths = Array.from({ length: n },
    (_, i) => Math.sqrt(glSum(pool.subarray(i * d, (i + 1) * d), (each) => each * each)));
  return { name: sent.name, pool, test, plane, d, lengths };
}
