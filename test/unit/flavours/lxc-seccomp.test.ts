import { describe, expect, it } from "vitest";
import { translateSeccomp } from "../../../src/flavours/lxc/seccomp.ts";
import { validateSeccomp } from "../../../src/spec/index.ts";

const ignored: string[] = [];
const translate = (text: string) => {
  ignored.length = 0;
  return translateSeccomp(text, "/p", "x86_64", (why) => ignored.push(why));
};

describe("a seccomp profile of LXC", () => {
  it("allows what no line of a denylist names", () => {
    const made = translate(
      "2\ndenylist\nreject_force_umount  # comment\n[all]\nkexec_load errno 1\nmknod errno 0\nptrace\n",
    );
    expect(made).toEqual({
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
      syscalls: [
        {
          names: ["umount2"],
          action: "SCMP_ACT_ERRNO",
          errnoRet: 13,
          args: [{ index: 1, value: 1, valueTwo: 1, op: "SCMP_CMP_MASKED_EQ" }],
        },
        { names: ["kexec_load"], action: "SCMP_ACT_ERRNO", errnoRet: 1 },
        { names: ["mknod"], action: "SCMP_ACT_ERRNO", errnoRet: 0 },
        { names: ["ptrace"], action: "SCMP_ACT_KILL" },
      ],
    });
    expect(() => validateSeccomp(made, "seccomp")).not.toThrow();
  });

  it("kills, or does what it says, for what no line of an allowlist names", () => {
    expect(translate("2\nallowlist\nread\n")).toMatchObject({
      defaultAction: "SCMP_ACT_KILL",
      syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW" }],
    });
    expect(translate("2\nwhitelist errno 38\nread\n")).toMatchObject({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 38,
    });
  });

  it("has numbers in version 1", () => {
    expect(translate("1\nallowlist\n0\n1\n60\n").syscalls).toEqual([
      { names: ["read", "write", "exit"], action: "SCMP_ACT_ALLOW" },
    ]);
  });

  it("has conditions, whose mask stands last", () => {
    const { syscalls } = translate(
      "2\ndenylist\nmknod errno 1 [1,0x2000,SCMP_CMP_MASKED_EQ,0xf000]\nioctl errno 1 [1,21522,==]\n",
    );
    expect(syscalls?.[0]?.args).toEqual([{ index: 1, value: 0xf000, valueTwo: 0x2000, op: "SCMP_CMP_MASKED_EQ" }]);
    expect(syscalls?.[1]?.args).toEqual([{ index: 1, value: 21522, op: "SCMP_CMP_EQ" }]);
  });

  it("tells what is not for this machine, or no system call", () => {
    expect(translate("2\ndenylist\n[arm]\nkexec_load\n[x86_64]\nmade_up\n").syscalls).toEqual([]);
    expect(ignored).toEqual(["/p:4: kexec_load is for arm only", "/p:6: there is no system call made_up"]);
  });

  it.each([
    ["3\ndenylist", '/p:1: expected the version of the format, 1 or 2, but it is "3"'],
    ["2\nlist", '/p:2: expected "allowlist" or "denylist", but it is "list"'],
    [
      "2\ndenylist\nread explode",
      '/p:3: expected one of "allow", "kill", "trap", "notify", "errno NUMBER", but it is "explode"',
    ],
    ["2\ndenylist\nread errno 1 [9,0,==]", "/p:3: expected [INDEX,VALUE,OPERATOR]"],
  ])("is refused when it is none: %j", (text, message) => {
    expect(() => translate(text)).toThrow(message);
  });
});
