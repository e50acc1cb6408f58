import type { Mount } from "../spec/index.ts";
import { wrong } from "./parse.ts";

/** SOURCE:DESTINATION[:OPTION,...]; with what is mounted below the source. */
export function parseBind(word: string, absolute: (path: string) => string): Mount {
  const [source = "", destination = "", options, rest] = word.split(":");
  if (source === "" || !destination.startsWith("/") || rest !== undefined) {
    throw wrong("--bind", word, "SOURCE:/DESTINATION[:OPTIONS], such as ./src:/src:ro");
  }
  return bindMount(absolute(source), destination, options === undefined || options === "" ? [] : options.split(","));
}

function bindMount(source: string, destination: string, options: readonly string[]): Mount {
  const kind = options.includes("bind") || options.includes("rbind") ? [] : ["rbind"];
  // A read-only bind mount is meant to be read-only to its depth.
  const deep = options.map((option) => (option === "ro" && !options.includes("bind") ? "rro" : option));
  return { destination, source, type: "bind", options: [...kind, ...deep.filter((option) => option !== "rw")] };
}

/** /DESTINATION[:OPTION,...] */
export function parseTmpfs(word: string): Mount {
  const [destination = "", options, rest] = word.split(":");
  if (!destination.startsWith("/") || rest !== undefined) {
    throw wrong("--tmpfs", word, "/DESTINATION[:OPTIONS], such as /tmp:size=64m");
  }
  return {
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "nodev", ...(options ? options.split(",") : [])],
  };
}

const EXPECTED = "type=TYPE,[source=SOURCE,]target=/DESTINATION[,readonly][,OPTION...]";

/** Docker's long form. What it does not know itself is an option of the mount. */
export function parseMount(word: string, absolute: (path: string) => string): Mount {
  let [type, source, destination]: (string | undefined)[] = [];
  const options: string[] = [];
  for (const part of word.split(",")) {
    const at = part.indexOf("=");
    const [key, value] = at < 0 ? [part, undefined] : [part.slice(0, at), part.slice(at + 1)];
    if (key === "type") type = value;
    else if (key === "source" || key === "src") source = value;
    else if (key === "target" || key === "destination" || key === "dst") destination = value;
    else if ((key === "readonly" || key === "ro") && (value === undefined || value === "true" || value === "1"))
      options.push("ro");
    else if (key === "bind-propagation" && value) options.push(value);
    else if (key === "tmpfs-size" && value) options.push(`size=${value}`);
    else if (key === "tmpfs-mode" && value) options.push(`mode=${value}`);
    else if (part !== "") options.push(part);
  }
  if (type === undefined || !destination?.startsWith("/")) throw wrong("--mount", word, EXPECTED);
  if (type !== "bind") return { destination, type, source: source ?? type, options };
  if (source === undefined) throw wrong("--mount", word, "a source, as it is a bind mount");
  return bindMount(absolute(source), destination, options);
}
