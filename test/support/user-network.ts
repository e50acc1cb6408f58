import { inProcess } from "./playground.ts";

/** An ordinary user with a home, a runtime directory and ids of his own. */
const USER = 12345;
const RUNTIME = "/run/user/12345";

/** A machine of one's own, as far as networks and mounts are concerned, and another host beside it. */
export const OWN = "198.51.100.2";
export const OTHER = "198.51.100.1";

/**
 * Both are processes of the launcher: it becomes the interpreter, and they die with that. The other host has a web server, and executes what is written to its
 * port 99, so that whoever is no root can look from there.
 */
const HOSTS = `
  mount -t tmpfs tmpfs /run/user 2>/dev/null || { mount -t tmpfs tmpfs /run; mkdir /run/user; }
  mkdir -p -m 700 ${RUNTIME} && chown ${USER}:${USER} ${RUNTIME}
  mount -t tmpfs -o mode=755 tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200
  ip link set lo up
  other() { setpriv --pdeathsig KILL nsenter --net=/proc/$peer/ns/net "$@" </dev/null >/dev/null 2>&1 & }
  setpriv --pdeathsig KILL unshare --net sleep infinity </dev/null >/dev/null 2>&1 &
  peer=$!
  until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do :; done
  ip link add up0 type veth peer name far0
  ip link set far0 netns $peer
  ip addr add ${OWN}/24 dev up0; ip -6 addr add 2001:db8::2/64 dev up0 nodad; ip link set up0 up
  nsenter -t $peer -n sh -c "ip addr add ${OTHER}/24 dev far0; ip -6 addr add 2001:db8::1/64 dev far0 nodad; ip link set far0 up; ip link set lo up"
  ip route add default via ${OTHER}; ip -6 route add default via 2001:db8::1
  echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range
  echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
  mkdir /run/user/web; echo "the other host" > /run/user/web/index.html
  other busybox httpd -f -p 80 -h /run/user/web
  other busybox nc -ll -p 99 -e /bin/sh
`;

/** At hand in the body besides what `inProcess` gives: a shell of the other host's, one of this host's, and `until`, which tries again until a shell succeeds. */
const PRELUDE = `
  const { execFileSync } = await import("node:child_process");
  const { readdirSync, readFileSync } = await import("node:fs");
  const { connect } = await import("node:net");
  const here = (script) => {
    try { return execFileSync("sh", ["-c", script], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim(); }
    catch (error) { return "failed: " + String(error.stderr).trim(); }
  };
  const there = (script) => new Promise((resolve, reject) => {
    const socket = connect(99, "${OTHER}", () => socket.end(script + "\\n"));
    let text = "";
    socket.setEncoding("utf8").on("data", (part) => { text += part; }).on("end", () => resolve(text.trim())).on("error", reject);
  });
  const until = async (wanted, look) => {
    for (let tries = 0; ; tries++) {
      const seen = await look();
      if (seen === wanted || tries === 500) return seen;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  /** Programs that carry somebody's traffic, by what they were started with. */
  const carriers = () => readdirSync("/proc").filter((name) => {
    try { return /\\/(pasta|passt|slirp4netns)\\0/.test(readFileSync("/proc/" + name + "/cmdline", "latin1")); } catch { return false; }
  }).length;
  await until("the other host", () => here("curl -s -m 1 http://${OTHER}/"));
`;

/** Runs the body of an async function as an ordinary user of such a machine. `prepare` is a script of root's before it. */
export const asUserOfNetwork = <T>(body: string, prepare = ":"): Promise<T> =>
  inProcess<T>(PRELUDE + body, {
    launcher: [
      ...["unshare", "--mount", "--net", "--propagation", "private", "/bin/sh", "-ec"],
      `${HOSTS}\n${prepare}\nexec setpriv --reuid=${USER} --regid=${USER} --clear-groups "$@"`,
      "sh",
    ],
    env: { XDG_RUNTIME_DIR: RUNTIME, XDG_DATA_HOME: `${RUNTIME}/data` },
  });

/** For scripts of `asUserOfNetwork`: `start` makes a container on the network web that serves its name. */
export const START = `
  const spec = (name, more = {}) => ({ ...libct.standard({ userNamespace: true }), root: libct.hostRoot(), name, hostname: name, nics: { eth0: { type: "network", network: "web" } }, ...more });
  const start = async (name, more) => {
    const container = await host.create(spec(name, more));
    const serve = "const h = require('http'); h.createServer((q, a) => a.end('" + name + " for ' + q.socket.remoteAddress.replace('::ffff:', ''))).listen(80);" +
      "const u = require('dgram').createSocket('udp4'); u.on('message', (m, from) => u.send('got ' + m, from.port, from.address)); u.bind(53)";
    await container.start([process.execPath, "-e", serve], { stdout: "ignore", stderr: "ignore" });
    return container;
  };
  const inside = async (container, script) => {
    const child = await container.exec(["sh", "-c", script]);
    const text = await new Response(child.stdout).text();
    await child.wait();
    return text.trim();
  };
`;
