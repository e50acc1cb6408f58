// Prints a config.json as engines write it, with the machine's own programs: for what is to be laid out as a usual run uses it.
import { existsSync } from "node:fs";
import { defaultConfig } from "../src/flavours/oci/default-config.ts";

const config = defaultConfig();
const process = { ...config.process, args: ["/bin/true"], terminal: false };
const programs = ["/bin", "/lib", "/lib64", "/usr"]
  .filter((path) => existsSync(path))
  .map((path) => ({ destination: path, type: "bind", source: path, options: ["rbind", "ro"] }));
console.log(JSON.stringify({ ...config, process, mounts: [...(config.mounts ?? []), ...programs] }));
