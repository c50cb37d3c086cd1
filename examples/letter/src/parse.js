// From the text of a template to a tree of nodes, after the Mustache specification.
//
// Nodes: {text}, {name, raw}, {section, inverted, children}, {partial, indent}.

const DEPTH_MAX = 20;

export function parse(source, where) {
  const parser = { source, where, at: 0, open: "{{", close: "}}" };
  const top = { children: [] };
  const sections = [top];
  while (parser.at < source.length) {
    const start = source.indexOf(parser.open, parser.at);
    if (start < 0) break;
    const tag = readTag(parser, start);
    const line = standalone(parser, start, tag);
    const children = sections.at(-1).children;
    pushText(children, source.slice(parser.at, line ? line.start : start));
    parser.at = line ? line.end : tag.end;
    apply(parser, tag, sections, line ? source.slice(line.start, start) : "");
  }
  pushText(sections.at(-1).children, source.slice(parser.at));
  if (sections.length > 1) {
    fail(parser, source.length, `the section ${sections.at(-1).section} is not closed`);
  }
  return top.children;
}

function apply(parser, tag, sections, indent) {
  const children = sections.at(-1).children;
  switch (tag.kind) {
    case "#":
    case "^": {
      if (sections.length > DEPTH_MAX) fail(parser, tag.start, "sections are nested too deep");
      const section = { section: tag.name, inverted: tag.kind === "^", children: [] };
      children.push(section);
      sections.push(section);
      break;
    }
    case "/":
      if (sections.length === 1 || sections.at(-1).section !== tag.name) {
        fail(parser, tag.start, `no section ${tag.name} is open here`);
      }
      sections.pop();
      break;
    case ">":
      children.push({ partial: tag.name, indent });
      break;
    case "=":
      setDelimiters(parser, tag);
      break;
    case "!":
      break;
    default:
      children.push({ name: tag.name, raw: tag.kind !== "" });
  }
}

function readTag(parser, start) {
  const { source, open, close } = parser;
  let at = start + open.length;
  const kind = "#^/>=!&{".includes(source[at] ?? " ") ? source[at] : "";
  at += kind.length;
  const ending = kind === "{" ? `}${close}` : kind === "=" ? `=${close}` : close;
  const end = source.indexOf(ending, at);
  if (end < 0) fail(parser, start, "a tag is not closed");
  const name = source.slice(at, end).trim();
  if (kind !== "!" && name === "") fail(parser, start, "a tag is empty");
  return { kind, name, start, end: end + ending.length };
}

function setDelimiters(parser, tag) {
  const pair = tag.name.split(/\s+/);
  if (pair.length !== 2 || pair.some((one) => one.includes("="))) {
    fail(parser, tag.start, "delimiters are two texts without =");
  }
  [parser.open, parser.close] = pair;
}

// A tag that shows nothing itself takes the whole line away when it is alone on it.
function standalone({ source, at }, start, tag) {
  if (!["#", "^", "/", ">", "=", "!"].includes(tag.kind)) return null;
  const lineStart = source.lastIndexOf("\n", start - 1) + 1;
  if (lineStart < at && at > 0 && source[at - 1] !== "\n") return null;
  const before = source.slice(lineStart, start);
  const after = /^[ \t]*(\r?\n|$)/.exec(source.slice(tag.end));
  if (before.trim() !== "" || after === null) return null;
  return { start: lineStart, end: tag.end + after[0].length };
}

function pushText(children, text) {
  if (text !== "") children.push({ text });
}

function fail({ source, where }, at, what) {
  const line = source.slice(0, at).split("\n").length;
  throw `In line ${line} of the ${where}, ${what}.`;
}
