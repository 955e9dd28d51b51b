// Entropies and families of distributions, against the engine.

import assert from "node:assert/strict";
import { test } from "node:test";

import { GL_FAMILIES, glNoise } from "../../gradlab/widgets/front/lib/families.js";
import { glEntropy, glHands, glShannon } from "../../gradlab/widgets/front/lib/levels.js";
import { glMixed, glSurfaces, glTinyNet } from "../../gradlab/widgets/front/lib/plane.js";
import { close, vectors } from "./help.js";

test("entropy in bits and in nats, impossible events costing nothing", () => {
  for (const { p, unit, HXY } of vectors.shannon) close(glEntropy(p, unit), HXY);
  assert.equal(glEntropy([1, 0], "bits"), 0);
});

test("margins, entropies and mutual information of a joint table", () => {
  for (const { p, rows, columns, unit, ...wanted } of vectors.shannon) {
    const found = glShannon(p, rows, columns, unit), { x, y } = found;
    for (const key of ["HX", "HY", "HXY", "I", "XgivenY", "YgivenX"]) close(found[key], wanted[key]);
    close(x, Array.from({ length: rows }, (_, i) => p.slice(i * columns, (i + 1) * columns).reduce((a, b) => a + b)));
    close(found.given.reduce((sum, each, j) => (y[j] > 0 ? sum + y[j] * each : sum), 0), wanted.XgivenY);
    assert.ok(found.given.every((each, j) => Number.isNaN(each) === (y[j] === 0)));
  }
});

test("p, gradients, Fisher matrix and its ellipse at places of the plane", () => {
  const net = glTinyNet(vectors.plane.weights);
  for (const { at: [x, y], p, g, F, axes, long } of vectors.plane.places) {
    const found = net.at(x, y), { a, b, d, trace, angle } = found.F;
    close(found.p, p);
    close(net.p(x, y), p);
    close(found.g, g);
    close([a, b, b, d, trace], [...F.flat(), F[0][0] + F[1][1]]);
    close([found.F.long, found.F.short], axes, 1e-7);
    close(Math.abs(Math.cos(angle) * long[0] + Math.sin(angle) * long[1]), 1);
    close(found.J, p.map((each) => -Math.log(each)));
  }
  const surfaces = glSurfaces(net, 2), { p } = net.at(-2 + 4 * (70.5 / 100), 2 - 4 * (20.5 / 100));
  close(surfaces[20 * 100 + 70], p);
  assert.deepEqual(glMixed([0, 0, 0]), [255, 255, 255]);
  assert.deepEqual(glMixed([1, 0, 0]), [161, 193, 222]);
});

test("log-likelihood, score, second derivative and information of each family", () => {
  assert.deepEqual(Object.keys(vectors.families).sort(), Object.keys(GL_FAMILIES).sort());
  for (const [name, { s, x, at }] of Object.entries(vectors.families)) {
    const family = GL_FAMILIES[name], each = (of, t) => x.map((v) => of(v, v * v, t, s));
    const base = each(family.log, at[0].theta);
    for (const { theta, log, score, second, fisher } of at) {
      close(each(family.log, theta).map((value, i) => value - base[i]), log);
      close(each(family.score, theta), score);
      close(each(family.second, theta), second);
      close(family.fisher(theta, s), fisher);
    }
  }
});

test("samples have mean score 0 and variance I but for chance, in every family", () => {
  const n = 20000, { u, z } = glNoise(3, n);
  for (const [name, { s, at: [{ theta, fisher }] }] of Object.entries(vectors.families)) {
    const { draw, score } = GL_FAMILIES[name];
    const found = Array.from(u, (each, i) => {
      const x = draw(each, z[i], theta, s);
      return score(x, x * x, theta, s);
    });
    const mean = found.reduce((a, b) => a + b, 0) / n, square = found.reduce((a, b) => a + b * b, 0) / n;
    assert.ok(Math.abs(mean) < 5 * Math.sqrt(fisher / n), `${name}: mean score ${mean}`);
    assert.ok(Math.abs(square / fisher - 1) < 0.08, `${name}: ${square} is not ${fisher}`);
  }
});

test("noise is the same for a seed, another for another, and even", () => {
  const one = glNoise(1, 1000).u;
  assert.deepEqual(glNoise(1, 1000).u, one);
  assert.notDeepEqual(glNoise(2, 1000).u, one);
  const counts = [0, 0, 0, 0];
  for (const each of one) counts[Math.floor(4 * each)] += 1;
  assert.ok(counts.every((count) => Math.abs(count - 250) < 60));
});

test("a bar that is dragged leaves the others their proportions, and all add up to 1", () => {
  const held = { p: [0.5, 0.3, 0.2] }, hand = glHands(() => held.p, (next) => { held.p = next; })(0, () => {});
  hand.start();
  hand.set(0.9);
  close(held.p, [0.9, 0.06, 0.04]);
  hand.set(1);
  close(held.p, [1, 0, 0]);
  hand.set(0);  // in the same drag the proportions come back
  close(held.p, [0, 0.6, 0.4]);
  hand.set(1);
  hand.start();
  hand.set(0.5);  // in another one nothing is left of them
  close(held.p, [0.5, 0.25, 0.25]);
});
