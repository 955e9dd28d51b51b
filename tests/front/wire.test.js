// Arrays of the kernel: types, shapes, parts, bytes that begin anywhere; and what is sent back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { glPacked, glPart, glSend, glUnpacked } from "../../gradlab/widgets/front/lib/wire.js";
import { close, sent, vectors } from "./help.js";

test("every type that the kernel sends is read, whole and in parts", () => {
  for (const { packed, values } of vectors.wire) {
    const { values: flat, shape, scale = 1 } = glUnpacked(sent(packed));
    assert.deepEqual(shape, packed.shape);
    const tolerance = packed.dtype === "float16" ? 1e-3 : 1e-7;
    close(Array.from(flat, (each) => each * scale), values, tolerance);
    const unpacked = glUnpacked(sent(packed));
    for (let i = 0; i < shape[0]; i++) close(glPart(unpacked, i), values[i], tolerance);
    close(glPart(unpacked, 1, 2), values[1][2], tolerance);
  }
});

test("float16 holds zero, the smallest, the largest and what is no number", () => {
  const bytes = new Uint8Array(Uint16Array.from([0, 1, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0x7e00]).buffer);
  assert.deepEqual(Array.from(glUnpacked({ dtype: "float16", shape: [7], bytes }).values),
    [0, 2 ** -24, 1, -2, 65504, Infinity, NaN]);
});

test("in a message the bytes are one of its buffers", () => {
  const buffers = [new Uint8Array([9]), Uint8Array.from([1, 2, 3]).buffer];
  assert.deepEqual(Array.from(glUnpacked({ dtype: "uint8", shape: [3], bytes: 1 }, buffers).values), [1, 2, 3]);
});

test("a mask goes as one bit per pixel, the lowest first", () => {
  const mask = [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0];
  assert.deepEqual(glPacked(mask, "bool", [3, 4]), { dtype: "bool", shape: [3, 4], bytes: Uint8Array.from([204, 0]) });
  assert.deepEqual(Array.from(glPacked([1, 0, 0, 0, 0, 0, 0, 0, 1], "bool").bytes), [1, 1]);
});

test("a message's arrays become its buffers, all else stays", () => {
  const said = [], model = { send: (...args) => said.push(args) }, bytes = Uint8Array.from([7]);
  glSend(model, { kind: "a", p: 3, one: { dtype: "uint8", shape: [1], bytes } });
  assert.deepEqual(said, [[{ kind: "a", p: 3, one: { dtype: "uint8", shape: [1], bytes: 0 } }, undefined, [bytes]]]);
});
