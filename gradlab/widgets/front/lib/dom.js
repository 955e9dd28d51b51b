// Small helpers for building the page; every widget uses them.

// glNode("div", { class: "a", onclick: f, "aria-label": "b" }, child, "text")
export function glNode(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// Ids must differ between widgets and between two views of one widget.
export function glId(word) {
  return `gl-${word}-${Math.random().toString(36).slice(2, 10)}`;
}

// Keys meant for the widget must not reach the notebook, which would cut cells or move on.
export function glKeepKeys(root) {
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  const stop = (event) => event.stopPropagation();
  for (const kind of ["keydown", "keypress", "keyup"]) root.addEventListener(kind, stop);
}

// Esc hands the keyboard back to the notebook.
export function glLeave(node) {
  const notebook = node.closest(".jp-Notebook");
  node.blur();
  if (notebook) notebook.focus();
}

export function glSlider(name, text, value, onchange) {
  const shown = glNode("output", { class: "gl-number" }, value.toFixed(2));
  const input = glNode("input", {
    type: "range", min: 0, max: 1, step: 0.01, value, "data-control": name,
    oninput: () => { shown.textContent = Number(input.value).toFixed(2); onchange(Number(input.value)); },
  });
  return glNode("label", { class: "gl-control" }, glNode("span", {}, text), input, shown);
}

export function glSelect(name, text, values, value, onchange) {
  const input = glNode("select", { "data-control": name, onchange: () => onchange(input.value) },
    values.map((each) => glNode("option", { value: each, selected: each === value }, each)));
  return glNode("label", { class: "gl-control" }, glNode("span", {}, text), input);
}

export function glButton(name, text, onclick) {
  return glNode("button", { type: "button", class: "gl-button", "data-control": name, onclick }, text);
}

// A sentence read out by screen readers; at most four a second, the last one always.
export function glReadout() {
  const node = glNode("p", { class: "gl-readout", "aria-live": "polite" });
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

// Arrow keys move among the buttons of a row; Tab enters and leaves it once.
export function glRove(row) {
  row.addEventListener("keydown", (event) => {
    const all = [...row.querySelectorAll("button")];
    const at = all.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined || !all[to]) return;
    event.preventDefault();
    all.forEach((button, i) => { button.tabIndex = i === to ? 0 : -1; });
    all[to].focus();
  });
}
