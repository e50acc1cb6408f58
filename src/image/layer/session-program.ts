import { type Arch, AT, CLONE, E, MNT, MS, O, SIG } from "../../linux/index.ts";
import { type Block, type BlockBuilder, type Program, ProgramBuilder, type Register } from "../../program/index.ts";

/** Which ids the files of a layer may have, and who may say so: for users who are not root (user_namespaces(7)). */
export interface LayerIds {
  readonly uid: readonly IdRange[];
  readonly gid: readonly IdRange[];
  /** The process itself, for its own single id, or newuidmap(1) and newgidmap(1). */
  readonly writer: "self" | { readonly newuidmap: string; readonly newgidmap: string };
}

interface IdRange {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

/** The notice that it is ready, with its pid. */
export const READY = 1;

/**
 * A process whose whole world is one directory: it has a mount namespace in which nothing else is mounted, so there is no path, link or ".." that leads
 * out of it. Then it waits, and carries out what CALLs bring.
 */
export function sessionProgram(arch: Arch, directory: string, ids: LayerIds | undefined): Program {
  const program = new ProgramBuilder(arch);
  const monitor = program.block("monitor");
  const pid = monitor.sysResult("pid", "getpid", []);
  monitor.sys("umask", [0]);
  if (ids) enterUserNamespace(program, monitor, ids, pid);
  monitor.sys("unshare", [CLONE.NEWNS], { why: "make a mount namespace" });
  monitor.sys("mount", [0, monitor.str("/"), 0, MS.REC | MS.PRIVATE, 0], { why: "cut the mounts off" });
  const path = monitor.str(directory);
  const why = `enter ${directory}`;
  monitor.sys("mount", [path, path, 0, MS.BIND, 0], { why });
  monitor.sys("chdir", [path], { why });
  // The old root comes to lie over the new one and is taken away (pivot_root(2), "pivot_root(".", ".")").
  const here = monitor.str(".");
  monitor.sys("pivot_root", [here, here], { why });
  monitor.sys("umount2", [here, MNT.DETACH], { why });
  monitor.sys("chdir", [monitor.str("/")], { why });
  monitor.notify(READY, [pid]);
  monitor.await(monitor.memory.zeroed(8), 8, program.register("go"));
  return program.finish();
}

function enterUserNamespace(program: ProgramBuilder, monitor: BlockBuilder, ids: LayerIds, pid: Register): void {
  const { writer } = ids;
  if (writer === "self") {
    unshareUser(monitor);
    writeOwn(monitor, "setgroups", "deny");
    writeOwn(monitor, "gid_map", mapText(ids.gid));
    writeOwn(monitor, "uid_map", mapText(ids.uid));
    return;
  }
  // They must be outside of the namespace, so they are made before it and wait for it.
  const pair = program.memory.zeroed(8);
  const [read, write] = [program.register("go_read"), program.register("go_write")];
  monitor.sys("pipe2", [pair, O.CLOEXEC]);
  monitor.load(read, pair, 4);
  monitor.load(write, monitor.memory.at(pair, 4), 4);
  const children = [
    {
      helper: writer.newgidmap,
      child: spawnMapHelper(program, monitor, writer.newgidmap, ids.gid, pid, [read, write]),
    },
    {
      helper: writer.newuidmap,
      child: spawnMapHelper(program, monitor, writer.newuidmap, ids.uid, pid, [read, write]),
    },
  ];
  unshareUser(monitor);
  monitor.sys("write", [write, monitor.str("go"), 2]);
  const status = program.memory.zeroed(8);
  const code = program.register("status");
  for (const { helper, child } of children) {
    monitor.sys("wait4", [child, status, 0, 0]);
    monitor.load(code, status, 4);
    monitor.expect(code, 0, E.EPERM, `${helper} refused the user's subordinate ids`);
  }
  monitor.sys("close", [read]);
  monitor.sys("close", [write]);
}

const unshareUser = (monitor: BlockBuilder) =>
  monitor.sys("unshare", [CLONE.NEWUSER], { why: "make a user namespace" });

function writeOwn(block: BlockBuilder, file: string, content: string): void {
  const why = `write ${file}`;
  const fd = block.sysResult("file", "openat", [AT.FDCWD, block.str(`/proc/self/${file}`), O.WRONLY | O.CLOEXEC, 0], {
    why,
  });
  block.sys("write", [fd, block.str(content), content.length], { why });
  block.sys("close", [fd]);
}

const mapText = (map: readonly IdRange[]) =>
  map.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");

function spawnMapHelper(
  program: ProgramBuilder,
  monitor: BlockBuilder,
  path: string,
  map: readonly IdRange[],
  pid: Register,
  [read, write]: readonly [Register, Register],
): Register {
  const helper: Block & BlockBuilder = program.block(path.slice(path.lastIndexOf("/") + 1));
  const numbers = map.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size]);
  const text = program.memory.bytes(new Uint8Array(16));
  const argv = program.memory.pointers([monitor.str(path), text, ...numbers.map((n) => monitor.str(String(n)))]);
  monitor.decimal(text, pid, 16);
  // Nothing comes when the namespace could not be made: its end of the pipe is closed then.
  helper.sys("close", [write]);
  const got = helper.sysResult("received", "read", [read, program.memory.zeroed(8), 1]);
  helper.expect(got, 1, E.ECANCELED, "the user namespace was not made");
  helper.sys("execve", [monitor.str(path), argv, program.memory.strings([])], { why: `execute ${path}` });
  const child = program.register(`helper_${helper.index}`);
  monitor.spawn(helper, { flags: SIG.CHLD }, { dst: child });
  return child;
}
