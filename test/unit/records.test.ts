import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  bootId,
  type ContainerRecord,
  decodeRecord,
  encodeRecord,
  identify,
  type LogEntry,
  RecordStore,
  readLog,
  statusOf,
} from "../../src/records/index.ts";

let directory: string;
let store: RecordStore;
beforeEach(() => {
  directory = mkdtempSync("/tmp/libct-test-records-");
  store = new RecordStore(`${directory}/containers`);
});
afterEach(() => rmSync(directory, { recursive: true }));

const own = identify(process.pid);
if (!own) throw new Error("no /proc");
const RECORD: ContainerRecord = {
  version: 1,
  created: 1,
  creator: own,
  bootId: bootId(),
  spec: { lifetime: "host" },
  process: { args: ["true"] },
  held: false,
};
const stat = (pid: number, startTime: number) =>
  `${pid} (some (name) x) S ${Array.from({ length: 18 }, () => "0").join(" ")} ${startTime} 0\n`;

describe("a record", () => {
  it("is read as it was written", () => {
    expect(decodeRecord(encodeRecord(RECORD), "x")).toEqual(RECORD);
  });

  it("keeps what needs all of 64 bits, as numbers", () => {
    const args = [{ index: 0, value: 2n ** 64n - 1n, op: "SCMP_CMP_EQ" }] as const;
    const syscalls = [{ names: ["a"], action: "SCMP_ACT_LOG", args }] as const;
    const seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls } as const;
    const record = { ...RECORD, spec: { ...RECORD.spec, seccomp, annotations: { a: '"18446744073709551615"' } } };
    expect(encodeRecord(record)).toContain('"value":18446744073709551615,');
    expect(decodeRecord(encodeRecord(record), "x")).toEqual(record);
  });

  it.each([
    ["cut off", '{"version":1,"crea', "is not JSON"],
    ["empty", "", "is not JSON"],
    ["foreign", '{"hello":1}', "has no valid version"],
    ["no object", "17", "has no valid version"],
    ["of a later libct", JSON.stringify({ ...RECORD, version: 2 }), "has version 2, of a later libct"],
    ["without a command", JSON.stringify({ ...RECORD, process: {} }), "has no valid process"],
  ])("that is %s is an error that says so", (_, text, message) => {
    expect(() => decodeRecord(text, "/some/record.json")).toThrow(message);
  });
});

describe("the store", () => {
  it("gives a name to one container only", () => {
    store.reserve("web", RECORD);
    expect(() => store.reserve("web", RECORD)).toThrow(expect.objectContaining({ code: "ERR_CT_NAME_IN_USE" }));
    expect(readdirSync(store.directory)).toEqual(["web"]);
  });

  it("renames, but not onto another container", () => {
    store.reserve("a", RECORD);
    store.reserve("b", RECORD);
    expect(() => store.rename("a", "b")).toThrow(expect.objectContaining({ code: "ERR_CT_NAME_IN_USE" }));
    store.rename("a", "c");
    expect(store.names()).toEqual(["b", "c"]);
    expect(() => store.rename("a", "d")).toThrow(expect.objectContaining({ code: "ERR_CT_NO_SUCH_CONTAINER" }));
  });

  it("tells of a record that cannot be read, and lists the others", () => {
    store.reserve("good", RECORD);
    mkdirSync(`${store.directory}/bad`);
    writeFileSync(`${store.directory}/bad/record.json`, "{");
    mkdirSync(`${store.directory}/none`);
    const listed = store.list().map((one) => [one.name, "error" in one ? one.error.code : "read"]);
    expect(listed).toEqual([
      ["bad", "ERR_CT_STATE"],
      ["good", "read"],
      ["none", "ERR_CT_STATE"],
    ]);
  });

  it("is empty where there is no directory yet", () => {
    expect(store.list()).toEqual([]);
    expect(() => store.read("x")).toThrow(expect.objectContaining({ code: "ERR_CT_NO_SUCH_CONTAINER" }));
  });

  it("says where it cannot write, and why", () => {
    writeFileSync(`${directory}/file`, "");
    const blocked = new RecordStore(`${directory}/file/containers`);
    expect(() => blocked.reserve("web", RECORD)).toThrow(/cannot write to the state directory .*ENOTDIR.*--root/);
  });

  it("forgets a container at once, and again without complaint", () => {
    store.reserve("web", RECORD);
    store.remove("web");
    store.remove("web");
    expect(readdirSync(store.directory)).toEqual([]);
  });
});

