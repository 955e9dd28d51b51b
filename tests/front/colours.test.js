// Colours: the tables, which end is which, and what a threshold hides.

import assert from "node:assert/strict";
import { test } from "node:test";

import { glHeat, glPaintSigned, glSigned, glTable } from "../../gradlab/widgets/front/lib/colour.js";
import { close, vectors } from "./help.js";

const rgb = (table, i) => Array.from(table.slice(3 * i, 3 * i + 3));
const pixels = ({ data }) =>
  Array.from({ length: data.length / 4 }, (_, i) => Array.from(data.slice(4 * i, 4 * i + 4)));
const heat = (map, look, top = 1) =>
  pixels(glHeat(map, { h: 1, w: map.length }, map.length, 1, { opacity: 1, threshold: 0, ...look }, top).image);

test("the sequential tables are matplotlib's, to a few of 255 levels", () => {
  for (const [name, wanted] of Object.entries(vectors.colours)) {
    assert.equal(glSigned(name), false);
    const off = Array.from(glTable(name), (value, i) => Math.abs(value - wanted.flat()[i]));
    assert.ok(Math.max(...off) < 6, `${name} is off by ${Math.max(...off)}`);
    close(rgb(glTable(name), 0), wanted[0].map(Math.round), 0.02);
  }
});

test("blue speaks against and orange for: white between, as far from white at either end", () => {
  const table = glTable("blue-orange"), [low, middle, high] = [0, 127, 255].map((i) => rgb(table, i));
  assert.equal(glSigned("blue-orange"), true);
  assert.ok(low[2] > low[0] + 100 && high[0] > high[2] + 100);
  assert.ok(Math.min(...middle) > 240);
  const lean = (i) => rgb(table, i)[2] - rgb(table, i)[0];
  for (let i = 0; i < 127; i++) assert.ok(lean(i) > 0 && lean(255 - i) < 0);
});

test("a signed map is blue below zero and orange above; what lies beyond the end has the end's colour", () => {
  const [deep, low, none, high, top] = heat([-9, -1, 0, 1, 9], { colours: "blue-orange" });
  const table = glTable("blue-orange");
  assert.deepEqual(low, [...rgb(table, 0), 255]);
  assert.deepEqual(high, [...rgb(table, 255), 255]);
  assert.deepEqual([deep, top], [low, high]);
  assert.ok(Math.min(...none) > 240);
});

test("a sequential map shows nothing below zero", () => {
  const [low, none, high] = heat([-1, 0, 1], { colours: "viridis" });
  assert.deepEqual([low, none], [[...rgb(glTable("viridis"), 0), 255], [...rgb(glTable("viridis"), 0), 255]]);
  assert.deepEqual(high, [...rgb(glTable("viridis"), 255), 255]);
});

test("a threshold hides what is weak on both sides, and keeps all strong evidence, for and against", () => {
  const alpha = (map, look) => heat(map, { opacity: 0.6, ...look }).map((each) => each[3]);
  assert.deepEqual(alpha([-1, -0.5, -0.4, 0.4, 0.5, 1], { colours: "blue-orange", threshold: 0.5 }),
    [153, 116, 0, 0, 116, 153]);  // 255 * .6 * .5^.4 = 116
  assert.deepEqual(alpha([-1, -0.3, -0.2], { colours: "blue-orange", threshold: 0.2 }), [153, 95, 80]);
  assert.deepEqual(alpha([-1, 0, 0.5], { colours: "magma", threshold: 0.4 }), [0, 0, 116]);
  assert.deepEqual(alpha([-1, 0, 0.5], { colours: "magma", threshold: 0 }), [0, 0, 116]);
  assert.deepEqual(alpha([-1, 0, 0.5], { colours: "magma", threshold: 0, opacity: 1 }), [255, 255, 255]);
});

test("over a small picture the strength is in the opacity, and the sign in the colour", () => {
  const layers = [], made = document.createElement;
  document.createElement = () => {
    const canvas = made();
    layers.push(canvas);
    return canvas;
  };
  const photo = { width: 128, height: 128 }, canvas = made(), table = glTable("blue-orange");
  glPaintSigned(canvas, { photo, rows: 1, columns: 2 }, [-1, 0.5], 1);
  document.createElement = made;
  const shown = pixels(layers[0].image);
  assert.deepEqual(shown[0], [...rgb(table, 0), 220]);
  assert.deepEqual(shown[127], [...rgb(table, 255), 110]);
});
