import { LibctError } from "../../errors.ts";
import type { Entry, ImportContext } from "../index.ts";

/** What a container takes from vz.conf when its own file does not say it (vz.conf(5)). */
const GLOBAL: ReadonlySet<string> = new Set(["VE_ROOT", "VE_PRIVATE", "TEMPLATE", "DEF_OSTEMPLATE"]);

/** The entries of CTID.conf, and before them those of vz.conf that are defaults of every container. */
export function parseConfig(path: string, context: Pick<ImportContext, "read">): readonly Entry[] {
  const text = context.read(path);
  if (text === undefined)
    throw new LibctError("ERR_CT_INVALID_SPEC", `${path} cannot be read`, { path, errno: "ENOENT" });
  const above = path.split("/").slice(0, -2).join("/");
  const file = `${above}/vz.conf`;
  const global = context.read(file);
  const defaults = global === undefined ? [] : entriesOf(global, file).filter(({ key }) => GLOBAL.has(key));
  const own = entriesOf(text, path);
  return [...defaults.filter(({ key }) => !own.some((one) => one.key === key)), ...own];
}

/** PARAMETER="value"; "all unrecognized lines will be ignored" (ctid.conf(5)). */
function entriesOf(text: string, path: string): readonly Entry[] {
  return text.split("\n").flatMap((line, index) => {
    const [, key, quoted, plain] = /^\s*([A-Za-z_]\w*)=(?:"([^"]*)"|'?([^'#\s]*)'?)/.exec(line) ?? [];
    if (key === undefined) return [];
    return [{ key, value: quoted ?? plain ?? "", where: `${path}:${index + 1}` }];
  });
}
