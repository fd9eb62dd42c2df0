/** The source plugin for Open vSwitch. */
import type { Plugin } from "@plumbline/model";
import { definePlugin } from "@plumbline/plugin-sdk";
import { groupAnnotator } from "./annotate.js";
import { recognise } from "./commands.js";
import { explain } from "./explain.js";
import "./facts.js";
import { lowerBridges } from "./lower/device.js";

const plugin: Plugin = definePlugin({
  id: "ovs",
  title: "Open vSwitch: OpenFlow flows, groups and ports, ovs-vsctl, learned MACs, tunnels, connections",
  claims: (file) => recognise(file)?.claim ?? null,
  read: (file, ctx) => recognise(file)?.read(file, ctx),
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
