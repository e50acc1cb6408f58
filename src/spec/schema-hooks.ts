import type { Hook, Hooks } from "./hooks.ts";
import { integer, list, object, path, text, texts } from "./schema-base.ts";

const hook = object<Hook>(
  { path },
  {
    args: list(text, 1),
    env: texts((name) => name !== "" && !/[=\0]/.test(name), 'the name of a variable, without "=" and NUL bytes'),
    timeout: integer(1, 0x7fff_ffff),
  },
);

export const hooks = object<Hooks>(
  {},
  {
    prestart: list(hook),
    createRuntime: list(hook),
    createContainer: list(hook),
    startContainer: list(hook),
    poststart: list(hook),
    poststop: list(hook),
  },
);
