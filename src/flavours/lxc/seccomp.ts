import { LibctError } from "../../errors.ts";
import { type Arch, isSyscallName, syscallName } from "../../linux/index.ts";
import type {
  Seccomp,
  SeccompAction,
  SeccompArch,
  SeccompArg,
  SeccompOperator,
  SeccompSyscall,
} from "../../spec/index.ts";
import { lookUp } from "../index.ts";

type Ignore = (why: string) => void;

/** The ABIs that a machine's kernel offers: "[all]" is for all of them. */
const ABIS: Readonly<Record<Arch, readonly SeccompArch[]>> = {
  x86_64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  aarch64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
};
const SECTIONS: Readonly<Record<Arch, readonly string[]>> = {
  x86_64: ["all", "x86_64", "amd64"],
  aarch64: ["all", "arm64", "aarch64"],
};

/** The text of a file that lxc.seccomp.profile names, as the OCI has it. */
export function translateSeccomp(text: string, path: string, arch: Arch, ignore: Ignore): Seccomp {
  const [version = "", policy = "", ...lines] = text.split("\n").map((line) => line.trim());
  if (version !== "1" && version !== "2") throw wrong(path, 1, version, "the version of the format, 1 or 2");
  const [, kind, action] = /^(allowlist|whitelist|denylist|blacklist)\b\s*([^#]*)/.exec(policy) ?? [];
  if (kind === undefined) throw wrong(path, 2, policy, '"allowlist" or "denylist"');
  const denied = kind === "denylist" || kind === "blacklist";
  const usual: SeccompAction = denied ? "SCMP_ACT_KILL" : "SCMP_ACT_ALLOW";
  const given = action ? actionOf(action.trim(), path, 2) : undefined;
  const other = given ?? { action: denied ? ("SCMP_ACT_ALLOW" as const) : ("SCMP_ACT_KILL" as const) };
  return {
    defaultAction: other.action,
    ...(other.errnoRet === undefined ? {} : { defaultErrnoRet: other.errnoRet }),
    architectures: ABIS[arch],
    syscalls: version === "1" ? numbered(lines, path, arch) : named(lines, path, arch, usual, ignore),
  };
}

/** Version 1: a number in each line, of a call that is allowed. */
function numbered(lines: readonly string[], path: string, arch: Arch): readonly SeccompSyscall[] {
  const names = lines.flatMap((line, index) => {
    if (line === "") return [];
    const name = /^\d+/.test(line) ? syscallName(arch, Number.parseInt(line, 10)) : undefined;
    if (!/^\d+/.test(line)) throw wrong(path, index + 3, line, "the number of a system call");
    return name === undefined ? [] : [name];
  });
  return [{ names, action: "SCMP_ACT_ALLOW" }];
}

const MNT_FORCE = 1;
const EACCES = 13;
const FORCED: SeccompSyscall = {
  names: ["umount2"],
  action: "SCMP_ACT_ERRNO",
  errnoRet: EACCES,
  args: [{ index: 1, value: MNT_FORCE, valueTwo: MNT_FORCE, op: "SCMP_CMP_MASKED_EQ" }],
};

/** Version 2: a name in each line, perhaps an action, perhaps conditions; sections for architectures. */
function named(
  lines: readonly string[],
  path: string,
  arch: Arch,
  usual: SeccompAction,
  ignore: Ignore,
): readonly SeccompSyscall[] {
  const rules: SeccompSyscall[] = [];
  let section = "all";
  lines.forEach((written, index) => {
    const line = (/^([^#]*)/.exec(written)?.[1] ?? "").trim();
    if (line === "") return;
    const [, opened] = /^\[(\w+)\]$/.exec(line) ?? [];
    if (opened !== undefined) {
      section = opened.toLowerCase();
      return;
    }
    if (!SECTIONS[arch].includes(section)) ignore(`${path}:${index + 3}: ${line} is for ${section} only`);
    else if (line === "reject_force_umount") rules.push(FORCED);
    else rules.push(...ruleOf(line, path, index + 3, usual, ignore));
  });
  return rules;
}

function ruleOf(
  line: string,
  path: string,
  at: number,
  usual: SeccompAction,
  ignore: Ignore,
): readonly SeccompSyscall[] {
  const [, name = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
  // Profiles are written for every release of the kernel (LXC warns).
  if (!isSyscallName(name)) {
    ignore(`${path}:${at}: there is no system call ${name}`);
    return [];
  }
  const [, words = "", conditions = ""] = /^([^[]*)(.*)$/.exec(rest) ?? [];
  const { action, errnoRet } = words.trim() === "" ? { action: usual } : actionOf(words.trim(), path, at);
  const args = [...conditions.matchAll(/\[([^\]]*)\]/g)].map(([, text = ""]) => argumentOf(text, path, at));
  return [
    { names: [name], action, ...(errnoRet === undefined ? {} : { errnoRet }), ...(args.length > 0 ? { args } : {}) },
  ];
}

interface Action {
  readonly action: SeccompAction;
  readonly errnoRet?: number | undefined;
}

function actionOf(text: string, path: string, at: number): Action {
  const [name = "", number] = text.split(/\s+/);
  if (name === "allow") return { action: "SCMP_ACT_ALLOW" };
  if (name === "kill") return { action: "SCMP_ACT_KILL" };
  if (name === "trap") return { action: "SCMP_ACT_TRAP" };
  if (name === "notify") return { action: "SCMP_ACT_NOTIFY" };
  if (name === "errno" && number !== undefined && /^\d+$/.test(number)) {
    return { action: "SCMP_ACT_ERRNO", errnoRet: Number(number) };
  }
  throw wrong(path, at, text, 'one of "allow", "kill", "trap", "notify", "errno NUMBER"');
}

const OPERATORS: Readonly<Record<string, SeccompOperator>> = {
  "!=": "SCMP_CMP_NE",
  "<": "SCMP_CMP_LT",
  "<=": "SCMP_CMP_LE",
  "==": "SCMP_CMP_EQ",
  ">=": "SCMP_CMP_GE",
  ">": "SCMP_CMP_GT",
  "&=": "SCMP_CMP_MASKED_EQ",
};

/** index,value,operator[,mask] */
function argumentOf(text: string, path: string, at: number): SeccompArg {
  const [index = "", value = "", operator = "", mask] = text.split(",").map((part) => part.trim());
  const op = lookUp(OPERATORS, operator) ?? Object.values(OPERATORS).find((name) => name === operator);
  const numbers = [value, mask ?? "0"].every((part) => /^(0x[0-9a-f]+|\d+)$/i.test(part));
  if (!/^[0-5]$/.test(index) || op === undefined || !numbers) {
    throw wrong(path, at, `[${text}]`, "[INDEX,VALUE,OPERATOR] or [INDEX,VALUE,SCMP_CMP_MASKED_EQ,MASK]");
  }
  // The OCI has the mask first.
  if (op !== "SCMP_CMP_MASKED_EQ") return { index: Number(index), value: whole(value), op };
  return { index: Number(index), value: whole(mask ?? value), valueTwo: whole(value), op };
}

const whole = (text: string): number | bigint => {
  const value = BigInt(text);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
};

function wrong(path: string, line: number, text: string, expected: string): LibctError {
  return new LibctError(
    "ERR_CT_INVALID_SPEC",
    `${path}:${line}: expected ${expected}, but it is ${JSON.stringify(text)}`,
    {
      path,
      member: "lxc.seccomp.profile",
    },
  );
}
