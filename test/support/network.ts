import { inProcess } from "./playground.ts";
import { busyboxRoot } from "./rootfs.ts";

/**
 * Runs the body of an async function on a host of one's own, as far as networks are concerned: a network namespace that goes with it. At hand are, besides `libct`,
 * `host` and `attempt`: `root`, a small root; `ip(words)` and `ipJson(words)`; `lookInto(spec)`, which starts a container that sleeps, and gives its `pid`, its
 * `links`, `routes` and `routes6`, and how to `end` it; and `inside(pid, script)`, a shell of the host's in the container's network and sysctls. `first` is done by children that start the same program, too.
 */
export const inNetwork = <T>(setUp: string, body: string, first = ""): Promise<T> =>
  inProcess<T>(
    `const { execFileSync } = await import("node:child_process");
     const root = "${busyboxRoot()}";
     const text = (file, words) => execFileSync(file, words, { encoding: "utf8" });
     const ip = (words) => text("ip", words.split(" "));
     const ipJson = (words) => JSON.parse(ip("-j -d " + words) || "[]");
     const inside = (pid, script) => text("nsenter", ["-t", String(pid), "-n", "sh", "-c", script]);
     const started = [];
     const lookInto = async (spec) => {
       const container = await host.create({ ...libct.standard({ userNamespace: false }), root, ...spec });
       started.push(container);
       const { pid } = await container.start(["/bin/sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
       const of = (words) => JSON.parse(inside(pid, "ip -j -d " + words) || "[]");
       const end = () => container[Symbol.asyncDispose]();
       return { pid, container, end, links: of("addr"), routes: of("route"), routes6: of("-6 route") };
     };
     ${first}
     try { ${body} } finally { for (const container of started) await container[Symbol.asyncDispose](); }`,
    { launcher: ["unshare", "--net", "/bin/sh", "-ec", `ip link set lo up\n${setUp}\nexec "$@"`, "sh"] },
  );
