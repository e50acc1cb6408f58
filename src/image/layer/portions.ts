/** Characters of names in one call, and names: there must be room for their operations, too. */
const AT_ONCE = { characters: 12_000, names: 200 };

/** As many names as go in one call. */
export function* portions(names: readonly string[]): Generator<readonly string[]> {
  for (let start = 0; start < names.length; ) {
    let [end, characters] = [start, 0];
    for (; end < names.length && end - start < AT_ONCE.names; end++) {
      characters += (names[end] ?? "").length;
      if (characters > AT_ONCE.characters && end > start) break;
    }
    yield names.slice(start, end);
    start = end;
  }
}
