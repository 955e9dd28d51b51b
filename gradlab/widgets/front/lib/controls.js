// Buttons, choices and sliders. Each has a name by which pages and tests find it.

import { el } from "./dom.js";

export function glButton(name, text, onclick) {
  return el("button.gl-button", { type: "button", "data-control": name, onclick }, text);
}

// A row of buttons, [name, text] each. Arrow keys move among the buttons of a row; Tab enters and leaves it once.
export function glButtons(label, names, choose) {
  return el("div.gl-presets", { role: "group", "aria-label": label }, el("span.gl-hint", label),
    names.map(([name, text], i) => glButton(name, text, () => choose(name, i))));
}

// One button of a row is the chosen one, and the one that Tab enters.
export function glPress(row, chosen, entry = chosen) {
  row.querySelectorAll("button").forEach((button, i) => {
    button.setAttribute("aria-pressed", String(i === chosen));
    button.tabIndex = i === entry ? 0 : -1;
  });
}

// Arrow keys move among the buttons of a row; Tab enters and leaves it once.
export function glRove(row) {
  row.addEventListener("keydown", (event) => {
    const all = [...row.querySelectorAll("button")], at = all.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined || !all[to]) return;
    event.preventDefault();
    all.forEach((button, i) => { button.tabIndex = i === to ? 0 : -1; });
    all[to].focus();
  });
  return row;
}

// A choice among values: a text each, or [value, text].
export function glSelect(name, text, values, chosen, onchange) {
  const input = el("select", { "data-control": name, onchange: () => onchange(input.value) },
    values.map((each) => {
      const [value, shown] = Array.isArray(each) ? each : [each, each];
      return el("option", { value, selected: value === chosen }, shown);
    }));
  return { node: el("label.gl-control", el("span", text), input), input };
}

export function glCheck(name, text, change, checked = false) {
  const input = el("input", { type: "checkbox", checked, "data-control": name, onchange: () => change(input.checked) });
  return el("label.gl-control", input, el("span", text));
}

// From 0 to 1 in hundredths.
export function glSlider(name, text, value, onchange) {
  const shown = el("output.gl-number", value.toFixed(2));
  const input = el("input", {
    type: "range", min: 0, max: 1, step: 0.01, value, "data-control": name,
    oninput: () => { shown.textContent = Number(input.value).toFixed(2); onchange(Number(input.value)); },
  });
  return el("label.gl-control", el("span", text), input, shown);
}

// A slider of any range. text(value) is shown beside it.
export function glRange({ name, label, low, high, step, value, text, change }) {
  const shown = el("output.gl-number"), title = el("span", label);
  const input = el("input", {
    type: "range", "data-control": name, min: low, max: high, step,
    oninput: () => { tell(); change(Number(input.value)); },
  });
  const tell = () => {
    shown.textContent = text(Number(input.value));
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  const api = {
    node: el("label.gl-control.gl-range", title, input, shown),
    set(next) { input.value = next; tell(); },
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
