import { type Mount, parseSize } from "../spec/index.ts";
import { wrong } from "./parse.ts";

type Absolute = (path: string) => string;

/** SOURCE:DESTINATION[:OPTION,...]; with what is mounted below the source. A source without a slash is a volume's name, as with docker. */
export function parseBind(word: string, absolute: Absolute): Mount {
  const [source = "", destination = "", options = "", rest] = word.split(":");
  if (source === "" || !destination.startsWith("/") || rest !== undefined) {
    throw wrong("--bind", word, "SOURCE:/DESTINATION[:OPTIONS], such as ./src:/src:ro", PATHS_WITH_COLONS);
  }
  if (!source.includes("/") && source !== "." && source !== "..")
    return volumeMount(source, destination, words(options));
  return bindMount(absolute(source), destination, words(options));
}

const volumeMount = (source: string, destination: string, options: readonly string[]): Mount => ({
  destination,
  source,
  type: "volume",
  options: options.filter((option) => option !== "rw"),
});

const PATHS_WITH_COLONS = "for a path with a colon take --mount type=bind,source=...,target=...";

const words = (options: string) => options.split(",").filter((option) => option !== "");

function bindMount(source: string, destination: string, options: readonly string[]): Mount {
  const flat = options.includes("bind");
  const kind = flat || options.includes("rbind") ? [] : ["rbind"];
  // A read-only bind mount is meant to be read-only to its depth.
  const deep = options.map((option) => (option === "ro" && !flat ? "rro" : option));
  return { destination, source, type: "bind", options: [...kind, ...deep.filter((option) => option !== "rw")] };
}

/** /DESTINATION[:OPTION,...] */
export function parseTmpfs(word: string): Mount {
  const [destination = "", options = "", rest] = word.split(":");
  if (!destination.startsWith("/") || rest !== undefined) {
    throw wrong("--tmpfs", word, "/DESTINATION[:OPTIONS], such as /tmp:size=64m");
  }
  return tmpfsMount(destination, words(options));
}

const tmpfsMount = (destination: string, options: readonly string[]): Mount => ({
  destination,
  type: "tmpfs",
  source: "tmpfs",
  // A later option outdoes an earlier one: `suid`, `dev`.
  options: ["nosuid", "nodev", ...options],
});

const EXPECTED = "type=TYPE[,source=SOURCE],target=/DESTINATION[,readonly][,OPTION...]";

/** Docker's long form. What it does not know itself is an option of the mount. */
export function parseMount(word: string, absolute: Absolute): Mount {
  const parts = new MountParts(word);
  for (const part of splitFields(word)) parts.add(part);
  const { type, source, destination, options } = parts;
  if (type === undefined || !destination?.startsWith("/")) throw wrong("--mount", word, EXPECTED);
  if (type === "volume") {
    if (source === undefined || source === "") throw wrong("--mount", word, "a source, which is the volume's name");
    return volumeMount(source, destination, options);
  }
  if (type === "tmpfs") return tmpfsMount(destination, options);
  if (type !== "bind") return { destination, type, source: source ?? type, options };
  if (source === undefined || source === "") throw wrong("--mount", word, "a source, as it is a bind mount");
  return bindMount(absolute(source), destination, options);
}

class MountParts {
  type: string | undefined;
  source: string | undefined;
  destination: string | undefined;
  readonly options: string[] = [];
  readonly #word: string;

  constructor(word: string) {
    this.#word = word;
  }

  add(part: string): void {
    const at = part.indexOf("=");
    const [key, value] = at < 0 ? [part, undefined] : [part.slice(0, at), part.slice(at + 1)];
    if (key === "type") this.type = value;
    else if (key === "source" || key === "src") this.source = value;
    else if (key === "target" || key === "destination" || key === "dst") this.destination = value;
    else if (!this.#addDockerOption(key, value) && part !== "") this.options.push(part);
  }

  #addDockerOption(key: string, value: string | undefined): boolean {
    if (key === "readonly" || key === "ro") this.#addSwitch("ro", value);
    else if (key === "bind-nonrecursive") this.#addSwitch("bind", value);
    else if (key === "bind-propagation" && value) this.options.push(value);
    else if (key === "volume-nocopy") this.#addSwitch("nocopy", value);
    else if (key === "tmpfs-size" && value) this.options.push(`size=${parseSize(value, "--mount tmpfs-size")}`);
    else if (key === "tmpfs-mode" && value) this.options.push(`mode=${value}`);
    else return false;
    return true;
  }

  #addSwitch(option: string, value: string | undefined): void {
    if (value === undefined || value === "true" || value === "1") this.options.push(option);
    else if (value !== "false" && value !== "0") throw wrong("--mount", this.#word, EXPECTED);
  }
}

/** Fields between commas. As in docker, one with a comma of its own stands in quotation marks: type=bind,"source=/a,b",target=/c */
function splitFields(word: string): readonly string[] {
  const commasOutsideQuotes = /,(?=(?:[^"]*"[^"]*")*[^"]*$)/;
  return word
    .split(commasOutsideQuotes)
    .map((field) => (/^".*"$/.test(field) ? field.slice(1, -1).replaceAll('""', '"') : field));
}
