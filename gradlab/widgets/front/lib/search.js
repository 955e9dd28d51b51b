// Finding classes by a word: of their label, or of what they are. gradlab/core/search.py is the twin.

// The words with one space before and after each: other signs stand between words.
/** @param {string} text */
function glSpaced(text) {
  return ` ${text.replace(/[^\p{L}\p{N}]+/gu, " ")} `;
}

// How well a label fits what was typed: 0 it is the label, 1 words of it, 2 a word for what it is ("dog"), 3 the label
// begins with it, 4 each word typed begins one of the label, 5 it stands inside, 6 not at all.
/** @param {string} label @param {string} typed in lower case, trimmed @param {boolean} grouped */
function glFit(label, typed, grouped) {
  const low = label.toLowerCase(), plain = glSpaced(low), wanted = glSpaced(typed);
  if (low === typed) return 0;
  if (wanted.trim() && plain.includes(wanted)) return 1;
  if (grouped) return 2;
  if (low.startsWith(typed)) return 3;
  if (wanted.trim() && wanted.trim().split(/\s+/).every((word) => plain.includes(` ${word}`))) return 4;
  return low.includes(typed) ? 5 : 6;
}

// The options that fit, the best first; of equally good ones the order stays. groups: classes by the word for them.
/** @param {Option[]} options @param {string} typed @param {Record<string, number[]>} [groups] */
export function glSearch(options, typed, groups = {}) {
  const wanted = typed.trim().toLowerCase();
  if (!wanted) return options;
  const inside = new Set(Object.hasOwn(groups, wanted) ? groups[wanted] : []);
  const fits = options.map((option) => ({ option, fit: glFit(option.text, wanted, inside.has(option.value)) }));
  return fits.filter((each) => each.fit < 6).sort((a, b) => a.fit - b.fit).map((each) => each.option);
}
