import type { BlockIOResources, DeviceRate } from "../spec/index.ts";
import { bytesOf, orMax, type Setting, Settings } from "./setting.ts";

const THROTTLES = [
  ["throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"],
  ["throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"],
  ["throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"],
  ["throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"],
] as const;

/** blkio-controller.rst of the kernel's cgroup-v1. The weights were CFQ's before Linux 5.0, and are BFQ's since. */
export function blockIOV1(io: BlockIOResources): readonly Setting[] {
  const settings = new Settings("blkio", "resources.blockIO");
  settings.add("weight", "blkio.weight", io.weight, bfq("blkio.bfq.weight", io.weight));
  settings.add("leafWeight", "blkio.leaf_weight", io.leafWeight);
  io.weightDevice?.forEach(({ major, minor, weight, leafWeight }, index) => {
    const [at, device] = [`weightDevice[${index}]`, `${major}:${minor}`];
    const value = weight === undefined ? undefined : `${device} ${weight}`;
    settings.add(`${at}.weight`, "blkio.weight_device", value, bfq("blkio.bfq.weight_device", value));
    const leaf = leafWeight === undefined ? undefined : `${device} ${leafWeight}`;
    settings.add(`${at}.leafWeight`, "blkio.leaf_weight_device", leaf);
  });
  for (const [name, file] of THROTTLES) {
    // Here 0 takes a limit away.
    const line = ({ major, minor, rate }: DeviceRate) => `${major}:${minor} ${Math.max(bytesOf(rate), 0)}`;
    io[name]?.forEach((rate, index) => {
      settings.add(`${name}[${index}]`, file, line(rate));
    });
  }
  return settings.list;
}

/** cgroup-v2.rst, "IO". With the scheduler BFQ the weight is its own, from 1 to 1000; else that of the cost model, from 1 to 10000. */
export function blockIOV2(io: BlockIOResources): readonly Setting[] {
  const settings = new Settings("io", "resources.blockIO");
  const weight = (at: string, device: string, value: number | undefined) => {
    if (value === undefined) return;
    const otherwise = { file: "io.weight", value: `${device || "default "}${ioWeightOf(value)}` };
    settings.add(at, "io.bfq.weight", `${device}${value}`, { otherwise });
  };
  weight("weight", "", io.weight);
  settings.refuse("leafWeight", io.leafWeight, 2);
  io.weightDevice?.forEach(({ major, minor, weight: value, leafWeight }, index) => {
    weight(`weightDevice[${index}].weight`, `${major}:${minor} `, value);
    settings.refuse(`weightDevice[${index}].leafWeight`, leafWeight, 2);
  });
  for (const [name, , key] of THROTTLES) {
    io[name]?.forEach(({ major, minor, rate }, index) => {
      settings.add(`${name}[${index}]`, "io.max", `${major}:${minor} ${key}=${orMax(bytesOf(rate) || -1)}`);
    });
  }
  return settings.list;
}

/** From 10 to 1000 to 1 to 10000 (crun(1), "CGROUP V2"). */
export const ioWeightOf = (weight: number): number => 1 + Math.floor(((weight - 10) * 9999) / 990);

const bfq = (file: string, value: string | number | undefined): Partial<Setting> =>
  value === undefined ? {} : { otherwise: { file, value: String(value) } };
