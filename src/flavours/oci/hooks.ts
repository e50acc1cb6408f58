import { invalid } from "../../errors.ts";
import type { Hook, Hooks } from "../../spec/index.ts";
import type { OciHook, OciHooks } from "./config.ts";
import { type Mutable, readEnvironment } from "./translation.ts";

export const HOOK_NAMES = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const satisfies readonly (keyof Hooks)[];

export function translateHooks(hooks: OciHooks): Hooks | undefined {
  const result: Mutable<Hooks> = {};
  for (const name of HOOK_NAMES) {
    const list = hooks[name];
    if (list && list.length > 0)
      result[name] = list.map((hook, index) => translateHook(hook, `hooks.${name}[${index}]`));
  }
  return Object.keys(result).length > 0 ? result : undefined;
}

function translateHook({ path, args, env, timeout }: OciHook, member: string): Hook {
  if (!path.startsWith("/")) throw invalid(`${member}.path`, path, "an absolute path");
  const hook: Mutable<Hook> = { path };
  if (args && args.length > 0) hook.args = args;
  if (env) hook.env = readEnvironment(env, `${member}.env`);
  if (timeout !== undefined) hook.timeout = timeout;
  return hook;
}
