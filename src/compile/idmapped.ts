import { CLONE, MSG, O, SIG, u64s } from "../linux/index.ts";
import type { Register } from "../program/index.ts";
import type { IdMapping, Mount } from "../spec/index.ts";
import type { ProcessContext } from "./context.ts";
import { writeProcOf } from "./namespaces.ts";

/**
 * An idmapped mount takes its mapping from a user namespace (mount_setattr(2)), so the monitor makes one: a process that only waits until
 * its namespace has been opened. Mounts with the same mapping share it.
 */
export function idMapNamespace(c: ProcessContext, mount: Mount, member: string): Register {
  const uid = mount.uidMappings ?? c.resolved.idMaps?.uid ?? [];
  const gid = mount.gidMappings ?? c.resolved.idMaps?.gid ?? [];
  const name = `idmap ${mapText(uid)}/${mapText(gid)}`.replaceAll("\n", ",");
  const known = made.get(c.program)?.get(name);
  if (known) return known;
  const namespace = makeNamespace(c, uid, gid, member, name);
  const names = made.get(c.program) ?? new Map<string, Register>();
  made.set(c.program, names.set(name, namespace));
  return namespace;
}

const made = new WeakMap<object, Map<string, Register>>();

function makeNamespace(
  c: ProcessContext,
  uid: readonly IdMapping[],
  gid: readonly IdMapping[],
  member: string,
  name: string,
): Register {
  const { monitor, program } = c;
  const holder = program.block("id map holder");
  holder.sys("recvfrom", [c.sync.child, program.memory.zeroed(8), 1, 0, 0, 0]);
  const pid = program.register("idmap_holder");
  const flags = CLONE.NEWUSER;
  monitor.at(member);
  if (c.resolved.features.clone3) {
    monitor.spawn(
      holder,
      { clone3: program.memory.bytes(u64s(flags, 0, 0, 0, SIG.CHLD, 0, 0, 0)), size: 64 },
      { dst: pid },
    );
  } else {
    monitor.spawn(holder, { flags: flags | SIG.CHLD }, { dst: pid });
  }
  writeProcOf(c, pid, "gid_map", mapText(gid), `${member}.gidMappings`);
  writeProcOf(c, pid, "uid_map", mapText(uid), `${member}.uidMappings`);
  const path = program.memory.bytes(new TextEncoder().encode(`.${"/".repeat(13)}ns/user\0`), 1);
  monitor.at(member).decimal(program.memory.at(path, 1), pid, 12, "/");
  const namespace = monitor.sysResult(name, "openat", [c.proc, path, O.RDONLY | O.CLOEXEC, 0]);
  monitor.sys("sendto", [c.sync.monitor, monitor.str("go"), 1, MSG.NOSIGNAL, 0, 0]);
  monitor.sys("wait4", [pid, 0, 0, 0]);
  return namespace;
}

const mapText = (map: readonly IdMapping[]) =>
  map.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
