import { LibctError } from "../../errors.ts";
import type { ImportContext, Imported, Note } from "../index.ts";
import { parseConfig } from "./parse.ts";
import { translateConfig } from "./translate.ts";

/** An OCI bundle as a container of libct's own, whose monitor stays with it: an engine is not needed. */
export function importBundle(bundle: string, context: ImportContext): Imported {
  const path = `${bundle}/config.json`;
  const text = context.read(path);
  if (text === undefined)
    throw new LibctError("ERR_CT_INVALID_SPEC", `${path} cannot be read`, { path, errno: "ENOENT" });
  const { spec, process, warnings } = translateConfig(parseConfig(text), {
    id: context.name,
    bundle,
    rootless: !context.privileged,
    kcore: context.kind("/proc/kcore") !== undefined,
  });
  const { lifetime: _, ...own } = spec;
  if (!process) {
    throw new LibctError("ERR_CT_INVALID_SPEC", `${path} has no process`, { path, member: "process" });
  }
  // Who enters it without saying more gets what the first process has.
  return { flavour: "oci", name: context.name, spec: { ...own, process }, process, notes: warnings.map(noteOf(path)) };
}

/** A warning begins with the member that it is about. */
const noteOf =
  (where: string) =>
  (warning: string): Note => {
    const [, key = "config.json", reason = warning] = /^([\w.[\], ]+): (.*)$/s.exec(warning) ?? [];
    return { key, value: "", where, effect: "changed", reason };
  };
