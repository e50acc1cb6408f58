import { AT, E, MOUNT_ATTR, MS, O, S } from "../linux/index.ts";
import type { BlockBuilder } from "../program/index.ts";
import type { RootPlan, RootStep } from "../spec/index.ts";
import { remountTree, setAttributes, setReadonly } from "./attributes.ts";
import type { Context } from "./context.ts";
import { attachMountedImage, mountImage } from "./image.ts";
import { labelledData } from "./mount-label.ts";

/** Runs the driver's steps, so that the root stands as a mount point somewhere in the host's tree of this namespace. */
export function buildRoot(c: Context): void {
  const { resolved: r, rootBlock } = c;
  rootBlock.at("root");
  for (const step of r.root?.steps ?? []) ROOT_STEPS[step.do](c, rootBlock, step as never);
  if (r.root) closeDeviceNodes(c, r.root);
}

/** Whatever is not empty, or not there, or not the monitor's to remove, stays. */
export function removeEmptied({ resolved, program }: Context): void {
  const emptied = resolved.root?.emptied ?? [];
  if (emptied.length === 0) return;
  const epilogue = program.epilogue().at("root");
  for (const path of emptied) {
    const why = "remove what the root has made on the host";
    epilogue.sys("unlinkat", [AT.FDCWD, epilogue.str(path), AT.REMOVEDIR], { tolerate: STAYS, why });
  }
}

const STAYS = [E.ENOENT, E.ENOTEMPTY, E.EACCES, E.EPERM];

/**
 * A specification that lists devices means these and no others: device nodes that an image brings along (such as the machine's disk) shall not open. Nodes that
 * are to be made on the root itself, not on a mount of /dev, need it open.
 */
function closeDeviceNodes(c: Context, root: RootPlan): void {
  const { resolved: r, rootBlock } = c;
  const { devices, resources } = r.spec;
  // Where rules say which devices may be used, it is they that count.
  if (resources?.devices) return;
  const mounted = (path: string) => r.mounts.some(({ mount }) => path.startsWith(`${mount.destination}/`));
  if (!devices || root.steps.length === 0 || !devices.every(({ path }) => mounted(path))) return;
  rootBlock.at("devices");
  if (r.features.mountSetattr) {
    setAttributes(rootBlock, AT.FDCWD, root.path, true, MOUNT_ATTR.NODEV, 0);
    return;
  }
  const top = root.steps.findLast((step) => "target" in step && step.target === root.path);
  const tree = top?.do === "bind" ? top.tree : undefined;
  const flags = top?.do === "mount" ? (top.flags ?? 0) : (tree?.flags ?? 0);
  const readonly = top?.do === "bind" && top.readonly ? MS.RDONLY : 0;
  remountTree(rootBlock, root.path, { flags, below: tree?.below ?? [] }, MS.NODEV | readonly, 0);
}

const ROOT_STEPS: {
  readonly [K in RootStep["do"]]: (c: Context, block: BlockBuilder, step: Extract<RootStep, { do: K }>) => void;
} = {
  mount(c, block, step) {
    const data = labelledData(c, step.type, step.data ?? "");
    block.sys("mount", [block.str(step.source), block.str(step.target), block.str(step.type), step.flags ?? 0, data]);
  },
  bind(c, block, step) {
    const flags = MS.BIND | (step.recursive ? MS.REC : 0);
    block.sys("mount", [block.str(step.source), block.str(step.target), 0, flags, 0]);
    if (step.readonly) setReadonly(c, block, step.target, step.recursive, step.tree);
  },
  mkdir(_c, block, step) {
    block.sys("mkdirat", [AT.FDCWD, block.str(step.path), step.mode], { tolerate: [E.EEXIST] });
  },
  file(_c, block, step) {
    if (step.content !== undefined) return writeFile(block, step.path, step.content);
    block.sys("mknodat", [AT.FDCWD, block.str(step.path), S.IFREG | 0o644, 0], { tolerate: [E.EEXIST] });
  },
  symlink(_c, block, step) {
    block.sys("symlinkat", [block.str(step.target), AT.FDCWD, block.str(step.path)]);
  },
  chdir(_c, block, step) {
    block.sys("chdir", [block.str(step.path)]);
  },
  image(c, block, step) {
    if (c.resolved.created.has("user")) attachMountedImage(c, block, step);
    else mountImage(c, block, step);
  },
  helper(c, block, step) {
    runHelper(c, block, step.args);
  },
};

function writeFile(block: BlockBuilder, path: string, content: string): void {
  const fd = block.sysResult("file", "openat", [AT.FDCWD, block.str(path), O.WRONLY | O.CREAT | O.CLOEXEC, 0o644]);
  block.sys("write", [fd, block.str(content), new TextEncoder().encode(content).length]);
  block.sys("close", [fd]);
}

/** Executes a mounting helper in the stage and waits until it has put itself into the background. */
function runHelper(c: Context, block: BlockBuilder, args: readonly string[]): void {
  const path = args[0] ?? "";
  const helper = c.program.block(path.slice(path.lastIndexOf("/") + 1));
  helper
    .at("root")
    .sys("execve", [helper.str(path), helper.memory.strings(args), helper.memory.strings(["PATH=/usr/bin:/bin"])]);
  const pid = c.program.register("helper");
  block.spawn(helper, { flags: 17 }, { dst: pid });
  const status = c.program.memory.zeroed(8);
  block.sys("wait4", [pid, status, 0, 0]);
  const code = c.program.register("status");
  block.load(code, status, 4);
  block.expect(code, 0, E.EIO, `${args.join(" ")} failed`);
}
