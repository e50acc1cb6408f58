import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorText, exitCodeOf } from "../../src/cli/exit.ts";
import { table } from "../../src/cli/table.ts";
import { splitWords } from "../../src/cli/words.ts";
import { LibctError } from "../../src/errors.ts";

const parent = mkdtempSync("/tmp/ct-cli-words-");
const directory = `${parent}/below`;
const before = process.cwd();
beforeAll(() => {
  mkdirSync(`${directory}/rootfs`, { recursive: true });
  writeFileSync(`${directory}/program`, "#!/bin/sh\n");
  chmodSync(`${directory}/program`, 0o755);
  writeFileSync(`${directory}/disk.img`, "");
  process.chdir(directory);
});
afterAll(() => {
  process.chdir(before);
  rmSync(parent, { recursive: true });
});

describe("with -- the words", () => {
  it("are ROOT before it and COMMAND after it", () => {
    expect(splitWords(["./rootfs"], ["ls", "-l"])).toEqual({ root: "./rootfs", command: ["ls", "-l"] });
    expect(splitWords([], ["ls", "--", "x"])).toEqual({ root: undefined, command: ["ls", "--", "x"] });
  });

  it("may be an image, which says itself what is executed", () => {
    for (const image of ["alpine", "no-such-root", "docker.io/library/alpine:3", "sha256:0123"]) {
      expect(splitWords([image], ["ls"])).toEqual({ image, command: ["ls"] });
      expect(splitWords([image], [])).toEqual({ image, command: [] });
    }
    // What is there is what it is, and what looks like a path is never an image.
    expect(splitWords(["disk.img"], ["ls"])).toEqual({ root: "disk.img", command: ["ls"] });
    expect(splitWords(["./alpine"], ["ls"])).toEqual({ root: "./alpine", command: ["ls"] });
  });

  it("must hold a command, and one root at most", () => {
    expect(() => splitWords(["host"], [])).toThrow("no command is given; hint: `ct run host -- COMMAND...`");
    expect(() => splitWords([], [])).toThrow("no command is given; hint: `ct run -- COMMAND...`");
    expect(() => splitWords(["host", "id"], ["-u"])).toThrow(
      'only ROOT may stand before "--", but "id" does too; hint: perhaps `ct run host -- id -- -u`',
    );
  });
});

describe("without -- the first word", () => {
  it.each(["host", "/usr", "/nowhere", "./none", "../no-such-root", ".", "..", "rootfs", "./disk.img"])(
    "%s is ROOT",
    (word) => {
      expect(splitWords([word, "id", "-u"], undefined)).toEqual({ root: word, command: ["id", "-u"] });
    },
  );

  it.each(["id", "nothing", "disk.img", "program", "hosts"])(
    "%s is not taken for one, and the right form is told",
    (word) => {
      expect(() => splitWords([word, "-u", "it's"], undefined)).toThrow(
        `"${word}" is no ROOT: neither "host" nor a directory; hint: to run it as the command: \`ct run -- ${word} -u 'it'\\''s'\``,
      );
    },
  );

  it.each(["/bin/sh", "./program"])("%s is a program, and the right form is told", (word) => {
    expect(() => splitWords([word, "-c", "a b"], undefined)).toThrow(
      `"${word}" is a program, and no ROOT; hint: \`ct run -- ${word} -c 'a b'\``,
    );
  });

  it.each(["docker.io/library/alpine", "alpine:3", "localhost:5000/a@sha256:0"])("%s is an image", (image) => {
    expect(splitWords([image, "ls", "-l"], undefined)).toEqual({ image, command: ["ls", "-l"] });
    expect(splitWords([image], undefined)).toEqual({ image, command: [] });
  });

  it("is an image when it stands alone, and is no program", () => {
    expect(splitWords(["nothing-of-that-name"], undefined)).toEqual({ image: "nothing-of-that-name", command: [] });
    expect(() => splitWords(["sh"], undefined)).toThrow('"sh" is no ROOT');
  });

  it("is not enough", () => {
    expect(() => splitWords([], undefined)).toThrow("no command is given; hint: `ct run -- COMMAND...`");
    expect(() => splitWords(["rootfs"], undefined)).toThrow("no command is given; hint: `ct run rootfs -- COMMAND...`");
  });
});

describe("errors", () => {
  it("have exit statuses that tell whose they are", () => {
    expect(exitCodeOf(new LibctError("ERR_CT_COMMAND_NOT_FOUND", ""))).toBe(127);
    expect(exitCodeOf(new LibctError("ERR_CT_COMMAND_NOT_EXECUTABLE", ""))).toBe(126);
    expect(exitCodeOf(new LibctError("ERR_CT_USAGE", ""))).toBe(125);
    expect(exitCodeOf(new Error("a fault"))).toBe(125);
  });

  it("are one line that does nothing to a terminal", () => {
    const text = errorText(new LibctError("ERR_CT_USAGE", "no \u001b[31mred\nhere\u007f é"));
    expect(text).toBe("no \\u001b[31mred\\nhere\\x7f é");
  });
});

describe("a table", () => {
  it("does nothing to the terminal, whatever names containers choose", () => {
    expect(table([["NAME"], ["\x1b]0;x\x07\x9b2J\n"]])).toBe("NAME\n\\u001b]0;x\\u0007\\x9b2J\\n");
  });
});
