// What pages are built of: elements, buttons, choices and sliders, and the frame of every widget.

// el("div.gl-a.gl-b", { onclick: f, "aria-label": "b" }, child, ["text"]); the properties may be left out.
/** @template {string} S @param {S} spec @param {any[]} rest @returns {Made<S>} */
export function el(spec, ...rest) {
  return glMade(document.createElement(spec.split(".")[0]), spec, rest);
}

/** @param {any} node @param {string} spec @param {any[]} rest */
export function glMade(node, spec, rest) {
  const [, ...classes] = spec.split(".");
  if (classes.length) node.setAttribute("class", classes.join(" "));
  const props = Object.getPrototypeOf(rest[0] ?? "") === Object.prototype ? rest.shift() : {};
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...rest.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** @param {string} [text] @param {string} [more] further classes */
export function glTitle(text = "", more = "") {
  // in a page of its own the widget's title is the only heading above
  const alone = document.body?.classList.contains("gl-standalone");
  return el(`h3.gl-title${more}`, { "aria-level": alone ? 2 : null }, text);
}

/** @param {Child[]} parts */
export function glHint(...parts) {
  return el("p.gl-hint", parts);
}

/** @param {HTMLCanvasElement} canvas */
export function glContext(canvas) {
  return /** @type {Context} */ (canvas.getContext("2d"));
}

// Ids must differ between widgets and between two views of one widget.
/** @param {string} word */
export function glId(word) {
  return `gl-${word}-${Math.random().toString(36).slice(2, 10)}`;
}

// Esc hands the keyboard back to the notebook.
/** @param {HTMLElement} node */
export function glLeave(node) {
  const notebook = /** @type {HTMLElement | null} */ (node.closest(".jp-Notebook"));
  node.blur();
  if (notebook) notebook.focus();
}

// A sentence read out by screen readers; at most four a second, the last one always.
export function glReadout() {
  const node = el("p.gl-readout", { "aria-live": "polite" });
  let waiting = null, next = "";
  const write = () => { waiting = null; if (node.textContent !== next) node.textContent = next; };
  return {
    node,
    say(text) {
      next = text;
      if (!node.textContent) write();  // the first one at once
      else if (waiting === null) waiting = setTimeout(write, 250);
    },
    stop() { clearTimeout(waiting); },
  };
}

// Keys meant for the widget must not reach the notebook, which would cut cells or move on.
/** @param {HTMLElement} root */
function glKeepKeys(root) {
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const kind of ["keydown", "keypress", "keyup"]) root.addEventListener(kind, (event) => event.stopPropagation());
}

// A long press belongs to what is pressed: the host's own menu, which covers the widget, is for the mouse and the keys.
/** @param {HTMLElement} root */
function glKeepTouch(root) {
  const is = (event) => ["touch", "pen"].includes(event.pointerType);
  let finger = false;  // was last here: a tap that selects a field's text asks for a menu as if a mouse did
  root.addEventListener("pointerdown", (event) => { finger = is(event); }, true);
  root.addEventListener("keydown", () => { finger = false; }, true);
  root.addEventListener("contextmenu", (event) => {
    if (!finger && !is(event)) return;
    event.stopPropagation();
    const target = /** @type {Element} */ (event.target);
    if (!target.closest("input, img, a")) event.preventDefault();  // to paste, to keep a picture
  });
}

// What anywidget calls for each view of a widget: a region in the page, which hears its model until it is taken away.
// make(model): { node, hears: what is done on each event, stops: what is stopped at the end, begin(root): called once
// it is in the page }.
/** @param {string} kind @param {string} label @param {(model: Model) => Shown} make */
export function glRender(kind, label, make) {
  return (view) => {
    const { model } = view, it = make(model), heard = Object.entries(it.hears || {});
    const root = el(`div.gl-root.gl-${kind}`, { role: "region", lang: "en", "aria-label": label }, it.node);
    glKeepKeys(root);
    glKeepTouch(root);
    view.el.append(root);
    for (const [event, act] of heard) model.on(event, act);
    it.begin(root);
    return () => {
      for (const [event, act] of heard) model.off(event, act);
      for (const each of it.stops) each.stop();
      root.remove();
    };
  };
}

