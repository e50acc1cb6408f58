import { describe, expect, it } from "vitest";
import { parseBind, parseMount, parseTmpfs } from "../../src/cli/mount-syntax.ts";

const absolute = (path: string) => path.replace(/^\.\//, "/here/");

describe("--bind", () => {
  it("shows the source with all that is mounted below, and ro holds to its depth", () => {
    expect(parseBind("./src:/src:ro,nosuid", absolute)).toEqual({
      destination: "/src",
      source: "/here/src",
      type: "bind",
      options: ["rbind", "rro", "nosuid"],
    });
  });

  it.each([
    ["/a:/b", ["rbind"]],
    ["/a:/b:", ["rbind"]],
    ["/a:/b:rw", ["rbind"]],
    ["/a:/b:ro", ["rbind", "rro"]],
    ["/a:/b:bind,ro", ["bind", "ro"]],
    ["/a:/b:rbind,rslave,,noexec", ["rbind", "rslave", "noexec"]],
  ])("%s has the options %j", (word, options) => {
    expect(parseBind(word, absolute).options).toEqual(options);
  });

  it.each(["/a", "/a:b", ":/b", "/a:", "/a:/b:ro:x", ""])("%s is refused", (word) => {
    expect(() => parseBind(word, absolute)).toThrow(`--bind "${word}": expected SOURCE:/DESTINATION[:OPTIONS]`);
  });
});

describe("--tmpfs", () => {
  it("takes the filesystem's options after the careful ones, which they can undo", () => {
    expect(parseTmpfs("/tmp:size=64m,exec,suid")).toEqual({
      destination: "/tmp",
      source: "tmpfs",
      type: "tmpfs",
      options: ["nosuid", "nodev", "size=64m", "exec", "suid"],
    });
    expect(parseTmpfs("/tmp").options).toEqual(["nosuid", "nodev"]);
  });

  it.each(["tmp", "", ":size=1m", "/a:b:c"])("%s is refused", (word) => {
    expect(() => parseTmpfs(word)).toThrow(`--tmpfs "${word}": expected /DESTINATION[:OPTIONS]`);
  });
});

describe("--mount", () => {
  it.each([
    [
      "type=bind,source=./a,target=/a,readonly,bind-propagation=rslave",
      { destination: "/a", source: "/here/a", type: "bind", options: ["rbind", "rro", "rslave"] },
    ],
    [
      "type=bind,src=/a,dst=/b,bind-nonrecursive,ro=true",
      { destination: "/b", source: "/a", type: "bind", options: ["bind", "ro"] },
    ],
    [
      "type=bind,src=/a,destination=/b,readonly=false,nosuid",
      { destination: "/b", source: "/a", type: "bind", options: ["rbind", "nosuid"] },
    ],
    [
      "type=tmpfs,dst=/t,tmpfs-size=1.5M,tmpfs-mode=700,noexec",
      {
        destination: "/t",
        source: "tmpfs",
        type: "tmpfs",
        options: ["nosuid", "nodev", "size=1572864", "mode=700", "noexec"],
      },
    ],
    ["type=proc,target=/p,hidepid=2", { destination: "/p", source: "proc", type: "proc", options: ["hidepid=2"] }],
    [
      "type=overlay,target=/o,lowerdir=/a:/b,upperdir=/u,workdir=/w",
      {
        destination: "/o",
        source: "overlay",
        type: "overlay",
        options: ["lowerdir=/a:/b", "upperdir=/u", "workdir=/w"],
      },
    ],
    [
      'type=bind,"source=/with,comma and ""quotes""",target=/c:d',
      { destination: "/c:d", source: '/with,comma and "quotes"', type: "bind", options: ["rbind"] },
    ],
  ])("%s", (word, mount) => {
    expect(parseMount(word, absolute)).toEqual(mount);
  });

  it.each([
    ["target=/a", "expected type=TYPE"],
    ["type=proc", "expected type=TYPE"],
    ["type=proc,target=a", "expected type=TYPE"],
    ["type=bind,target=/a", "expected a source, as it is a bind mount"],
    ["type=bind,source=,target=/a", "expected a source, as it is a bind mount"],
    ["type=bind,source=/a,target=/a,readonly=maybe", "expected type=TYPE"],
    ["type=volume,target=/a", "a source, which is the volume's name"],
    ["type=tmpfs,target=/a,tmpfs-size=big", "--mount tmpfs-size"],
  ])("%s is refused: %s", (word, text) => {
    expect(() => parseMount(word, absolute)).toThrow(text);
  });
});

describe("a volume", () => {
  it("is named where a path has a slash", () => {
    const volume = (options: readonly string[]) => ({ destination: "/data", source: "db", type: "volume", options });
    expect(parseBind("db:/data", absolute)).toEqual(volume([]));
    expect(parseBind("db:/data:ro", absolute)).toEqual(volume(["ro"]));
    expect(parseBind("./db:/data", absolute).type).toBe("bind");
    expect(parseBind(".:/data", absolute).type).toBe("bind");
    expect(parseMount("type=volume,source=db,target=/data,readonly,volume-nocopy", absolute)).toEqual(
      volume(["ro", "nocopy"]),
    );
  });
});
