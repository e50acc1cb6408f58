import { inProcess } from "./playground.ts";
import { busyboxRoot, temporaryDirectory } from "./rootfs.ts";

/**
 * A host of one's own, as far as networks are concerned, with 192.0.2.1, and a second one beside it with 192.0.2.2: a process that holds a network namespace and
 * ends with the test, since its input does. What a test makes of networks lies in a directory of its own.
 */
const HOSTS = `
  ip link set lo up
  exec 9> >(exec unshare --net cat)
  second=$!
  until [ "$(readlink /proc/$second/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
  ip link add up0 type veth peer name eth0 netns $second
  ip addr add 192.0.2.1/24 dev up0
  ip addr add 2001:db8::1/64 dev up0 nodad
  ip link set up0 up
  nsenter -t $second -n sh -ec 'ip addr add 192.0.2.2/24 dev eth0; ip addr add 2001:db8::2/64 dev eth0 nodad; ip link set eth0 up; ip route add default via 192.0.2.1; ip route add default via 2001:db8::1'
  export SECOND=$second
`;

/**
 * Runs the body of an async function there. At hand are `host` with its `networks`, `attempt`, `state`; `sh(script)` on the host, `second(script)` on the second host,
 * `run(name, spec, script)` for a container that goes on, and `inside(container, script)`; each gives its output, or "failed" where a command fails.
 */
export const withNetworks = <T>(body: string, root = busyboxRoot(), state = temporaryDirectory()): Promise<T> =>
  inProcess<T>(
    `const { execFile, execFileSync } = await import("node:child_process");
     const [root, state] = ["${root}", "${state}"];
     const executor = process.env.LIBCT_TEST_EXECUTOR;
     const open = () => libct.Host.open({ stateDirectory: state, ...(executor ? { executor } : {}) });
     const output = (words) => { try { return execFileSync(words[0], words.slice(1), { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim(); } catch { return "failed"; } };
     const sh = (script) => output(["sh", "-c", script]);
     const second = (script) => output(["nsenter", "-t", process.env.SECOND, "-n", "sh", "-c", script]);
     const nft = (words) => JSON.parse(execFileSync("nft", ["-j", ...words.split(" ")], { encoding: "utf8" })).nftables;
     const elements = (map) => nft("list map inet libct " + map).flatMap((one) => one.map?.elem ?? []);
     await host[Symbol.asyncDispose]();
     const mine = await open();
     const described = (spec) => ({ ...libct.standard({ userNamespace: false }), root, ...spec });
     const on = (network, more = {}) => ({ nics: { eth0: { type: "network", network, ...more } } });
     const started = [];
     const run = async (name, spec, script = "exec sleep 1000", owner = mine) => {
       const container = await owner.create(described({ name, hostname: name, ...spec }));
       started.push(container);
       const process = await container.start(["/bin/sh", "-c", script], { stdout: "ignore", stderr: "ignore" }).catch(async (error) => {
         await container[Symbol.asyncDispose]();
         throw error;
       });
       return Object.assign(container, { pid: process.pid, first: process });
     };
     const inside = async (container, script) => {
       const process = await container.exec(["/bin/sh", "-c", script + " 2>/dev/null"]);
       let text = "";
       for await (const chunk of process.stdout) text += chunk;
       return (await process.wait()).exitCode === 0 ? text.trim() : "failed";
     };
     const address = async (container) => (await container.info()).networks.interfaces[0].addresses[0].split("/")[0];
     const serve = (word) => "mkdir -p /dev/shm/www; echo " + word + " > /dev/shm/www/index.html; exec busybox httpd -f -p 80 -h /dev/shm/www";
     const until = async (probe, wanted) => { for (const deadline = Date.now() + 10_000; ; ) {
         const seen = await probe();
         if (seen === wanted) return seen;
         if (Date.now() > deadline) throw new Error("still " + seen + " instead of " + wanted);
         await new Promise((resolve) => setTimeout(resolve, 10));
       } };
     try { ${body} } finally {
       for (const container of started) await container[Symbol.asyncDispose]();
       await mine[Symbol.asyncDispose]();
     }`,
    { launcher: ["unshare", "--net", "/bin/bash", "-ec", `${HOSTS}\nexec "$@"`, "bash"] },
  );
