// A text field with a list: type to filter, arrows to move, Enter to choose, Esc to give up (ARIA 1.2 combobox).

import { el, glId, glLeave } from "./dom.js";
import { glClamp, glProbability } from "./numbers.js";

const GL_LIST_LENGTH = 60;

// How well a label fits what was typed: 0 it is a whole word ("cat": tiger cat before catamaran), 1 the label starts
// with it, 2 a word does, 3 it is inside, 4 it is not there.
/** @param {string} label @param {string} typed */
function glFit(label, typed) {
  const low = label.toLowerCase();
  if (!low.includes(typed)) return 4;
  if (` ${low.replace(/[^\p{L}\p{N}]+/gu, " ")} `.includes(` ${typed} `)) return 0;
  if (low.startsWith(typed)) return 1;
  return low.includes(` ${typed}`) ? 2 : 3;
}

/** @param {Option[]} options @param {string} typed */
export function glFilter(options, typed) {
  const wanted = typed.trim().toLowerCase();
  if (!wanted) return options;
  const fits = options.map((option) => ({ option, fit: glFit(option.text, wanted) }));
  return fits.filter((each) => each.fit < 4).sort((a, b) => a.fit - b.fit).map((each) => each.option);
}

// options(): [{ value, text, note }], best first. choose(value). free(typed): taken when nothing in the list fits.
export class GlCombobox {
  /** @type {() => Option[]} */ options; /** @type {(value: any) => void} */ choose;
  /** @type {((typed: string) => void) | null} */ free; /** @type {Option[]} */ shown; /** @type {number} */ active;
  /** @type {string} */ chosen; /** @type {boolean} */ typing;

  /**
   * @param {{ name: string, label: string, options: () => Option[], choose: (value: any) => void,
   *   free?: ((typed: string) => void) | null }} given
   */
  constructor({ name, label, options, choose, free = null }) {
    const listId = glId("list");
    this.input = el("input", {
      type: "text", role: "combobox", "aria-expanded": "false", "aria-controls": listId, "aria-autocomplete": "list",
      "aria-label": label, autocomplete: "off", spellcheck: "false",
    });
    this.list = el("ul", { role: "listbox", id: listId, "aria-label": label, hidden: true });
    this.node = el("div.gl-combobox", { "data-combobox": name }, this.input, this.list);
    Object.assign(this, { options, choose, free, shown: [], active: -1, chosen: "", typing: false });
    this.listen();
  }

  listen() {
    const { input } = this;
    input.addEventListener("focus", () => input.select());
    input.addEventListener("click", () => { if (this.list.hidden) this.open(); });
    input.addEventListener("input", () => { this.typing = true; this.open(); });
    input.addEventListener("blur", () => this.restore());
    input.addEventListener("keydown", (event) => {
      const opened = !this.list.hidden, move = (to) => (opened ? this.mark(to) : this.open());
      const act = {
        ArrowDown: () => move(this.active + 1),
        ArrowUp: () => move(this.active - 1),
        Home: opened ? () => move(0) : null,
        End: opened ? () => move(this.shown.length - 1) : null,
        Enter: () => this.enter(),
        Escape: () => { if (opened) { this.restore(); input.select(); } else glLeave(input); },
      }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
  }

  open() {
    const fits = glFilter(this.options(), this.typing ? this.input.value : ""), left = fits.length - GL_LIST_LENGTH;
    this.shown = fits.slice(0, GL_LIST_LENGTH);
    const note = (text) => el("li.gl-more", { role: "presentation" }, text);
    this.list.replaceChildren(...this.shown.map((option) => el("li", {
      role: "option", id: glId("option"), "data-value": String(option.value),
      // mousedown, not click: a click would first take the focus from the field and close the list
      onmousedown: (event) => { event.preventDefault(); this.take(option); },
    }, el("span", option.text), el("span.gl-number", option.note || ""))));
    if (left > 0) this.list.append(note(`${left} more: type to narrow`));
    if (!fits.length) this.list.append(note(this.free ? "Enter opens this path" : "no such class"));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.mark(0);
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.typing = false;
  }

  restore() {
    this.close();
    this.input.value = this.chosen;
  }

  /** @param {number} to */
  mark(to) {
    const { input, list, shown } = this;
    this.active = shown.length ? glClamp(to, 0, shown.length - 1) : -1;
    if (this.active < 0) input.removeAttribute("aria-activedescendant");
    /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[role=option]")).forEach((item, i) => {
      item.setAttribute("aria-selected", String(i === this.active));
      if (i !== this.active) return;
      input.setAttribute("aria-activedescendant", item.id);
      list.scrollTop = glClamp(list.scrollTop, item.offsetTop + item.offsetHeight - list.clientHeight, item.offsetTop);
    });
  }

  /** @param {Option} option */
  take(option) {
    this.close();
    this.choose(option.value);
    this.input.value = this.chosen;  // as set by the owner through set()
    this.input.select();
  }

  enter() {
    const typed = this.input.value.trim();
    if (this.list.hidden) this.open();
    else if (this.active >= 0) this.take(this.shown[this.active]);
    else if (this.free && typed) { this.close(); this.free(typed); }
  }

  /** @param {string} text */
  set(text) {
    this.chosen = text;
    if (!this.list.hidden) return;
    this.input.value = text;
    if (this.input.matches(":focus")) this.input.select();  // what is typed next replaces it
  }
}

// A network's classes to choose from, the likeliest first.
/** @param {Picture} a @param {string[]} labels */
export function glClassOptions(a, labels) {
  return a.order.map((c) => ({ value: c, text: labels[c], note: glProbability(a.p[c]) }));
}

// A combobox of classes beside its letter, P or Q.
/** @param {string} letter @param {string} label @param {() => Option[]} options @param {(value: any) => void} choose */
export function glClassPicker(letter, label, options, choose) {
  const box = new GlCombobox({ name: letter.toLowerCase(), label, options, choose });
  const node = el("div.gl-pick", { "data-role": letter.toLowerCase() },
    el("span.gl-letter", { "aria-hidden": "true" }, letter), box.node);
  return { node, set: (text) => box.set(text) };
}
