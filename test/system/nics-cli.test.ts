import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { installed, requires } from "../support/prerequisite.ts";
import { busyboxRoot } from "../support/rootfs.ts";

auditEachTest();
const root = busyboxRoot();

/** The command to test, as words: the built one, or the one that LIBCT_TEST_CT tells. */
const CT =
  process.env.LIBCT_TEST_CT ??
  `${process.execPath} ${fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url))}`;

/** A shell in a network namespace of its own, in which `ct` is the command line. */
const shell = (script: string): string =>
  execFileSync("unshare", ["--net", "/bin/bash", "-ec", `ct() { ${CT} "$@"; }\n${script}`], { encoding: "utf8" });

describe.runIf(requires("ip", installed("ip"), "it makes the bridge"))("the command line", () => {
  it("makes interfaces", () => {
    const seen = shell(`
      ip link add br0 type bridge; ip addr add 10.7.0.1/24 dev br0; ip link set br0 up
      ct run --nic type=veth,master=br0,address=10.7.0.2/24,gateway=10.7.0.1 ${root} -- \\
        /bin/sh -c "busybox ip route; busybox ping -c1 -W2 10.7.0.1"`);
    expect(seen).toContain("default via 10.7.0.1 dev eth0");
    expect(seen).toContain("1 packets received");
  });

  it("sets the loopback up with --network none, and shares the host's with host", () => {
    const seen = shell(`
      ct run --network none ${root} -- /bin/sh -c "busybox ping -c1 -W2 127.0.0.1"
      ip link add here0 type veth peer name here1
      ct run --network host ${root} -- /bin/sh -c "busybox ip -o link"`);
    expect(seen).toContain("1 packets received");
    expect(seen).toContain("here0");
  });

  it("shares the network of another container", () => {
    const seen = shell(`
      state=$(mktemp -d /tmp/libct-test-XXXXXX); trap 'rm -rf $state' EXIT
      ct --root $state run -d --name web --nic type=veth,address=10.8.0.2/30 ${root} -- /bin/sleep 1000 > /dev/null
      ct --root $state run --network container:web ${root} -- /bin/sh -c "busybox ip -o addr"
      ct --root $state rm -f web > /dev/null`);
    expect(seen).toContain("10.8.0.2/30");
  });

  it.runIf(requires("nft", installed("nft"), "it removes the rules"))(
    "has a doctor that sees whether the rules of a state directory's networks are there",
    () => {
      const seen = shell(`
        state=$(mktemp -d /tmp/libct-test-XXXXXX); trap 'rm -rf $state' EXIT
        rules() { ct --root $state doctor | grep -o "^.* rules of networks"; }
        ip link set lo up
        ct --root $state network create web > /dev/null
        ct --root $state run --network web ${root} -- /bin/true
        rules; nft flush ruleset; rules
        ct --root $state run --network web ${root} -- /bin/true; rules
        ct --root $state network prune > /dev/null`);
      expect(seen.trim().split("\n")).toEqual([
        "yes  rules of networks",
        "NO   rules of networks",
        "yes  rules of networks",
      ]);
    },
  );
});
