/** What names of ports mean in logical flows. */
import type { LogicalDatapath, Topology } from "./topology.js";

/** The key of a port or multicast group of the datapath; undefined if it has none of that name. */
export function portKey(topology: Topology, dp: LogicalDatapath, name: string): number | undefined {
  // No port: OVN writes the empty string or this word.
  if (name === "" || name === "none") return 0;
  const port = topology.ports.get(name);
  if (port && port.datapath === dp) return port.key;
  return dp.groups.find((g) => g.name === name)?.key;
}
