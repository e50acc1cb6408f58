import { type Command, command } from "./command.ts";
import type { AttachFlags } from "./containers/attach.ts";
import type { KillFlags, RemoveFlags, StopFlags } from "./containers/control.ts";
import type { ExecFlags } from "./containers/exec.ts";
import type { HealthCommandFlags } from "./containers/health.ts";
import type { UnmountFlags } from "./containers/live.ts";
import type { LogsFlags } from "./containers/logs.ts";
import type { PsFlags } from "./containers/ps.ts";
import type { StatsFlags, UpdateFlags } from "./containers/resources.ts";
import { RESOURCE_FLAGS } from "./resource-flags.ts";

const NAMES = { usage: "[options] NAME...", words: [["NAME", "the container's name; `ct ps` lists them"]] } as const;
const NAME = { usage: "[options] NAME", most: 1, words: NAMES.words } as const;
const json = { text: "print it as JSON" } as const;
const none = async () => "";
interface Json {
  readonly json?: true;
}

const control = () => import("./containers/control.ts");
const resources = () => import("./containers/resources.ts");

/** What can be done with containers that are there, whoever has started them. */
export const CONTAINER_COMMANDS: Readonly<Record<string, Command>> = {
  start: command<Json>(
    { summary: "execute the command of a container that `ct create` has made", ...NAMES, flags: { json } },
    none,
    async ({ words, flags }, _, globals) => (await control()).start({ words, globals }, flags),
  ),
  ps: command<PsFlags>(
    {
      summary: "list containers: of `ct run -d`, `ct create`, and those with a name",
      usage: "[options]",
      most: 0,
      flags: {
        all: { short: "-a", text: "also those that have ended (always done)" },
        running: { short: "-r", text: "only those that have not ended" },
        quiet: { short: "-q", text: "only their names" },
        json,
      },
    },
    none,
    async ({ flags }, _, globals) => (await import("./containers/ps.ts")).ps(flags, globals),
  ),
  inspect: command<Json>(
    { summary: "tell all that is known of containers, as JSON", ...NAMES, flags: { json } },
    none,
    async ({ words }, _, globals) => (await import("./containers/ps.ts")).inspect(words, globals),
  ),
  logs: command<LogsFlags>(
    {
      summary: "print what a container in the background has written",
      ...NAME,
      flags: {
        follow: { short: "-f", text: "go on until it has ended" },
        timestamps: { short: "-t", text: "begin each line with the time it was written" },
        tail: { short: "-n", value: "lines", text: "only so many of the last lines" },
        since: { value: "time", text: "only what was written since: a time, or how long ago (10m)" },
        json: { text: "print each line as JSON: time, stream, text" },
      },
    },
    none,
    async ({ words, flags }, _, globals) => (await import("./containers/logs.ts")).logs(words, flags, globals),
  ),
  attach: command<AttachFlags>(
    {
      summary: "connect to the streams of a container in the background",
      ...NAME,
      flags: { noStdin: { text: "send it nothing" }, json },
    },
    async () => "\nCtrl-P Ctrl-Q detaches from a container with a terminal. Without one, signals go to the container.",
    async ({ words, flags }, _, globals) => (await import("./containers/attach.ts")).attach(words, flags, globals),
  ),
  exec: command<ExecFlags>(
    {
      summary: "run another command in a container",
      usage: "[options] NAME -- COMMAND...",
      passThrough: true,
      words: NAMES.words,
      flags: {
        detach: { short: "-d", text: "leave it in the background" },
        tty: { short: "-t", text: "give it a terminal" },
        interactive: { short: "-i", text: "let it read the terminal, without one of its own" },
        user: { short: "-u", value: "user[:group]", text: "ids, or names of the container" },
        workdir: { short: "-w", value: "dir", text: "working directory" },
        env: { short: "-e", value: "name[=value]", many: true, text: "an environment variable" },
        envFile: { value: "file", many: true, text: "a file of such lines" },
        capAdd: { value: "capability", many: true, text: "give a capability, or ALL" },
        capDrop: { value: "capability", many: true, text: "take a capability, or ALL" },
        preserveFds: { value: "n", text: "give it the descriptors 3 to 2+n, too" },
        json,
      },
    },
    none,
    async ({ words, flags }, after, globals) =>
      (await import("./containers/exec.ts")).exec(words, after, flags, globals),
  ),
  kill: command<KillFlags>(
    {
      summary: "send a signal to the first process of containers",
      ...NAMES,
      flags: { signal: { short: "-s", value: "signal", text: "its name or number; KILL is the default" }, json },
    },
    none,
    async ({ words, flags }, _, globals) => (await control()).kill({ words, globals }, flags),
  ),
  stop: command<StopFlags>(
    {
      summary: "ask containers to end, kill them when they do not, and wait; they are not started again",
      ...NAMES,
      flags: {
        time: { short: "-t", value: "time", text: "how long they have; 10s is the default" },
        signal: { short: "-s", value: "signal", text: "what asks them; TERM is the default, or what their image says" },
        json,
      },
    },
    none,
    async ({ words, flags }, _, globals) => (await control()).stop({ words, globals }, flags),
  ),
  wait: command<Json>(
    { summary: "wait until containers have ended, and print their exit statuses", ...NAMES, flags: { json } },
    none,
    async ({ words, flags }, _, globals) => (await control()).wait({ words, globals }, flags),
  ),
  pause: command<Json>(
    { summary: "let all processes of containers stand still", ...NAMES, flags: { json } },
    none,
    async ({ words, flags }, _, globals) => (await control()).pause({ words, globals }, flags),
  ),
  resume: command<Json>(
    { summary: "let paused containers go on", ...NAMES, flags: { json } },
    none,
    async ({ words, flags }, _, globals) => (await control()).resume({ words, globals }, flags),
  ),
  update: command<UpdateFlags>(
    { summary: "change the limits of containers that run", ...NAMES, flags: { ...RESOURCE_FLAGS, json } },
    none,
    async ({ words, flags }, _, globals) => (await resources()).update(words, flags, globals),
  ),
  stats: command<StatsFlags>(
    {
      summary: "show what containers use",
      usage: "[options] [NAME...]",
      words: NAMES.words,
      flags: { noStream: { text: "once, and not each second" }, json },
    },
    none,
    async ({ words, flags }, _, globals) => (await resources()).stats(words, flags, globals),
  ),
  events: command<Json>(
    {
      summary: "tell what happens in containers: limits that are reached, kills for memory, pauses, health, the end",
      ...NAMES,
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await resources()).events(words, flags, globals),
  ),
  health: command<HealthCommandFlags>(
    {
      summary: "check the health of a container now, and tell how it is",
      ...NAME,
      flags: { watch: { text: "check it at its intervals until it has ended, and tell each result" }, json },
    },
    async () => "\nThe exit status is 0 when the check has succeeded, and 1 when it has failed.",
    async ({ words, flags }, _, globals) => (await import("./containers/health.ts")).health(words, flags, globals),
  ),
  top: command<Json>(
    { summary: "list the processes of a container", ...NAME, flags: { json } },
    none,
    async ({ words, flags }, _, globals) => (await resources()).top(words, flags, globals),
  ),
  mount: command<Json>(
    {
      summary: "mount something in a container that runs",
      usage: "[options] NAME FIELDS...",
      words: [...NAMES.words, ["FIELDS", "as --mount of `ct run`: type=bind,source=/srv,target=/data,readonly"]],
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await import("./containers/live.ts")).mount(words, flags, globals),
  ),
  umount: command<UnmountFlags>(
    {
      summary: "take a mount away from a container that runs",
      usage: "[options] NAME PATH...",
      words: [...NAMES.words, ["PATH", "where it is in the container"]],
      flags: { lazy: { short: "-l", text: "also when it is in use" }, json },
    },
    none,
    async ({ words, flags }, _, globals) => (await import("./containers/live.ts")).unmount(words, flags, globals),
  ),
  rm: command<RemoveFlags>(
    {
      summary: "remove containers that have ended",
      ...NAMES,
      flags: {
        force: { short: "-f", text: "kill those that have not; also remove records that cannot be read" },
        json,
      },
    },
    none,
    async ({ words, flags }, _, globals) => (await control()).remove({ words, globals }, flags),
  ),
  rename: command<Json>(
    {
      summary: "give a container another name",
      usage: "[options] NAME NEW",
      words: [...NAMES.words, ["NEW", "its new name"]],
      most: 2,
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await control()).rename({ words, globals }, flags),
  ),
};
