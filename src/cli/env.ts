import { readText, wrong } from "./parse.ts";

/**
 * The environment that --env and --env-file give: "NAME=VALUE", or "NAME" for the caller's value, if it has one. Files hold one a line; lines that begin with
 * "#" are comments, and nothing is unquoted. Flags outdo files, and later ones earlier ones.
 */
export function parseEnv(
  words: readonly string[],
  files: readonly string[],
  own: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const env: Record<string, string> = {};
  const add = (word: string, fail: () => Error) => {
    const at = word.indexOf("=");
    const name = at < 0 ? word : word.slice(0, at);
    if (name === "") throw fail();
    const value = at < 0 ? own[name] : word.slice(at + 1);
    if (value !== undefined) env[name] = value;
  };
  for (const file of files) {
    readText("--env-file", file)
      .split(/\r?\n/)
      .forEach((line, index) => {
        if (line.trim() === "" || line.startsWith("#")) return;
        const fail = () =>
          wrong("--env-file", file, `NAME=VALUE or NAME in line ${index + 1}, not ${JSON.stringify(line)}`);
        if (/\s/.test(line.split("=", 1)[0] ?? "")) throw fail(); // Such as "export NAME=VALUE".
        add(line, fail);
      });
  }
  for (const word of words) add(word, () => wrong("--env", word, "NAME=VALUE, or NAME to pass the caller's value on"));
  return env;
}
