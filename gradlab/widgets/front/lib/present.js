// For a lecture hall: the maps alone, in large type, and a key for each thing to ask next.

import { el, glButton } from "./dom.js";

const GL_ENDS = "Escape";

// keys: { p: ["next P", (step) => ...], ... }; step is 1, or -1 with Shift.
export class GlPresenter {
  /** @type {HTMLElement} */ root;

  /** @param {Model} model @param {Record<string, [string, (step: number) => void]>} keys */
  constructor(model, keys) {
    this.model = model;
    this.keys = keys;
    this.button = glButton("present", "present", () => this.ask(true));
    this.hint = el("p.gl-presenter", { hidden: true },
      Object.entries(keys).map(([key, [text, act]]) => el("span", this.key(key.toUpperCase(), text, () => act(1)))),
      el("span", this.key("Esc", "end", () => this.ask(false))));
    this.hears = { "change:present": () => this.show() };
  }

  /** @param {string} name @param {string} text @param {() => void} act */
  key(name, text, act) {
    const button = glButton(`present-${name.toLowerCase()}`, "", act);
    button.append(el("kbd", name), ` ${text}`);
    return button;
  }

  // Once it is in the page.
  begin() {
    const root = this.root = /** @type {HTMLElement} */ (this.hint.closest(".gl-root"));
    root.tabIndex = -1;
    root.addEventListener("keydown", (event) => this.pressed(event));
    root.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement) this.ask(false); });
    this.show();
  }

  /** @param {boolean} on */
  ask(on) {
    this.model.set("present", on);
    // a host that allows no full screen shows it in the widget's own place
    if (on) this.root.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement === this.root) document.exitFullscreen();
    if (on) this.root.focus();
    else this.button.focus();
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const typing = /** @type {Element} */ (event.target).closest("input, select");
    if (!this.model.get("present") || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.keys[event.key.toLowerCase()]?.[1];
    if (event.key === GL_ENDS) this.ask(false);
    else if (act) act(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  }

  show() {
    const on = Boolean(this.model.get("present"));
    this.root.classList.toggle("gl-presenting", on);
    this.hint.hidden = !on;
  }
}

// The next of some values, round and round.
/** @template T @param {T[]} values @param {T} now @param {number} step */
export function glNext(values, now, step) {
  return values[(values.indexOf(now) + step + values.length) % values.length];
}
