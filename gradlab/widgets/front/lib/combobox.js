// A text field with a list: type to filter, arrows to move, Enter to choose, Esc to give up (ARIA 1.2 combobox).

import { el, glId, glLeave } from "./dom.js";
import { glClamp, glProbability } from "./numbers.js";
import { glSearch } from "./search.js";

const GL_LIST_LENGTH = 60, GL_LIST_HEIGHT = 264;

// The part of the page in which a list may lie: inside the widget, where nothing around it cuts it off.
/** @param {HTMLElement} node */
function glRoom(node) {
  const room = { left: 0, top: 0, right: window.innerWidth, bottom: window.innerHeight };
  for (let at = /** @type {HTMLElement | null} */ (node.parentElement); at; at = at.parentElement) {
    const isRoot = at.classList.contains("gl-root");
    if (!isRoot && !/auto|scroll|hidden|clip/.test(getComputedStyle(at).overflow)) continue;
    const box = at.getBoundingClientRect();
    room.left = Math.max(room.left, box.left);
    room.top = Math.max(room.top, box.top);
    room.right = Math.min(room.right, box.right);
    room.bottom = Math.min(room.bottom, box.bottom);
  }
  return room;
}

// options(): [{ value, text, note }], best first. choose(value). free(typed): taken when nothing in the list fits.
// groups: the values that a word stands for. none: what is said where nothing fits.
export class GlCombobox {
  /** @type {() => Option[]} */ options; /** @type {(value: any) => void} */ choose;
  /** @type {((typed: string) => void) | null} */ free; /** @type {Option[]} */ shown; /** @type {number} */ active;
  /** @type {string} */ chosen; /** @type {boolean} */ typing; /** @type {Record<string, number[]>} */ groups;
  /** @type {string} */ none;

  /**
   * @param {{ name: string, label: string, options: () => Option[], choose: (value: any) => void,
   *   free?: ((typed: string) => void) | null, groups?: Record<string, number[]>, none?: string }} given
   */
  constructor({ name, label, options, choose, free = null, groups = {}, none = "no such class" }) {
    const listId = glId("list");
    this.input = el("input", {
      type: "text", role: "combobox", "aria-expanded": "false", "aria-controls": listId, "aria-autocomplete": "list",
      "aria-label": label, autocomplete: "off", spellcheck: "false",
    });
    this.list = el("ul", { role: "listbox", id: listId, "aria-label": label, hidden: true });
    this.node = el("div.gl-combobox", { "data-combobox": name }, this.input, this.list);
    Object.assign(this, { options, choose, free, groups, none, shown: [], active: -1, chosen: "", typing: false });
    this.listen();
  }

  listen() {
    const { input } = this;
    input.addEventListener("focus", () => input.select());
    input.addEventListener("mousedown", (event) => {
      if (this.typing || !input.matches(":focus")) return;
      event.preventDefault();  // or the click would put a caret into the last choice, and what is typed next behind it
      input.select();
    });
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
    const fits = glSearch(this.options(), this.typing ? this.input.value : "", this.groups);
    const left = fits.length - GL_LIST_LENGTH;
    this.shown = fits.slice(0, GL_LIST_LENGTH);
    const note = (text) => el("li.gl-more", { role: "presentation" }, text);
    this.list.replaceChildren(...this.shown.map((option) => el("li", {
      role: "option", id: glId("option"), "data-value": String(option.value),
      // mousedown, not click: a click would first take the focus from the field and close the list
      onmousedown: (event) => { event.preventDefault(); this.take(option); },
    }, el("span", option.text), el("span.gl-number", option.note || ""))));
    if (left > 0) this.list.append(note(`${left} more: type to narrow`));
    if (!fits.length) this.list.append(note(this.free ? "Enter opens this path" : this.none));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.place();
    this.mark(0);
  }

  // Above or below the field, whichever has room, and no further to the right than the widget.
  place() {
    const { input, list } = this, room = glRoom(this.node), field = input.getBoundingClientRect();
    const below = room.bottom - field.bottom - 6, above = field.top - room.top - 6;
    const up = below < Math.min(GL_LIST_HEIGHT, list.scrollHeight) && above > below;
    list.classList.toggle("gl-up", up);
    list.style.maxHeight = `${glClamp(up ? above : below, 72, GL_LIST_HEIGHT)}px`;
    list.style.left = "0";
    const over = list.getBoundingClientRect().right - room.right;
    if (over > 0) list.style.left = `${-Math.min(over, field.left - room.left)}px`;
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

// A combobox of classes beside its letter, P or Q. groups: the classes that a word stands for.
/**
 * @param {string} letter @param {string} label @param {() => Option[]} options @param {(value: any) => void} choose
 * @param {Record<string, number[]>} groups @param {string} [none]
 */
export function glClassPicker(letter, label, options, choose, groups, none) {
  const box = new GlCombobox({ name: letter.toLowerCase(), label, options, choose, groups, none });
  const node = el("div.gl-pick", { "data-role": letter.toLowerCase() },
    el("span.gl-letter", { "aria-hidden": "true" }, letter), box.node);
  return { node, set: (text) => box.set(text) };
}
