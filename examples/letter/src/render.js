// From a tree of nodes and data to text.

const DEPTH_MAX = 40;
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function render(nodes, { data, partials, escape, missing }) {
  const escaped = escape === "html" ? escapeHtml : (text) => text;
  return renderNodes(nodes, [data], { partials, escaped, missing, depth: 0 });
}

function renderNodes(nodes, scopes, options) {
  if (options.depth > DEPTH_MAX) throw "Sections and partials are nested too deep.";
  return nodes.map((node) => renderNode(node, scopes, options)).join("");
}

function renderNode(node, scopes, options) {
  if (node.text !== undefined) return node.text;
  if (node.partial !== undefined) return renderPartial(node, scopes, options);
  if (node.section !== undefined) return renderSection(node, scopes, options);
  const value = lookUp(node.name, scopes);
  if (value === undefined) options.missing.add(node.name);
  const text = textOf(value);
  return node.raw ? text : options.escaped(text);
}

function renderSection({ section, inverted, children }, scopes, options) {
  const value = lookUp(section, scopes);
  const deeper = { ...options, depth: options.depth + 1 };
  const isEmpty = !value || (Array.isArray(value) && value.length === 0);
  if (inverted) return isEmpty ? renderNodes(children, scopes, deeper) : "";
  if (isEmpty) return "";
  const items = Array.isArray(value) ? value : [value];
  return items.map((item) => renderNodes(children, [...scopes, item], deeper)).join("");
}

function renderPartial({ partial, indent }, scopes, options) {
  const nodes = options.partials.get(partial);
  if (nodes === undefined) throw `The partial ${partial} is not among the inputs.`;
  const text = renderNodes(nodes, scopes, { ...options, depth: options.depth + 1 });
  return indent === "" ? text : text.replace(/^(?=.)/gm, indent);
}

// The first part of a dotted name is searched in all scopes, the others only below it.
function lookUp(name, scopes) {
  if (name === ".") return scopes.at(-1);
  const [first, ...rest] = name.split(".");
  const scope = scopes.findLast((one) => isObject(one) && Object.hasOwn(one, first));
  let value = scope?.[first];
  for (const part of rest) {
    value = isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }
  return value;
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

function textOf(value) {
  if (value === undefined || value === null) return "";
  return isObject(value) ? JSON.stringify(value) : String(value);
}

function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]);
}
