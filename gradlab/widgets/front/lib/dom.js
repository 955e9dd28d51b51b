// Small helpers for building the page; every widget uses them.

const GL_SVG = "http://www.w3.org/2000/svg";

// el("div.gl-a.gl-b", { onclick: f, "aria-label": "b" }, child, ["text"]); the properties may be left out.
export function el(spec, ...rest) {
  return glMade(document.createElement(spec.split(".")[0]), spec, rest);
}

// The same in a chart.
export function svg(spec, ...rest) {
  return glMade(document.createElementNS(GL_SVG, spec.split(".")[0]), spec, rest);
}

function glMade(node, spec, rest) {
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

export function glTitle(text = "") {
  return el("h3.gl-title", text);
}

export function glHint(...parts) {
  return el("p.gl-hint", parts);
}

// A live region for what is being done, and one for what went wrong.
export function glStatus() {
  return { status: el("p.gl-status", { role: "status" }), error: el("p.gl-error", { role: "alert" }) };
}

// Ids must differ between widgets and between two views of one widget.
export function glId(word) {
  return `gl-${word}-${Math.random().toString(36).slice(2, 10)}`;
}

// Esc hands the keyboard back to the notebook.
export function glLeave(node) {
  const notebook = node.closest(".jp-Notebook");
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
function glKeepKeys(root) {
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const kind of ["keydown", "keypress", "keyup"]) root.addEventListener(kind, (event) => event.stopPropagation());
}

// A view of a widget: a region in the page, what it hears of its model, and what has to be stopped when it goes.
// begin() is called once it is in the page; what is returned takes it away.
export function glMount(view, kind, label, { parts, on = {}, stops = [], begin = () => {} }) {
  const root = el(`div.gl-root.gl-${kind}`, { role: "region", lang: "en", "aria-label": label }, parts);
  glKeepKeys(root);
  view.el.append(root);
  for (const [event, act] of Object.entries(on)) view.model.on(event, act);
  begin(root);
  return () => {
    for (const [event, act] of Object.entries(on)) view.model.off(event, act);
    for (const each of stops) each.stop();
    root.remove();
  };
}
