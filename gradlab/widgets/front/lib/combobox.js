// A text field with a list: type to filter, arrows to move, Enter to choose, Esc to give up (ARIA 1.2 combobox).

import { glId, glLeave, glNode } from "./dom.js";

const GL_LIST_LENGTH = 60;

// How well a label fits what was typed: 0 it is a whole word ("cat": tiger cat before catamaran), 1 the label starts
// with it, 2 a word does, 3 it is inside, 4 it is not there.
function glFit(label, typed) {
  const low = label.toLowerCase();
  if (!low.includes(typed)) return 4;
  if (` ${low.replace(/[^\p{L}\p{N}]+/gu, " ")} `.includes(` ${typed} `)) return 0;
  if (low.startsWith(typed)) return 1;
  return low.includes(` ${typed}`) ? 2 : 3;
}

function glFilter(options, typed) {
  const wanted = typed.trim().toLowerCase();
  if (!wanted) return options;
  const fits = options.map((option) => ({ option, fit: glFit(option.text, wanted) }));
  return fits.filter((each) => each.fit < 4).sort((a, b) => a.fit - b.fit).map((each) => each.option);
}

// options(): [{ value, text, note }], best first. choose(value). free(typed): taken when nothing in the list fits.
export function glCombobox({ name, label, options, choose, free = null }) {
  const listId = glId("list");
  const input = glNode("input", {
    type: "text", role: "combobox", "aria-expanded": "false", "aria-controls": listId, "aria-autocomplete": "list",
    "aria-label": label, autocomplete: "off", spellcheck: "false",
  });
  const list = glNode("ul", { role: "listbox", id: listId, "aria-label": label, hidden: true });
  const node = glNode("div", { class: "gl-combobox", "data-combobox": name }, input, list);
  let shown = [], active = -1, chosen = "", typing = false;

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    typing = false;
  };
  const restore = () => { close(); input.value = chosen; };
  const take = (option) => {
    close();
    choose(option.value);
    input.value = chosen;  // as set by the owner through set()
    input.select();
  };
  const mark = (to) => {
    active = shown.length ? Math.max(0, Math.min(shown.length - 1, to)) : -1;
    [...list.querySelectorAll("[role=option]")].forEach((item, i) => {
      item.setAttribute("aria-selected", String(i === active));
      if (i === active) {
        input.setAttribute("aria-activedescendant", item.id);
        list.scrollTop = Math.min(item.offsetTop,
          Math.max(list.scrollTop, item.offsetTop + item.offsetHeight - list.clientHeight));
      }
    });
    if (active < 0) input.removeAttribute("aria-activedescendant");
  };
  const open = () => {
    const fits = glFilter(options(), typing ? input.value : "");
    shown = fits.slice(0, GL_LIST_LENGTH);
    list.replaceChildren(...shown.map((option) => glNode("li", {
      role: "option", id: glId("option"), "data-value": String(option.value),
      // mousedown, not click: a click would first take the focus from the field and close the list
      onmousedown: (event) => { event.preventDefault(); take(option); },
    }, glNode("span", {}, option.text), glNode("span", { class: "gl-number" }, option.note || ""))));
    const left = fits.length - shown.length;
    const none = free ? "Enter opens this path" : "no such class";
    if (left > 0) list.append(glNode("li", { class: "gl-more", role: "presentation" }, `${left} more: type to narrow`));
    if (!shown.length) list.append(glNode("li", { class: "gl-more", role: "presentation" }, none));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(0);
  };
  const enter = () => {
    const typed = input.value.trim();
    if (list.hidden) open();
    else if (active >= 0) take(shown[active]);
    else if (free && typed) { close(); free(typed); }
  };

  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", () => { if (list.hidden) open(); });
  input.addEventListener("input", () => { typing = true; open(); });
  input.addEventListener("blur", restore);
  input.addEventListener("keydown", (event) => {
    const opened = !list.hidden;
    const act = {
      ArrowDown: () => (opened ? mark(active + 1) : open()),
      ArrowUp: () => (opened ? mark(active - 1) : open()),
      Home: opened ? () => mark(0) : null,
      End: opened ? () => mark(shown.length - 1) : null,
      Enter: enter,
      Escape: () => (opened ? (restore(), input.select()) : glLeave(input)),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  return {
    node,
    input,
    set(text) {
      chosen = text;
      if (!list.hidden) return;
      input.value = text;
      if (input.getRootNode().activeElement === input) input.select();  // what is typed next replaces it
    },
    disable() { input.disabled = true; },
  };
}
