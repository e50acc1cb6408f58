/** One complete type of D-Bus: a basic one by its letter, or what it is made of ("D-Bus Specification", "Type System"). */
export type Type =
  | { readonly code: Basic | "v"; readonly alignment: number }
  | { readonly code: "a"; readonly item: Type; readonly alignment: 4 }
  | { readonly code: "(" | "{"; readonly members: readonly Type[]; readonly alignment: 8 };

export type Basic = "y" | "b" | "n" | "q" | "i" | "u" | "x" | "t" | "d" | "s" | "o" | "g" | "h";

const ALIGNMENT: Readonly<Record<string, number>> = {
  y: 1,
  b: 4,
  n: 2,
  q: 2,
  i: 4,
  u: 4,
  x: 8,
  t: 8,
  d: 8,
  s: 4,
  o: 4,
  g: 1,
  h: 4,
  v: 1,
};

/** How deep arrays may be in each other, and so may structures. */
const DEPTH = 32;
const LONGEST = 255;

/** The types of a signature, one after the other. Throws RangeError for what is no signature. */
export function parseSignature(signature: string): readonly Type[] {
  const known = parsed.get(signature);
  if (known) return known;
  if (signature.length > LONGEST) throw new RangeError(`a signature of ${signature.length} bytes`);
  const parser = new Parser(signature);
  const types: Type[] = [];
  while (!parser.isAtEnd) types.push(parser.next(0, 0));
  parsed.set(signature, types);
  return types;
}

/** A client meets a few dozen of them. */
const parsed = new Map<string, readonly Type[]>();

/** The only type of a signature: of a variant, say. */
export function parseSingle(signature: string): Type {
  const [type, ...more] = parseSignature(signature);
  if (type && more.length === 0) return type;
  throw new RangeError(`not one complete type: ${JSON.stringify(signature)}`);
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  next(arrays: number, structures: number): Type {
    const code = this.#text[this.#at++] ?? "";
    if (code === "a") return this.#array(arrays + 1, structures);
    if (code === "(") return { code, members: this.#members(")", arrays, structures + 1), alignment: 8 };
    const alignment = ALIGNMENT[code];
    if (alignment === undefined) throw this.#wrong();
    return { code: code as Basic | "v", alignment };
  }

  /** An entry of a dictionary is nothing but the item of an array. */
  #array(arrays: number, structures: number): Type {
    if (arrays > DEPTH) throw this.#wrong();
    if (this.#text[this.#at] !== "{") return { code: "a", item: this.next(arrays, structures), alignment: 4 };
    this.#at++;
    const members = this.#members("}", arrays, structures + 1);
    const [key] = members;
    const basic = key !== undefined && key.code !== "v" && !("item" in key) && !("members" in key);
    if (members.length !== 2 || !basic) throw this.#wrong();
    return { code: "a", item: { code: "{", members, alignment: 8 }, alignment: 4 };
  }

  #members(end: string, arrays: number, structures: number): readonly Type[] {
    if (structures > DEPTH) throw this.#wrong();
    const members: Type[] = [];
    while (this.#text[this.#at] !== end) members.push(this.next(arrays, structures));
    this.#at++;
    if (members.length === 0) throw this.#wrong();
    return members;
  }

  #wrong(): RangeError {
    return new RangeError(`not a signature: ${JSON.stringify(this.#text)}`);
  }
}
