import { describe, expect, it } from "vitest";
import { messageOf } from "../../src/cli/runtime/log.ts";
import { LibctError } from "../../src/errors.ts";

describe("what engines read in an error of ct-runtime", () => {
  it("is the command, and whether it was not found (exit status 127) or cannot be executed (126)", () => {
    const missing = new LibctError("ERR_CT_COMMAND_NOT_FOUND", "command not found: nocmd is not in PATH: ENOENT");
    expect(messageOf(missing)).toMatch(/^exec: "nocmd": executable file not found in \$PATH: /);
    const details = { syscall: "execve", errno: "ENOENT", path: "/nocmd" };
    const absolute = new LibctError("ERR_CT_COMMAND_NOT_FOUND", "command not found: execve /nocmd: ENOENT", details);
    expect(messageOf(absolute)).toMatch(/^exec: "\/nocmd": no such file or directory: /);
    const text = "command cannot be executed: /etc is a directory: EACCES";
    const directory = new LibctError("ERR_CT_COMMAND_NOT_EXECUTABLE", text);
    expect(messageOf(directory)).toMatch(/^exec: "\/etc": permission denied: /);
  });

  it("has the words of Go's library for what the kernel said", () => {
    const failure = (syscall: string, errno: string) =>
      messageOf(new LibctError("ERR_CT_SYSCALL", `${syscall}: ${errno}`, { syscall, errno }));
    expect(failure("move_mount", "EINVAL")).toBe("move_mount: EINVAL: not a directory");
    expect(failure("mount", "EINVAL")).toBe("mount: EINVAL");
    expect(failure("chdir", "ENOENT")).toBe("chdir: ENOENT: no such file or directory");
    expect(failure("capset", "EPERM")).toBe("capset: EPERM: operation not permitted");
  });
});
