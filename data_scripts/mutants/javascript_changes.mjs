// The single changes that can be made to JavaScript files: node javascript_changes.mjs espree.js FILE ... writes
// { file: [[kind, line, start, end, after], ...] }, places in UTF-16 units. Pixels are left alone: of numbers, 0, 1
// and 2 are changed.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [espree, ...files] = process.argv.slice(2);
const { parse } = await import(pathToFileURL(espree));

const EDGES = { "<": "<=", "<=": "<", ">": ">=", ">=": ">", "===": "!==", "!==": "===" };
const ARITHMETIC = { "+": "-", "-": "+", "*": "/", "/": "*", "**": "*", "%": "*", "&": "|", "|": "&", ">>": "<<" };
const OPPOSITES = { min: "max", max: "min", floor: "ceil", ceil: "floor", round: "floor", some: "every", every: "some" };
const DROPPED = ["abs", "sqrt", "exp", "log", "round", "slice", "reverse", "sort", "filter"];
const LEAVES = ["ReturnStatement", "ContinueStatement", "BreakStatement", "ThrowStatement"];

const wordy = (node) => node.type === "TemplateLiteral" || typeof node.value === "string"
  || (node.type === "BinaryExpression" && (wordy(node.left) || wordy(node.right)));

function found(text) {
  const list = [];
  const put = (kind, node, after) => list.push([kind, node.loc.start.line, node.range[0], node.range[1], after]);
  const of = (node) => text.slice(...node.range);
  const operator = (kind, { left, right, loc, operator: old }, after) => {
    const at = text.indexOf(old, left.range[1]);
    if (at >= 0 && at < right.range[0]) list.push([kind, loc.start.line, at, at + old.length, after]);
  };
  const on = {
    BinaryExpression(node) {
      if (EDGES[node.operator]) operator("comparison", node, EDGES[node.operator]);
      else if (ARITHMETIC[node.operator] && !wordy(node)) operator("arithmetic", node, ARITHMETIC[node.operator]);
    },
    LogicalExpression(node) {
      if (node.operator !== "??") operator("and, or", node, node.operator === "&&" ? "||" : "&&");
    },
    AssignmentExpression(node) {
      const sign = node.operator.slice(0, -1);
      if (ARITHMETIC[sign] && !wordy(node.right)) operator("arithmetic", node, `${ARITHMETIC[sign]}=`);
    },
    UnaryExpression(node) {
      if (node.operator === "-") put("sign", node, of(node.argument));
      if (node.operator === "!") put("negation", node, of(node.argument));
    },
    ConditionalExpression(node) { put("branches exchanged", node.test, `!(${of(node.test)})`); },
    IfStatement(node) {
      const body = node.consequent.type === "BlockStatement" ? node.consequent.body : [node.consequent];
      if (body.length === 1 && LEAVES.includes(body[0].type) && !node.alternate) put("guard dropped", node.test, "false");
    },
    Literal(node) {
      if (typeof node.value === "boolean") put("true, false", node, String(!node.value));
      else if ([0, 1, 2].includes(node.value)) put("constant", node, String(node.value + 1));
      else if (typeof node.value === "number" && !Number.isInteger(node.value)) put("constant", node, String(2 * node.value));
    },
    CallExpression(node) {
      const { callee, arguments: given } = node, name = callee.property?.name;
      if (name && Object.hasOwn(OPPOSITES, name)) put("opposite", callee.property, OPPOSITES[name]);
      if (name && DROPPED.includes(name)) put("call dropped", node, of(callee.object) === "Math" ? of(given[0]) : of(callee.object));
      const [first, second] = given, plain = (each) => each && ["Identifier", "MemberExpression"].includes(each.type);
      if (plain(first) && plain(second) && of(first) !== of(second) && callee.object?.name !== "Math") {
        list.push(["arguments exchanged", node.loc.start.line, first.range[0], second.range[1],
          of(second) + text.slice(first.range[1], second.range[0]) + of(first)]);
      }
    },
    ExpressionStatement(node) {
      const { type } = node.expression;
      if (type === "CallExpression" || type === "AssignmentExpression") put("statement dropped", node, ";");
    },
  };
  const walk = (node) => {
    if (!node || typeof node.type !== "string" || node.type.startsWith("Import")) return;
    on[node.type]?.(node);
    for (const value of Object.values(node)) (Array.isArray(value) ? value : [value]).forEach(walk);
  };
  walk(parse(text, { ecmaVersion: 2022, sourceType: "module", range: true, loc: true }));
  return list;
}

console.log(JSON.stringify(Object.fromEntries(files.map((file) => [file, found(readFileSync(file, "utf-8"))]))));
