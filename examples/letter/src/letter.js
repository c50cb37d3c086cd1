// Renders a Mustache template with the data it is given: the spell's entry point.

import { parse } from "./parse.js";
import { render } from "./render.js";

const PARTIALS_MAX = 64;

export function cast(inputs) {
  const { template, data = {}, partials = {}, escape = "html" } = JSON.parse(inputs);
  const sources = Object.entries(partials);
  if (sources.length > PARTIALS_MAX) {
    throw `There may be ${PARTIALS_MAX} partials, not ${sources.length}.`;
  }
  const parsed = new Map(sources.map(([name, text]) => [name, parse(text, `partial ${name}`)]));
  const missing = new Set();
  const text = render(parse(template, "template"), { data, partials: parsed, escape, missing });
  return JSON.stringify({ text, missing: [...missing].sort() });
}
