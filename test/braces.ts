// Functions of C++ by their braces: the layout is clang-format's, so that text and braces tell them from other blocks.

export interface Found {
  readonly line: number;
  readonly lines: number;
}

/** The text with comments, literals and preprocessor lines blanked, line for line. */
function plain(source: string): string {
  const blank = (s: string): string => s.replace(/[^\n]/g, " ");
  return source
    .replace(/\/\/[^\n]*|\/\*.*?\*\/|R"\(.*?\)"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'/gs, (s, at) =>
      s.startsWith("'") && /[0-9a-fA-F]/.test(source[at - 1] ?? "") ? s : blank(s),
    )
    .replace(/^[ \t]*#(?:[^\n]*\\\n)*[^\n]*/gm, blank);
}

const CONTROL = /^(else |do\b|if\b|for\b|while\b|switch\b|try\b|catch\b)/;
/** What follows the parameters of a function or lambda: qualifiers, a result, a constraint, the initialisers of a constructor. */
const AFTER = /^(\s|const|noexcept|override|final|mutable|&)*(->.*|requires.*|:[^:].*)?$/s;

/** Whether a block with this text before it is the body of a function, or of a lambda. */
function isFunction(header: string): boolean {
  const text = header.trim();
  if (CONTROL.test(text)) return false;
  if (/\[[^\][]*\]\s*(mutable\s*)?$/.test(text)) return true; // a lambda without parameters
  for (let close = text.indexOf(")"); close >= 0; close = text.indexOf(")", close + 1)) {
    if (AFTER.test(text.slice(close + 1)) && !/=\s*$/.test(text)) return true;
  }
  return false;
}

/** The functions of a source, from the first line of the declaration to the closing brace. */
export function functionsOf(source: string): Found[] {
  const text = plain(source);
  const found: Found[] = [];
  const open: { header: string; start: number; parens: number; body: boolean }[] = [];
  let [header, start, parens, line] = ["", 1, 0, 1];
  for (const c of text) {
    if (c === "\n") line++;
    if (c === "(") parens++;
    if (c === ")") parens--;
    if (c === "{") {
      // Braces around values have no space before them, or follow an operator; the text before them goes on behind.
      const values = /(^|[^\s]|[=(,?:]\s*|\breturn\s*)$/.test(header) && !/[)\]]$/.test(header.trim());
      open.push({ header: values && header !== "" ? `${header}{}` : "", start, parens, body: !values && isFunction(header) });
      [header, parens] = ["", 0];
    } else if (c === "}") {
      const frame = open.pop();
      if (frame === undefined) throw new Error(`line ${line}: a brace too many`);
      if (frame.body) found.push({ line: frame.start, lines: line - frame.start + 1 });
      ({ header, start, parens } = frame);
    } else if (c === ";" && parens === 0) {
      header = "";
    } else if (header !== "" || c.trim() !== "") {
      if (header === "") start = line;
      header += c;
    }
  }
  if (open.length > 0) throw new Error("a brace is missing");
  return found;
}
