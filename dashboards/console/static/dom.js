// Building and patching nodes. Panels are functions from data to nodes; `patch` brings the page to match and keeps
// what the reader did: focus, scroll, selection, opened details.

const SVG = "http://www.w3.org/2000/svg";

/** el("td", {class: "num", "data-key": k}, child, ...): strings become text, null and false are left out. */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

export function icon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `/static/icons.svg#${name}` }));
}

/** Lengths that depend on data. The content policy allows them only through the style object, so patch copies it. */
export function sized(node, style) {
  Object.assign(node.style, style);
  return node;
}

export function empty(title, ...rest) {
  return el("div", { class: "empty" }, icon("empty"), el("p", {}, el("b", {}, title), ...rest));
}

/** Make `target` hold exactly `children`, reusing nodes: by data-key where given, else by place and name. */
export function patch(target, ...children) {
  reconcile(target, children.flat().filter(Boolean).map((child) => (typeof child === "string" ? new Text(child) : child)));
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function reconcile(target, wanted) {
  const keyed = new Map();
  for (const child of target.childNodes) {
    const key = child.dataset?.key;
    if (key) keyed.set(key, child);
  }
  let at = target.firstChild;
  for (const next of wanted) {
    const known = next.dataset?.key ? keyed.get(next.dataset.key) : at && !at.dataset?.key ? at : null;
    if (known && known.nodeName === next.nodeName) {
      if (known === at) at = at.nextSibling;
      else target.insertBefore(known, at);
      update(known, next);
    } else {
      target.insertBefore(next, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function update(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    const isReaders = name === "open" && old.nodeName === "DETAILS";
    if (!next.hasAttribute(name) && !isReaders && name !== "style") old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.style.cssText !== next.style.cssText) old.style.cssText = next.style.cssText;
  reconcile(old, [...next.childNodes]);
}