/** @param {string} name @param {string} text @param {(() => void) | null} onclick */
export function glButton(name, text, onclick) {
  return el("button.gl-button", { type: "button", "data-control": name, onclick }, text);
}

// A row of buttons, [name, text] each. Arrow keys move among the buttons of a row; Tab enters and leaves it once.
/** @param {string} label @param {[any, string][]} names @param {(name: any, k: number) => void} choose */
export function glButtons(label, names, choose) {
  return el("div.gl-presets", { role: "group", "aria-label": label }, el("span.gl-hint", label),
    names.map(([name, text], i) => glButton(name, text, () => choose(name, i))));
}

// One button of a row is the chosen one, and the one that Tab enters.
/** @param {HTMLElement} row @param {number} chosen @param {number} [entry] */
export function glPress(row, chosen, entry = chosen) {
  row.querySelectorAll("button").forEach((button, i) => {
    button.setAttribute("aria-pressed", String(i === chosen));
    button.tabIndex = i === entry ? 0 : -1;
  });
}

// Arrow keys move among the buttons of a row; Tab enters and leaves it once.
/** @param {HTMLElement} row */
export function glRove(row) {
  row.addEventListener("keydown", (event) => {
    const all = [...row.querySelectorAll("button")], at = all.findIndex((button) => button === event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined || !all[to]) return;
    event.preventDefault();
    all.forEach((button, i) => { button.tabIndex = i === to ? 0 : -1; });
    all[to].focus();
  });
  return row;
}

// A choice among values: a text each, or [value, text].
/**
 * @param {string} name @param {string} text @param {(string | [string, string])[]} values @param {string} chosen
 * @param {(value: any) => void} onchange
 */
export function glSelect(name, text, values, chosen, onchange) {
  const input = el("select", { "data-control": name, onchange: () => onchange(input.value) },
    values.map((each) => {
      const [value, shown] = Array.isArray(each) ? each : [each, each];
      return el("option", { value, selected: value === chosen }, shown);
    }));
  return { node: el("label.gl-control", el("span", text), input), input, set: (value) => { input.value = value; } };
}

/** @param {string} name @param {string} text @param {(on: boolean) => void} change @param {boolean} [checked] */
export function glCheck(name, text, change, checked = false) {
  const input = el("input", { type: "checkbox", checked, "data-control": name, onchange: () => change(input.checked) });
  const set = (on) => { input.checked = on; };
  return { node: el("label.gl-control", input, el("span", text)), input, set };
}

// From 0 to 1 in hundredths.
/** @param {string} name @param {string} text @param {number} value @param {(value: any) => void} onchange */
export function glSlider(name, text, value, onchange) {
  const shown = el("output.gl-number", value.toFixed(2));
  const input = el("input", {
    type: "range", min: 0, max: 1, step: 0.01, value, "data-control": name,
    oninput: () => { set(input.value); onchange(Number(input.value)); },
  });
  const set = (next) => { input.value = next; shown.textContent = Number(next).toFixed(2); };
  return { node: el("label.gl-control", el("span", text), input, shown), set };
}

// A slider of any range. text(value) is shown beside it.
/** @param {any} given */
export function glRange({ name, label, low, high, step, value, text, change }) {
  const shown = el("output.gl-number"), title = el("span", label);
  const input = el("input", {
    type: "range", "data-control": name, min: low, max: high, step,
    oninput: () => { tell(); change(Number(input.value)); },
  });
  const tell = (now = Number(input.value)) => {
    shown.textContent = text(now);
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  const api = {
    node: el("label.gl-control.gl-range", title, input, shown),
    set(next) { input.value = next; tell(next); },  // which may lie between two steps
    // another range: { label, low, high, step, value }
    reset(next) {
      title.textContent = next.label;
      Object.assign(input, { min: next.low, max: next.high, step: next.step });
      api.set(next.value);
    },
  };
  api.set(value);
  return api;
}
