import { AT, E, F_OFD_SETLK, F_WRLCK, MS, O, SIOC, text, u64s } from "../linux/index.ts";
import type { NetStep } from "../spec/index.ts";
import { rememberIdentity } from "./net-identity.ts";
import { findIndex, interfaceRequest, keyOf } from "./net-requests.ts";
import type { NetWorker } from "./net-worker.ts";

type Step<D extends NetStep["do"]> = Extract<NetStep, { readonly do: D }>;

const SELF = "/proc/self/fd/";
/** As decimal text. */
const WIDTH = 11;

/** First the record with its lock, then the mount: what lies there without anybody's lock is left over. */
export function keep({ block, namespace }: NetWorker, { path, content, why }: Step<"keep">): void {
  const json = block.str(`${path}.json`);
  const directory = block.str(path.slice(0, path.lastIndexOf("/")));
  block.sys("mkdirat", [AT.FDCWD, directory, 0o700], { tolerate: [E.EEXIST], why });
  const flags = O.RDWR | O.CREAT | O.EXCL | O.CLOEXEC;
  const record = block.sysResult("kept", "openat", [AT.FDCWD, json, flags, 0o600], { why });
  block.sys("fcntl", [record, F_OFD_SETLK, block.memory.bytes(u64s(F_WRLCK, 0, 1, 0))], { why });
  block.sys("write", [record, block.str(content), text(content).length], { why });
  // Somebody who repairs may have taken it for left over before it was locked.
  block.sys("faccessat", [AT.FDCWD, json, 0], { why });
  const target = block.str(path);
  const file = block.sysResult("file", "openat", [AT.FDCWD, target, flags, 0o600], { why });
  block.sys("close", [file]);
  const source = block.memory.bytes(text(`${SELF}${"\0".repeat(WIDTH + 1)}`), 1);
  block.decimal(block.memory.at(source, SELF.length), namespace.container, WIDTH);
  block.sys("mount", [source, target, 0, MS.BIND, 0], { why });
}

/** As decimal text with blanks before it. */
export function remember(worker: NetWorker, member: string, { name, at, why }: Step<"remember">): void {
  const { block } = worker;
  worker.lasting.add(keyOf({ link: name, place: "container" }));
  const index = block.program.register("link");
  block.load(index, findIndex(worker, member, { link: name, place: "container" }), 4);
  const line = block.memory.bytes(text(`${" ".repeat(WIDTH)}\n`), 1);
  block.decimal(line, index, WIDTH, " ");
  rememberIdentity(worker, name);
  block.sys("pwrite64", [block.program.register("kept"), line, WIDTH + 1, at], { why });
}

/** struct ifreq: the index after the name. */
const IFREQ_INDEX = 16;

export function release(worker: NetWorker, { path, name, why }: Step<"release">): void {
  const { block, socket } = worker;
  const index = worker.indexes.get(keyOf({ link: name, place: "container" }));
  const [gone, kept] = [block.label(), block.label()];
  if (index) {
    const request = interfaceRequest(block, "");
    const register = block.program.register("link");
    block.load(register, index, 4);
    block.store(block.memory.at(request, IFREQ_INDEX), register, 4);
    block.sys("ioctl", [socket.container, SIOC.GIFNAME, request], { jump: { on: [E.ENODEV], to: gone }, why });
    block.fail(E.EBUSY, `${name} is still in the container's network namespace, which is kept at ${path}`);
    block.jump(kept);
  }
  block.place(gone);
  block.sys("umount2", [block.str(path), MNT_DETACH], { tolerate: [E.EINVAL, E.ENOENT], why });
  for (const file of [path, `${path}.json`])
    block.sys("unlinkat", [AT.FDCWD, block.str(file), 0], { tolerate: [E.ENOENT], why });
  block.place(kept);
}

const MNT_DETACH = 2;
