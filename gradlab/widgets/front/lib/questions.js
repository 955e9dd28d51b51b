// What is asked and said of a picture: one function of what the network says, P and Q, for every title and read-out.
// widgets/questions.py is the same for the kernel; one table of cases holds both.

import { glClassMap, glContrast, glProbability } from "./numbers.js";

// The class that P is held against: what the network says, or if that is P, the likeliest other class.
/** @param {number[]} order @param {number} p */
export function glDefaultQ(order, p) {
  return order.find((c) => c !== p) ?? p;
}

// Whole per cent; a share that is not nothing is not called 0 %.
/** @param {number} share */
function glPercent(share) {
  return share > 0 && share < 0.01 ? "< 1 %" : `${Math.floor(100 * share + 0.5)} %`;
}

/** @param {Numbers} p @param {number} said @param {number} asked @param {number} other */
function glMeaning(p, said, asked, other) {
  if (other === asked) return "for the other answers, against P";
  if (other !== said) return `for what the network says${asked === said ? "" : " (not P)"}, against Q`;
  if (p.length === 2) return "for P, against what the network says";
  const rest = 1 - p[said], share = rest > 0 ? p[asked] / rest : 0;
  return `for the other answers, of which P is ${glPercent(share)}, against what the network says`;
}

// The third map is sum_c p_c L^c - L^Q: for what the network believes, against Q. It is "Why P?" only where P is what
// the network says (S), or where Q is S, so that the belief without Q is shared by P and the other classes.
/** @param {string[]} labels @param {Numbers} p @param {number} said @param {number} asked @param {number} other */
export function glWords(labels, p, said, asked, other) {
  const named = (c) => `${labels[c]} (${glProbability(p[c])})`, plain = (c) => labels[c];
  const third = (name) => (other === asked ? `Why not ${name(asked)} with 100 % confidence?`
    : `Why ${name(other === said ? asked : said)}, rather than ${name(other)}?`);
  const apart = [...new Set([asked, other])].filter((c) => c !== said);
  const chances = [said, ...apart].map((c) => `${labels[c]} ${glProbability(p[c])}`);
  return {
    titles: [`Why ${labels[asked]}?`, `What if not ${labels[asked]}?`, third(plain)],
    meaning: glMeaning(p, said, asked, other),
    asked: third(named),
    said: `The network says ${chances.join(said === asked ? ", " : "; ")}.`,
  };
}

// The three questions with their maps.
/** @param {Maps} a @param {string[]} labels @param {number} p @param {number} q */
export function glQuestions(a, labels, p, q) {
  const { titles, meaning } = glWords(labels, a.p, a.order[0], p, q);
  return [
    { key: "why", title: titles[0], meaning: "what speaks for P", map: glClassMap(a, p, 1), unit: "logit" },
    { key: "whatif", title: titles[1], meaning: "what speaks against P", map: glClassMap(a, p, -1), unit: "logit" },
    { key: "contrast", title: titles[2], meaning, map: glContrast(a, q), unit: "nat" },
  ];
}
