import { describe, expect, it } from "vitest";
import { homeVariable, lookUpUser } from "../../src/host/users.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:,,,:/home/app:/bin/sh\nbroken:x:many:1:::\n";
const GROUP = "root:x:0:\nstaff:x:50:app,other\naudio:x:29:app\nprimary:x:1001:app\n";
const ids = (bytes: Uint8Array) => [...new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)];

describe("looking up a user in the container's passwd", () => {
  it("finds a name's ids and all its further groups", () => {
    expect(ids(lookUpUser("app", PASSWD, GROUP))).toEqual([1000, 1001, 2, 0, 50, 29]);
  });

  it("takes a group by name or number, and then no further groups", () => {
    expect(ids(lookUpUser("app:staff", PASSWD, GROUP))).toEqual([1000, 50, 0, 0]);
    expect(ids(lookUpUser("app:7", PASSWD, GROUP))).toEqual([1000, 7, 0, 0]);
    expect(ids(lookUpUser("1234:staff", PASSWD, GROUP))).toEqual([1234, 50, 0, 0]);
  });

  it("says which name is missing, and where", () => {
    expect(() => lookUpUser("nosuch", PASSWD, GROUP)).toThrow(
      'no user "nosuch" in the container\'s /etc/passwd (process.user); hint: "nosuch" was asked for; numeric ids always work',
    );
    expect(() => lookUpUser("app:nosuch", PASSWD, GROUP)).toThrow('no group "nosuch" in the container\'s /etc/group');
  });

  it("refuses an entry without proper ids, and an empty passwd", () => {
    expect(() => lookUpUser("broken", PASSWD, GROUP)).toThrow("no user");
    expect(() => lookUpUser("root", "", "")).toThrow("no user");
  });

  it("gives no more groups than the program has room for", () => {
    const many = Array.from({ length: 200 }, (_, index) => `g${index}:x:${2000 + index}:app`).join("\n");
    expect(ids(lookUpUser("app", PASSWD, many))).toHaveLength(4 + 64);
  });
});

describe("the home of a user", () => {
  const homeOf = (uid: number, passwd: string) => Buffer.from(homeVariable({ uid, gid: 0 }, passwd)).toString();

  it("is what the container's passwd says of the id", () => {
    expect(homeOf(1000, PASSWD)).toBe("HOME=/home/app\0");
    expect(homeOf(0, PASSWD)).toBe("HOME=/root\0");
  });

  it('is "/" where passwd says nothing, or something that is no path', () => {
    expect(homeOf(4242, PASSWD)).toBe("HOME=/\0");
    expect(homeOf(0, "")).toBe("HOME=/\0");
    expect(homeOf(7, `x:x:7:7::${"/a".repeat(4000)}:\n`)).toBe("HOME=/\0");
    expect(homeOf(7, "x:x:7:7::/a\0LD_PRELOAD=/b:\n")).toBe("HOME=/\0");
  });
});
