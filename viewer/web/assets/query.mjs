/**
 * Queries such as `population = E and (layer = 4 or layer = 5) and not type = "basket cell"`.
 *
 * query      = term { "or" term } ;  term = factor { "and" factor } ;
 * factor     = "not" factor | "(" query ")" | name ( "=" | "!=" ) value | name "in" "(" value { "," value } ")" | "all" ;
 * value      = word | number | '"' text '"'
 *
 * Text is read by this parser only; nothing is evaluated as code.
 */

/** A query that is not understood; `at` is the place in the text. */
export class QueryError extends Error {
  constructor(message, at) {
    super(message);
    this.name = "QueryError";
    this.at = at;
  }
}

const MOST_LETTERS = 2000;
const DEEPEST = 40;
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(!=|[()=,])|([^\s()=!,"']+))/y;

function tokensOf(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const begin = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (found === null) {
      const skipped = text.slice(begin).search(/\S/);
      if (skipped < 0) break;
      throw new QueryError(`"${text[begin + skipped]}" is not understood here`, begin + skipped);
    }
    const [, quoted, sign, word] = found;
    const at = begin + found[0].search(/\S/);
    if (quoted !== undefined) tokens.push({ kind: "value", text: quoted.slice(1, -1).replace(/\\(.)/g, "$1"), at });
    else if (sign !== undefined) tokens.push({ kind: sign, text: sign, at });
    else tokens.push({ kind: "word", text: word, at });
  }
  return tokens;
}

class QueryParser {
  constructor(text) {
    this.text = text;
    this.tokens = tokensOf(text);
    this.next = 0;
    this.depth = 0;
  }

  peek(word) {
    const token = this.tokens[this.next];
    return token?.kind === "word" && token.text.toLowerCase() === word;
  }

  take(kind, wanted) {
    const token = this.tokens[this.next];
    if (token === undefined) throw new QueryError(`${wanted} is missing at the end`, this.text.length);
    if (token.kind !== kind) throw new QueryError(`${wanted} is wanted, not "${token.text}"`, token.at);
    this.next += 1;
    return token;
  }

  value() {
    const token = this.tokens[this.next];
    if (token?.kind === "value") return this.take("value", "a value").text;
    return this.take("word", "a value").text;
  }

  either() {
    this.depth += 1;
    if (this.depth > DEEPEST) throw new QueryError(`brackets are more than ${DEEPEST} deep`, this.tokens[this.next]?.at ?? 0);
    const parts = [this.both()];
    while (this.peek("or")) {
      this.next += 1;
      parts.push(this.both());
    }
    this.depth -= 1;
    return parts.length === 1 ? parts[0] : { kind: "or", parts };
  }

  both() {
    const parts = [this.factor()];
    while (this.peek("and")) {
      this.next += 1;
      parts.push(this.factor());
    }
    return parts.length === 1 ? parts[0] : { kind: "and", parts };
  }

  factor() {
    let turned = false;
    while (this.peek("not")) {
      this.next += 1;
      turned = !turned;
    }
    const found = this.plain();
    return turned ? { kind: "not", part: found } : found;
  }

  plain() {
    if (this.tokens[this.next]?.kind === "(") {
      this.next += 1;
      const inner = this.either();
      this.take(")", "a closing bracket");
      return inner;
    }
    if (this.peek("all")) {
      this.next += 1;
      return { kind: "all" };
    }
    return this.comparison();
  }

  comparison() {
    const name = this.take("word", "a fact such as population").text;
    if (this.peek("in")) {
      this.next += 1;
      this.take("(", "an opening bracket");
      const values = [this.value()];
      while (this.tokens[this.next]?.kind === ",") {
        this.next += 1;
        values.push(this.value());
      }
      this.take(")", "a closing bracket");
      return { kind: "is", name, values };
    }
    const token = this.tokens[this.next];
    if (token?.kind === "!=") {
      this.next += 1;
      return { kind: "not", part: { kind: "is", name, values: [this.value()] } };
    }
    this.take("=", `= or in after "${name}"`);
    return { kind: "is", name, values: [this.value()] };
  }
}

/**
 * Read a query.
 * @returns {object} {kind: "is", name, values} | {kind: "and"|"or", parts} | {kind: "not", part} | {kind: "all"}
 * @throws {QueryError}
 */
export function parseQuery(text) {
  if (text.length > MOST_LETTERS) throw new QueryError(`a query has at most ${MOST_LETTERS} letters`, MOST_LETTERS);
  const parser = new QueryParser(text);
  if (parser.tokens.length === 0) throw new QueryError("write a query, for example: population = E", 0);
  const tree = parser.either();
  const left = parser.tokens[parser.next];
  if (left !== undefined) throw new QueryError(`"and" or "or" is wanted before "${left.text}"`, left.at);
  return tree;
}

function asNumber(text) {
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}

/**
 * Find the cells of a query.
 * @param {object} tree of parseQuery
 * @param {function(object): Promise<Uint32Array>} ask finds cells by one fact, ascending
 * @param {number} n number of all cells
 * @returns {Promise<Uint32Array>} ascending
 */
export async function cellsOf(tree, ask, n) {
  if (tree.kind === "all") return Uint32Array.from({ length: n }, (_, rank) => rank);
  if (tree.kind === "is") {
    // gid is a number everywhere, other facts are text.
    const values = tree.name === "gid" ? tree.values.map(asNumber) : tree.values;
    return ask({ [tree.name]: values.length === 1 ? values[0] : values });
  }
  if (tree.kind === "not") {
    return ranksWith(marksOf([await cellsOf(tree.part, ask, n)], n), n, (k) => k === 0);
  }
  const found = [];
  for (const part of tree.parts) found.push(await cellsOf(part, ask, n));
  const counted = marksOf(found, n);
  return ranksWith(counted, n, tree.kind === "and" ? (k) => k === found.length : (k) => k > 0);
}

function marksOf(lists, n) {
  const counted = new Uint16Array(n);
  for (const list of lists) for (const rank of list) counted[rank] += 1;
  return counted;
}

function ranksWith(counted, n, test) {
  const ranks = [];
  for (let rank = 0; rank < n; rank += 1) if (test(counted[rank])) ranks.push(rank);
  return Uint32Array.from(ranks);
}
