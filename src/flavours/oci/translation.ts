import { invalid } from "../../errors.ts";

/** Takes what is done otherwise than the file says, for whoever started us. */
export type Warn = (text: string) => void;

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** "NAME=value" as environ(7) has them. Of those with the same name the last one counts. */
export function readEnvironment(env: readonly string[], member: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    env.map((entry, index) => {
      const end = entry.indexOf("=");
      if (end > 0) return [entry.slice(0, end), entry.slice(end + 1)];
      throw invalid(`${member}[${index}]`, entry, "NAME=value");
    }),
  );
}
