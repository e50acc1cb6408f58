// `bun bench/net-rootless.ts [--quick]` as root: throughput of an ordinary user's containers, to another host and from it through a published port, by libct, and by podman
// with the same helper. Prints; never fails for a figure.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { asUserOfNetwork, OTHER, OWN } from "../test/support/user-network.ts";
import { addProgram, makeRoot } from "./root.ts";
import { median, table } from "./statistics.ts";

const [rounds, seconds] = process.argv.includes("--quick") ? [1, 2] : [5, 4];
const directory = mkdtempSync("/tmp/libct-bench-");
const root = `${directory}/root`;
const USER = 12345;

interface Figures {
  readonly out: readonly number[];
  readonly in: readonly number[];
}

try {
  prepareRoot();
  const found = await asUserOfNetwork<Readonly<Record<string, Figures>>>(body(), prepare());
  if ("failed" in found) throw new Error(JSON.stringify(found));
  const rows = Object.entries(found).map(([name, figures]) => [name, gigabits(figures.out), gigabits(figures.in)]);
  console.log(table([["Gbit/s, median", "to another host", "from it, published port"], ...rows]));
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function gigabits(samples: readonly number[]): string {
  return samples.length === 0 ? "-" : (median(samples) / 1e9).toFixed(2);
}

/** A root with iperf3 and what it is linked with. */
function prepareRoot(): void {
  makeRoot(root, ["sh", "sleep"]);
  addProgram(root, "iperf3");
  mkdirSync(`${root}/tmp`, { mode: 0o1777 });
  mkdirSync(`${root}/etc`);
  execFileSync("chown", ["-R", `${USER}:${USER}`, directory]);
  writeFileSync(`${directory}/passwd`, `root:x:0:0::/root:/bin/sh\nsomebody:x:${USER}:${USER}::${directory}:/bin/sh\n`);
  writeFileSync(`${directory}/sub`, "somebody:200000:65536\n");
}

/** podman wants a name and subordinate ids. */
function prepare(): string {
  return `
    mount --bind ${directory}/passwd /etc/passwd; mount --bind ${directory}/sub /etc/subuid; mount --bind ${directory}/sub /etc/subgid
    other iperf3 -s`;
}

function body(): string {
  return `
    const { spawn } = await import("node:child_process");
    const home = "${directory}";
    const client = ["iperf3", "-c", "${OTHER}", "-t", "${seconds}", "-J"];
    const server = ["iperf3", "-s", "-1"];
    const rate = (text) => JSON.parse(text.slice(text.indexOf("{"))).end.sum_received.bits_per_second;
    const podman = (words, command) => ["podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "none", "run", "--rm", "--ulimit", "host", "--network", "slirp4netns:mtu=65520", ...words, "--rootfs", "${root}", ...command];
    const spec = (type, ports) => ({ ...libct.standard({ userNamespace: true }), root: "${root}", nics: { eth0: { type } }, ports });
    const libctRun = (type) => async (command, ports, published) => {
      const container = await host.create(spec(type, ports));
      const child = await container.start(command, { stdout: "pipe", stderr: "ignore" });
      const text = new Response(child.stdout).text();
      const seen = published ? await published() : undefined;
      await child.wait();
      const out = await text;
      await container[Symbol.asyncDispose]();
      return seen ?? out;
    };
    const commandRun = (words) => async (command, ports, published) => {
      const given = words(ports, command);
      const child = spawn(given[0], given.slice(1), { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, HOME: home } });
      let text = "";
      child.stdout.on("data", (part) => { text += part; });
      const ended = new Promise((resolve) => child.once("close", resolve));
      const seen = published ? await published() : undefined;
      await ended;
      return seen ?? text;
    };
    const contestants = {
      "libct, pasta": libctRun("pasta"),
      "libct, slirp4netns": libctRun("slirp4netns"),
      "podman, slirp4netns": commandRun((ports, command) => podman(ports.length > 0 ? ["-p", "5301:5201"] : [], command)),
    };
    const reach = () => until("yes", async () => {
      const text = await there("iperf3 -c ${OWN} -p 5301 -t ${seconds} -J");
      if (!text.includes("sum_received")) return "no";
      last = text;
      return "yes";
    }).then(() => last);
    let last = "";
    const figures = {};
    for (let round = 0; round < ${rounds}; round++) {
      for (const [name, run] of Object.entries(contestants)) {
        figures[name] ??= { out: [], in: [] };
        figures[name].out.push(rate(await run(client, [])));
        figures[name].in.push(rate(await run(server, [{ hostPort: 5301, containerPort: 5201 }], reach)));
      }
    }
    return figures;`;
}
