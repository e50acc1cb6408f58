import { lookUp } from "../index.ts";

const REASONS: Readonly<Record<string, string>> = {
  "Exec.ProcessTwo": "there is no stub: the command is the first process",
  "Exec.PivotRoot": "the root is the machine's own",
  "Exec.AmbientCapability": "the first process has what root has",
  "Exec.NotifyReady": "nobody is told that it is ready",
  "Exec.SystemCallFilter": "libct's own filter is used: give another one by --security-opt seccomp=FILE",
  "Exec.Timezone": "the container's files are not changed",
  "Exec.LinkJournal": "the journal is not shared",
  "Exec.SuppressSync": "the disk is synchronized",
  "Files.BindUser": "users of the host are not shown",
  "Files.PrivateUsersOwnership": "the owners of files are not changed",
  "Network.Port": "ports of the host lead to no container by this",
};

export const reasonFor = (key: string): string =>
  lookUp(REASONS, key) ?? "systemd-nspawn knows no such setting, or libct does not";

/** They "possibly elevate privileges or grant additional access to resources of the host": taken only from a file that the administrator has written. */
export const isPrivileged = (key: string): boolean =>
  /^Exec\.(Capability|AmbientCapability|MachineID|PrivateUsers)$/.test(key) ||
  /^Files\.(Bind|BindReadOnly|BindUser|TemporaryFileSystem|Inaccessible|Overlay|OverlayReadOnly|PrivateUsersOwnership)$/.test(
    key,
  ) ||
  /^Network\.(?!Private$)/.test(key);
