/** Building and finding elements. User data only ever becomes text nodes and attributes, never markup. */

const SVG = "http://www.w3.org/2000/svg";

export const find = (id) => document.getElementById(id);

/** A child is a node, a string, null, or a list of these: a call takes some 100,000 arguments at most. */
export function element(name, attributes = {}, ...children) {
  return assemble(document.createElement(name), attributes, children);
}

export function drawing(name, attributes = {}, ...children) {
  return assemble(document.createElementNS(SVG, name), attributes, children);
}

export function button(text, onClick, kind = "") {
  const made = element("button", { type: "button", class: kind }, text);
  made.addEventListener("click", onClick);
  return made;
}

function assemble(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  for (const child of children.flat()) if (child !== null) node.append(child);
  return node;
}
