import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtBinaries } from "../support/binaries.ts";
import { Enclave, type RunOptions } from "../support/enclave.ts";
import { rootArchive } from "../support/oci-archive.ts";
import { installed, requires } from "../support/prerequisite.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const isRoot = process.getuid?.() === 0;
const available = requires("buildah", installed("buildah") && isRoot, "buildah, as root");

describe.runIf(available)("buildah with ct-runtime", () => {
  const directory = temporaryDirectory();
  let enclave: Enclave;
  let runtime: string;
  let container: string;

  const buildah = (words: readonly string[], options: RunOptions = {}) => {
    const places = [`--root=${directory}/root`, `--runroot=${directory}/run`, "--storage-driver=overlay"];
    const env = {
      HOME: directory,
      CONTAINERS_CONF: `${directory}/containers.conf`,
      BUILDAH_ISOLATION: "oci",
      ...options.env,
    };
    return enclave.run(["buildah", ...places, ...words], { cwd: directory, ...options, env });
  };
  const run = (more: readonly string[], ...words: readonly string[]) =>
    buildah(["run", `--runtime=${runtime}`, "--network=none", ...more, container, ...words]);
  const build = (file: string, options: RunOptions = {}) => {
    writeFileSync(`${directory}/context/Containerfile`, file);
    return buildah(["bud", "--network=none", "--tag=new", `${directory}/context`], options);
  };

  beforeAll(async () => {
    runtime = builtBinaries().runtime;
    mkdirSync(`${directory}/context`);
    const limits =
      '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n[network]\nnetwork_backend = "netavark"\n';
    writeFileSync(`${directory}/containers.conf`, limits);
    enclave = await Enclave.open();
    container = buildah(["from", "scratch"]).stdout.trim();
    buildah(["add", "--quiet", container, rootArchive(directory), "/"]);
    buildah(["config", "--cmd=sh", "--env=PATH=/bin", container]);
    buildah(["commit", "--quiet", container, "localhost/busybox"]);
  });

  afterAll(async () => {
    buildah(["rm", "--all"]);
    buildah(["rmi", "--all", "--force"]);
    const left = enclave.left(directory).filter((line) => !line.endsWith("/root/overlay"));
    await enclave.close();
    expect(left).toEqual(["lo"]);
  });

  it("gives what a command writes, and how it ends", () => {
    const { status, stdout } = run([], "sh", "-c", "id -u; echo made > /made; exit 7");
    expect({ status, stdout }).toEqual({ status: 7, stdout: "0\n" });
    expect(run([], "cat", "/made").stdout).toBe("made\n");
  });

  it("runs it as another user without rights, in another directory", () => {
    const { stdout } = run(
      ["--user=app", "--cap-drop=all", "--workingdir=/tmp"],
      "sh",
      "-c",
      "id -u; pwd; grep CapEff /proc/self/status",
    );
    expect(stdout).toBe("1000\n/tmp\nCapEff:\t0000000000000000\n");
  });

  it("builds an image by its instructions", () => {
    const { status, stdout } = build(
      `FROM localhost/busybox
RUN echo one > /one
RUN --mount=type=tmpfs,target=/small grep -o ' /small tmpfs' /proc/mounts
WORKDIR /work
USER app
RUN pwd; id -u; cat /one
`,
      { env: { BUILDAH_RUNTIME: runtime } },
    );
    expect(status).toBe(0);
    expect(stdout).toContain(" /small tmpfs\n");
    expect(stdout).toContain("/work\n1000\none\n");
  });

  it("ends a build with the status of the instruction that failed", () => {
    const { status, stderr } = build("FROM localhost/busybox\nRUN exit 3\n", { env: { BUILDAH_RUNTIME: runtime } });
    expect(status).toBe(3);
    expect(stderr).toContain('building at STEP "RUN exit 3"');
  });
});
