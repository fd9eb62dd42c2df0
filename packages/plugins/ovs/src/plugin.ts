/** The source plugin for Open vSwitch. */
import { definePlugin } from "@plumbline/plugin-sdk";
import { groupAnnotator } from "./annotate.js";
import { recognise } from "./commands.js";
import { explain } from "./explain.js";
import "./facts.js";
import { lowerBridges } from "./lower/device.js";
import { SHAPES } from "./shapes.js";

const plugin = definePlugin({
  id: "ovs",
  title: "Open vSwitch: OpenFlow flows, groups and ports, ovs-vsctl, learned MACs, tunnels, connections",
  claims: (file) => recognise(file)?.claim ?? null,
  parse: (file, ctx) => recognise(file)?.read(file, ctx),
  facts: SHAPES,
  lower: { devices: lowerBridges },
  annotator: groupAnnotator,
  explain,
  collects: [
    { what: "OpenFlow flows of BRIDGE", command: "ovs-ofctl -O OpenFlow15 dump-flows BRIDGE", on: "node" },
    { what: "OpenFlow groups of BRIDGE", command: "ovs-ofctl -O OpenFlow15 dump-groups BRIDGE", on: "node" },
    { what: "OpenFlow ports of BRIDGE", command: "ovs-ofctl -O OpenFlow15 dump-ports-desc BRIDGE", on: "node" },
    { what: "OVS bridges and ports", command: "ovs-vsctl show", on: "node" },
    { what: "OVS interfaces", command: "ovs-vsctl list Interface", on: "node" },
    { what: "learned MACs of BRIDGE", command: "ovs-appctl fdb/show BRIDGE", on: "node" },
    { what: "tunnel neighbours", command: "ovs-appctl tnl/neigh/show", on: "node" },
    { what: "OVS connections", command: "ovs-appctl dpctl/dump-conntrack -m -s", on: "node" },
    { what: "tunnel routes", command: "ovs-appctl ovs/route/show", on: "node" },
  ],
});
export default plugin;
