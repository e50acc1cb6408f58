import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ORDINARY } from "../support/as-user.ts";
import { auditEachTest } from "../support/leaks.ts";
import { type Failed, inProcess } from "../support/playground.ts";
import { busyboxRoot, temporaryDirectory } from "../support/rootfs.ts";

auditEachTest();
const root = busyboxRoot();
chmodSync(root, 0o755);
const data = temporaryDirectory();
mkdirSync(`${data}/own`);
writeFileSync(`${data}/own/hello`, "hello from the host\n");
chownSync(`${data}/own`, ORDINARY, ORDINARY);

/** With `inside(script)`, which gives the output of a shell in a running container of an ordinary user. */
const asUser = <T>(body: string) =>
  inProcess<T | Failed>(
    `await using container = await host.create({
       ...libct.standard({ userNamespace: true }), root: "${root}",
       mounts: [...libct.standard({ userNamespace: true }).mounts, { destination: "/run", type: "tmpfs" }] });
     await container.start(["/bin/sh", "-c", "sleep 1000 & wait"], { stdout: "ignore", stderr: "ignore" });
     const inside = async (script) => {
       const process = await container.exec(["/bin/sh", "-c", script + " 2>&1"]);
       let text = "";
       for await (const chunk of process.stdout) text += chunk;
       await process.wait();
       return text.trim();
     };
     ${body}`,
    { uid: ORDINARY },
  );

it("an ordinary user adds directories of the host to a running container, and takes them away", async () => {
  const seen = await asUser(
    `await container.mount({ destination: "/run/own", source: "${data}/own", options: ["rbind", "ro"] });
     const results = [await inside("cat /run/own/hello"), await inside("touch /run/own/x")];
     await container.unmount("/run/own");
     return [...results, await inside("ls -A /run/own")];`,
  );
  expect(seen).toEqual(["hello from the host", "touch: /run/own/x: Read-only file system", ""]);
});

it("an ordinary user adds filesystems and devices to a running container", async () => {
  const seen = await asUser(
    `await container.mount({ destination: "/run/proc", type: "proc" });
     await container.mount({ destination: "/run/tmp", type: "tmpfs", options: ["size=64k"] });
     await container.removeDevice("/dev/zero");
     const without = await inside("ls /dev/zero");
     await container.addDevice({ path: "/dev/zero", type: "c", major: 1, minor: 5 });
     const refused = await container.addDevice({ path: "/dev/mem", type: "c", major: 1, minor: 99 }).catch(({ code }) => code);
     return [await inside("cat /run/proc/1/comm"), without, await inside("head -c 3 /dev/zero | wc -c"), refused];`,
  );
  expect(seen).toEqual(["sh", "ls: /dev/zero: No such file or directory", "3", "ERR_CT_NOT_PERMITTED"]);
});

it("an ordinary user renames and limits a running container", async () => {
  const seen = await asUser(
    `await container.setHostname("new-name");
     await container.setSysctl({ "net.ipv4.ip_forward": "1" });
     await container.setRlimits([{ type: "RLIMIT_NOFILE", soft: 50, hard: 60 }]);
     return [await inside("hostname; cat /proc/sys/net/ipv4/ip_forward"), await inside("grep 'open files' /proc/1/limits | awk '{ print $4, $5 }'")];`,
  );
  expect(seen).toEqual(["new-name\n1", "50 60"]);
});
