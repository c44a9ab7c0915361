// Making and keeping elements. Text goes in as text only: nothing here takes markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  set(node, attributes);
  node.append(...children);
  return node;
}

export const el = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);
export const at = (id) => document.getElementById(id);

export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }
}

/** Say something, if it is not said already: screen readers tell what changes. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The children of `parent` are those of `items`, in their order; the same key keeps its element, and its focus. */
export function keyed(parent, items, keyOf, make, update) {
  const kept = new Map(Array.from(parent.children, (child) => [child.dataset.key, child]));
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let node = kept.get(key);
    if (!node) {
      node = make(item);
      node.dataset.key = key;
    }
    kept.delete(key);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
    update(node, item);
  }
  for (const node of kept.values()) node.remove();
  if (focused && focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}
