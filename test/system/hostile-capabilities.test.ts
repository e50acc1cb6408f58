import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { ociRuntime } from "../support/oci.ts";

auditEachTest();
const oci = ociRuntime();
afterEach(() => oci.clean());

const SETS = ["sh", "-c", "grep -E '^Cap' /proc/self/status"];
const NONE = "0000000000000000";
const inheritable = (status: string) => /^CapInh:\t(\w+)$/m.exec(status)?.[1];
const ambient = (status: string) => /^CapAmb:\t(\w+)$/m.exec(status)?.[1];

describe("CVE-2022-29162 and CVE-2022-24769: capabilities that are inheritable without having been asked for", () => {
  it("has none in a container, nor in what enters it, whatever is added", async () => {
    const bundle = oci.bundle((config) => {
      config.process.args = SETS;
    });
    expect(inheritable(await oci.expect(["run", "--bundle", bundle, "run"]))).toBe(NONE);
    await oci.start("target", oci.bundle());
    for (const more of [[], ["--cap", "CAP_NET_ADMIN"], ["--cap", "CAP_SYS_PTRACE", "--user", "1000:1000"]]) {
      const status = await oci.expect(["exec", ...more, "target", ...SETS]);
      expect([more, inheritable(status), ambient(status)]).toEqual([more, NONE, NONE]);
    }
  });

  it("gives the file of another user's in the image no right by them", async () => {
    // A program with inheritable file capabilities got them when the process had inheritable ones.
    const bundle = oci.bundle((config, root) => {
      rmSync(`${root}/bin/grep`);
      copyFileSync(`${root}/bin/busybox`, `${root}/bin/grep`);
      chmodSync(`${root}/bin/grep`, 0o755);
      execFileSync("python3", ["-c", SET_FILE_CAPABILITY, `${root}/bin/grep`]);
      config.process.noNewPrivileges = false;
    });
    await oci.start("target", bundle);
    const command = ["/bin/grep", "-E", "^Cap", "/proc/self/status"];
    const status = await oci.expect(["exec", "--cap", "CAP_NET_RAW", "--user", "1000:1000", "target", ...command]);
    expect(/^CapEff:\t(\w+)$/m.exec(status)?.[1]).toBe(NONE);
  });
});

/** security.capability, version 2: CAP_NET_RAW (13) inheritable, with the effective bit (capabilities(7), "File capability extended attribute versioning"). */
const SET_FILE_CAPABILITY = `
import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 0, 1 << 13, 0, 0))`;
