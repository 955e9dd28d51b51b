// The words of every state are the kernel's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { glDefaultQ, glWords } from "../../gradlab/widgets/front/lib/questions.js";
import { vectors } from "./help.js";

test("titles, meanings and sentences are the kernel's in every state of what the network says, P and Q", () => {
  assert.ok(vectors.questions.length > 50);
  for (const { labels, p, order, asked, other, wanted } of vectors.questions) {
    assert.deepEqual(glWords(labels, p, order[0], asked, other), wanted);
    assert.equal(glDefaultQ(order, asked), order.find((c) => c !== asked) ?? asked);
  }
});
