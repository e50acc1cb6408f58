import { describe, expect, it } from "vitest";
import { parseNetworkStats } from "../../src/host/network-stats.ts";

const TITLES = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`;

describe("the traffic of a container", () => {
  it("is counted for each interface but the loopback", () => {
    const text = `${TITLES}    lo:    1000      10    0    0    0     0          0         0     1000      10    0    0    0     0       0          0
  eth0: 5210     44    1    2    0     0          0         0     7001      45    3    4    0     0       0          0
wwan-%2:18446744073709 1 0 0 0 0 0 0 2 3 0 0 0 0 0 0
`;
    expect(parseNetworkStats(text)).toEqual({
      eth0: {
        rx: { bytes: 5210, packets: 44, errors: 1, dropped: 2 },
        tx: { bytes: 7001, packets: 45, errors: 3, dropped: 4 },
      },
      "wwan-%2": {
        rx: { bytes: 18446744073709, packets: 1, errors: 0, dropped: 0 },
        tx: { bytes: 2, packets: 3, errors: 0, dropped: 0 },
      },
    });
  });

  it("is none where there is no interface", () => {
    expect(parseNetworkStats(TITLES)).toEqual({});
  });
});
