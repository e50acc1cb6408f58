import { invalid } from "../errors.ts";
import type { ContainerSpec, NamespaceType } from "./types.ts";
import { type NamespaceUse, requireNamespace } from "./validate-namespaces.ts";

/**
 * Parameters that each namespace has for itself (namespaces(7), ipc_namespaces(7), network_namespaces(7)). All others are the whole machine's.
 * kernel.pid_max is not among them: before Linux 6.14 there was one for all.
 */
const NAMESPACED: readonly (readonly [RegExp, NamespaceType])[] = [
  [/^kernel\/(shm(all|max|mni|_next_id|_rmid_forced)|msg(max|mnb|mni|_next_id)|sem|sem_next_id|auto_msgmni)$/, "ipc"],
  [/^fs\/mqueue\/[^/]+$/, "ipc"],
  [/^net\/./, "network"],
  [/^kernel\/(hostname|domainname)$/, "uts"],
  [/^kernel\/ns_last_pid$/, "pid"],
  [/^vm\/memfd_noexec$/, "pid"],
  [/^user\/[^/]+$/, "user"],
];

const namespaceOfFile = (file: string) => NAMESPACED.find(([pattern]) => pattern.test(file))?.[1];

/** The type of namespace that has a parameter for itself; none: it is the whole machine's. */
export const namespaceOfSysctl = (name: string): NamespaceType | undefined =>
  namespaceOfFile(name.includes("/") ? name : name.replaceAll(".", "/"));

export function checkSysctl(spec: ContainerSpec, use: NamespaceUse): void {
  for (const [name, value] of Object.entries(spec.sysctl ?? {})) {
    const member = `sysctl.${name}`;
    const file = fileOf(name, value, member);
    const type = namespaceOfFile(file);
    if (type === undefined) {
      const hint =
        "namespaced are kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*, net.* and user.*; set others on the host itself";
      throw invalid(
        member,
        value,
        "a parameter that a namespace has for itself, as this one would change for the whole machine",
        hint,
      );
    }
    checkHostname(spec, use, file, value, member);
    // A joined one will do: engines make the network namespace first, and have a container of it set its parameters.
    requireNamespace({ member, type, kind: "either", otherwise: "it would change for others" }, value, use);
  }
}

/** The file under /proc/sys. Names with slashes are for parts that have dots of their own, such as net/ipv4/conf/eth0.5/forwarding. */
function fileOf(name: string, value: string, member: string): string {
  const parts = name.includes("/") ? name.split("/") : name.split(".");
  if (parts.every((part) => part !== "" && part !== "." && part !== "..")) return parts.join("/");
  throw invalid(member, value, "the name of a kernel parameter, such as net.ipv4.ip_forward");
}

function checkHostname(spec: ContainerSpec, use: NamespaceUse, file: string, value: string, member: string): void {
  const name = /^kernel\/(hostname|domainname)$/.exec(file)?.[1];
  if (name !== "hostname" && name !== "domainname") return;
  if (!use.created.has("uts")) {
    const hint = `use the spec's own member ${name} and add "uts" to namespaces`;
    throw invalid(member, value, "a new uts namespace with it: otherwise others would be renamed", hint);
  }
  if (spec[name] !== undefined && spec[name] !== value) {
    throw invalid(
      member,
      value,
      `the same as ${name}, ${JSON.stringify(spec[name])}`,
      `leave it out: ${name} is enough`,
    );
  }
}
