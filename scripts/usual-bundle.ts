// A config.json as engines write it, over the machine's own root: for what is to be laid out as a usual run uses it.
import { defaultConfig } from "../src/flavours/oci/default-config.ts";

const config = defaultConfig();
const process = { ...config.process, args: ["/bin/true"], terminal: false };
console.log(JSON.stringify({ ...config, process, root: { path: "/", readonly: true } }));