describe("the status", () => {
  const withState = (init: string, monitor: string) => {
    const path = store.reserve("web", RECORD);
    writeFileSync(`${path}/state`, init + monitor);
    return statusOf(store.read("web"));
  };

  it("is running while the first process is the one that was written down", () => {
    const line = stat(own.pid, own.startTime);
    expect(withState(line, line)).toMatchObject({ status: "running", pid: own.pid, lost: false });
  });

  it("is stopped when its pid is another process's, and says that how it ended is not known", () => {
    const line = stat(own.pid, own.startTime - 1);
    expect(withState(line, line)).toMatchObject({ status: "stopped", pid: undefined, lost: true });
  });

  it("is that of no process after the machine has restarted", () => {
    const path = store.reserve("web", { ...RECORD, bootId: "another", creator: { ...own, bootId: "another" } });
    writeFileSync(`${path}/state`, stat(own.pid, own.startTime).repeat(2));
    expect(statusOf(store.read("web"))).toMatchObject({ status: "stopped", lost: true });
  });

  it("is creating until there is a process, as long as its maker lives", () => {
    store.reserve("web", RECORD);
    expect(statusOf(store.read("web")).status).toBe("creating");
    store.reserve("orphan", { ...RECORD, creator: { ...own, startTime: 1 } });
    expect(statusOf(store.read("orphan"))).toMatchObject({ status: "stopped", lost: true });
  });

  it("does not believe half a state", () => {
    expect(withState("12 (x", "")).toMatchObject({ status: "creating" });
  });
});

describe("a log", () => {
  const record = (stream: number, text: string | Buffer, time = 1_000_000_000n) => {
    const data = Buffer.from(text);
    const header = Buffer.alloc(16);
    header.writeBigUInt64LE(time, 0);
    header.writeUInt32LE(data.length, 8);
    header.writeUInt8(stream, 12);
    return Buffer.concat([header, data]);
  };
  const texts = (entries: readonly LogEntry[]) =>
    entries.map(({ stream, data }) => [stream, Buffer.from(data).toString()]);
  const readAll = async (options = {}, ended: Promise<unknown> = Promise.resolve()) => {
    const entries: LogEntry[] = [];
    for await (const entry of readLog(directory, options, ended)) entries.push(entry);
    return entries;
  };

  it("is read from the older file to the newer one, each stream by its name", async () => {
    writeFileSync(`${directory}/log.1`, record(1, "old\n"));
    writeFileSync(`${directory}/log`, Buffer.concat([record(2, "err\n"), record(1, "new\n")]));
    expect(texts(await readAll())).toEqual([
      ["stdout", "old\n"],
      ["stderr", "err\n"],
      ["stdout", "new\n"],
    ]);
  });

  it("tells how much was lost to a full disk", async () => {
    const lost = Buffer.alloc(8);
    lost.writeBigUInt64LE(77n);
    writeFileSync(`${directory}/log`, record(0, lost));
    expect(await readAll()).toMatchObject([{ stream: "lost", lost: 77 }]);
  });

  it("does not give a record that is not whole", async () => {
    writeFileSync(`${directory}/log`, Buffer.concat([record(1, "whole"), record(1, "cut off").subarray(0, 18)]));
    expect(texts(await readAll())).toEqual([["stdout", "whole"]]);
  });

  it("leaves out what is older than wanted", async () => {
    writeFileSync(`${directory}/log`, Buffer.concat([record(1, "a", 1_000_000_000n), record(1, "b", 3_000_000_000n)]));
    expect(texts(await readAll({ since: new Date(2000) }))).toEqual([["stdout", "b"]]);
  });

  it("is followed over the beginning of a new file, to the end", async () => {
    writeFileSync(`${directory}/log`, record(1, "one"));
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const seen: string[] = [];
    for await (const { data } of readLog(directory, { follow: true }, ended)) {
      seen.push(Buffer.from(data).toString());
      if (seen.length === 1) appendFileSync(`${directory}/log`, record(1, "two"));
      if (seen.length === 2) {
        renameSync(`${directory}/log`, `${directory}/log.1`);
        writeFileSync(`${directory}/log`, record(1, "three"));
      }
      if (seen.length === 3) end();
    }
    expect(seen).toEqual(["one", "two", "three"]);
  });

  it("stops being followed when the caller gives up", async () => {
    const stop = new AbortController();
    const reading = readAll({ follow: true, signal: stop.signal }, new Promise(() => undefined));
    stop.abort();
    await expect(reading).rejects.toMatchObject({ code: "ERR_CT_ABORTED" });
  });
});
