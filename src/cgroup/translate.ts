import { LibctError } from "../errors.ts";
import type { Resources } from "../spec/index.ts";
import { blockIOV1, blockIOV2 } from "./block-io.ts";
import { cpuset, cpuV1, cpuV2 } from "./cpu.ts";
import { memoryV1, memoryV2 } from "./memory.ts";
import { bytesOrMax, bytesOrMinusOne, notInVersion, orMax, type Setting, Settings } from "./setting.ts";

/** In which version a controller is to be found; undefined: nowhere. */
export type VersionOf = (controller: string) => 1 | 2 | undefined;

/** What is written to which files for the limits, in this order; all but the devices, which are no files in version 2. */
export function settingsOf(resources: Resources, versionOf: VersionOf): readonly Setting[] {
  const first = (controller: string) => versionOf(controller) === 1;
  const { memory, cpu, blockIO } = resources;
  return [
    ...(memory ? (first("memory") ? memoryV1(memory) : memoryV2(memory)) : []),
    ...(cpu ? [...cpuset(cpu), ...(first("cpu") ? cpuV1(cpu) : cpuV2(cpu))] : []),
    ...pids(resources),
    ...(blockIO ? (first("blkio") ? blockIOV1(blockIO) : blockIOV2(blockIO)) : []),
    ...hugepages(resources, first("hugetlb")),
    ...network(resources, first),
    ...rdma(resources),
    ...unified(resources, versionOf),
  ];
}

function pids({ pids: limits }: Resources): readonly Setting[] {
  const settings = new Settings("pids", "resources.pids");
  settings.add("limit", "pids.max", limits?.limit === undefined ? undefined : orMax(limits.limit));
  return settings.list;
}

/** hugetlb.rst: since Linux 5.7 pages are counted when they are reserved too, which is when a limit can be refused without SIGBUS. */
function hugepages({ hugepageLimits = [] }: Resources, first: boolean): readonly Setting[] {
  const settings = new Settings("hugetlb", "resources.hugepageLimits");
  const file = first ? "limit_in_bytes" : "max";
  hugepageLimits.forEach(({ pageSize, limit }, index) => {
    const value = first ? bytesOrMinusOne(limit) : bytesOrMax(limit);
    settings.add(`[${index}].limit`, `hugetlb.${pageSize}.${file}`, value);
    settings.add(`[${index}].limit`, `hugetlb.${pageSize}.rsvd.${file}`, value, { optional: true });
  });
  return settings.list;
}

/** net_cls.rst, net_prio.rst */
function network({ network: limits }: Resources, first: (controller: string) => boolean): readonly Setting[] {
  if (!limits) return [];
  const hint = "mark packets by the cgroup's path instead: nft socket cgroupv2";
  const classes = new Settings("net_cls", "resources.network");
  const priorities = new Settings("net_prio", "resources.network");
  if (!first("net_cls")) classes.refuse("classID", limits.classID || undefined, 2, hint);
  else classes.add("classID", "net_cls.classid", limits.classID);
  if (!first("net_prio")) priorities.refuse("priorities", limits.priorities?.length || undefined, 2, hint);
  else {
    limits.priorities?.forEach(({ name, priority }, index) => {
      priorities.add(`priorities[${index}]`, "net_prio.ifpriomap", `${name} ${priority}`);
    });
  }
  return [...classes.list, ...priorities.list];
}

/** rdma.rst */
function rdma({ rdma: devices = {} }: Resources): readonly Setting[] {
  const settings = new Settings("rdma", "resources.rdma");
  for (const [name, { hcaHandles, hcaObjects }] of Object.entries(devices)) {
    const handles = hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`];
    const objects = hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`];
    if (handles.length + objects.length === 0) continue;
    settings.add(name, "rdma.max", [name, ...handles, ...objects].join(" "));
  }
  return settings.list;
}

/** Each line of a value is a write of its own: the files that have a line for each device take one at a time. */
function unified({ unified: files = {} }: Resources, versionOf: VersionOf): readonly Setting[] {
  return Object.entries(files).flatMap(([file, value]) => {
    const controller = file.slice(0, file.indexOf("."));
    const member = `resources.unified.${file}`;
    if (versionOf(controller) === 1) throw inVersion1(controller, member);
    if (versionOf("unified") !== 2) throw notInVersion(member, 1, "this machine has no cgroup2 mount");
    const lines = value.split("\n").filter((line) => line !== "");
    return lines.map((line): Setting => ({ controller, file, value: line, member }));
  });
}

const inVersion1 = (controller: string, member: string) =>
  new LibctError("ERR_CT_NOT_SUPPORTED", `the ${controller} controller is in version 1 of cgroups here`, {
    member,
    hint: `use resources.${controller}, which is translated`,
  });
