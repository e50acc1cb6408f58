import { describe, expect, it } from "vitest";
import { compileNetWatch } from "../../src/compile/index.ts";
import { LinkWatch } from "../../src/host/link-events.ts";
import {
  attribute,
  E,
  IFLA,
  kernelFeatures,
  NLMSG,
  netlinkMessage,
  RTM,
  syscallName,
  u32s,
} from "../../src/linux/index.ts";

const [UP, RUNNING] = [1, 0x40];
const link = (index: number, name: string, flags: number, mtu = 1500, type: number = RTM.NEWLINK) =>
  netlinkMessage({ type, flags: 0 }, u32s(0, index, flags, 0), [
    attribute.text(IFLA.IFNAME, name),
    attribute.u32(IFLA.MTU, mtu),
  ]);
const done = netlinkMessage({ type: NLMSG.DONE, flags: 0 }, u32s(0));

describe("the events of a container's interfaces", () => {
  it("are none for what is there at first", () => {
    const watch = new LinkWatch();
    expect(
      [link(1, "lo", UP | RUNNING), link(2, "eth0", UP | RUNNING), done].flatMap((one) => watch.take(one)),
    ).toEqual([]);
  });

  it("go on with a new look when so many have come that the socket could not keep them", () => {
    const program = compileNetWatch({
      arch: "x86_64",
      features: kernelFeatures("6.12"),
      target: "1/task/1",
      userFirst: true,
    });
    const ops = program.blocks.flatMap((block) => block.ops);
    const received = ops.filter((op) => op.op === "SYSCALL" && syscallName(program.arch, op.nr) === "recvfrom");
    expect(received.length).toBeGreaterThan(200);
    expect(received.filter(({ jumpErrnos }) => !jumpErrnos.includes(E.ENOBUFS))).toEqual([]);
    const hides = ops.findIndex((op) => op.why === "be no target for the container");
    expect(hides).toBeGreaterThan(0);
  });

  it("are what differs from before: by single changes, and by a look after some were missed", () => {
    const watch = new LinkWatch();
    for (const one of [link(1, "lo", UP | RUNNING), link(2, "eth0", UP | RUNNING), done]) watch.take(one);
    expect(watch.take(link(3, "eth1", 0))).toEqual([{ type: "added", name: "eth1", mtu: 1500 }]);
    expect(watch.take(link(3, "eth1", UP | RUNNING))).toEqual([{ type: "up", name: "eth1", mtu: 1500 }]);
    expect(watch.take(link(3, "eth1", UP | RUNNING))).toEqual([]);
    expect(watch.take(link(2, "eth0", UP, 1400))).toEqual([
      { type: "changed", name: "eth0", mtu: 1400 },
      { type: "down", name: "eth0", mtu: 1400 },
    ]);
    watch.begin();
    const after = [link(1, "lo", UP | RUNNING), link(3, "net9", UP | RUNNING), done].flatMap((one) => watch.take(one));
    expect(after).toEqual([
      { type: "changed", name: "net9", mtu: 1500 },
      { type: "removed", name: "eth0", mtu: 1400 },
    ]);
    expect(watch.take(link(3, "net9", 0, 1500, RTM.DELLINK))).toEqual([{ type: "removed", name: "net9", mtu: 1500 }]);
  });
});
