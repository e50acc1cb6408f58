/** Keeps what was made of the last few values, to be used again for an equal one: for pure functions. */
export class Recent<K, V> {
  readonly #entries: { readonly key: K; readonly value: V }[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** What was made of an equal value. */
  find(key: unknown): V | undefined {
    return this.#entries.find((entry) => isSame(entry.key, key))?.value;
  }

  /** `key` must not be changed afterwards. */
  add(key: K, value: V): V {
    this.#entries.unshift({ key, value });
    if (this.#entries.length > this.#most) this.#entries.pop();
    return value;
  }
}

/**
 * Whether two values mean the same: lists, bytes, sets, maps and plain objects by what is in them, all else (functions, instances of classes) only when it is the
 * same.
 */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && sameLists(a, b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && sameLists(a, b);
  if (a instanceof Set) return b instanceof Set && sameLists([...a], [...b]);
  if (a instanceof Map) return b instanceof Map && sameLists([...a], [...b]);
  return isPlain(a) && isPlain(b) && sameMembers(a, b);
}

function sameLists(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (!isSame(a[index], b[index])) return false;
  return true;
}

type Members = Readonly<Record<string, unknown>>;

function isPlain(value: object): value is Members {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function sameMembers(a: Members, b: Members): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  for (const name of names) if (!Object.hasOwn(b, name) || !isSame(a[name], b[name])) return false;
  return true;
}
