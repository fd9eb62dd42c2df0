/** What the data of this plugin's kinds of facts look like: bridges, ports, flows, groups and what else Open vSwitch tells. */
import type { Plugin } from "@plumbline/model";

export const SHAPES: Plugin["facts"] = {
  "ovs.bridge": { object: { name: "string", "datapathType?": "string", "failMode?": "string" } },
  "ovs.port": {
    object: {
      bridge: "string",
      name: "string",
      cut: "boolean",
      "ofport?": "number",
      "datapathPort?": "number",
      "type?": "string",
      "options?": { mapOf: "string" },
      "externalIds?": { mapOf: "string" },
      "mac?": "string",
      "ifindex?": "number",
      "up?": "boolean",
      "config?": { listOf: "string" },
      "state?": { listOf: "string" },
      "tag?": "number",
      "trunks?": { listOf: "number" },
    },
  },
  "ovs.flow": {
    object: {
      bridge: "string",
      flow: {
        object: {
          table: "any",
          priority: "number",
          cookie: "bigint",
          match: {
            listOf: {
              object: {
                name: "string",
                slice: "any",
                "beyond?": { object: { field: "string", ofs: "number" } },
                value: "bigint",
                mask: "bigint",
                "portName?": "string",
                "bytes?": "number",
                "absent?": "boolean",
              },
            },
          },
          actions: { listOf: "any" },
          "packets?": "number",
          "bytes?": "number",
          "about?": {
            object: { "idleTimeout?": "number", "hardTimeout?": "number", "importance?": "number", "flags?": { listOf: "string" } },
          },
        },
      },
    },
  },
  "ovs.flow-dump": { object: { bridge: "string", extent: { oneOf: ["whole", "cut", "excerpt"] }, from: "number" } },
  "ovs.group": {
    object: {
      bridge: "string",
      group: {
        object: {
          id: "number",
          type: { oneOf: ["all", "select", "indirect", "ff"] },
          selectionMethod: "string",
          selectionParam: "bigint",
          fields: { listOf: "string" },
          buckets: { listOf: { object: { id: "any", weight: "number", watchPort: "any", watchGroup: "any", actions: { listOf: "any" } } } },
        },
      },
    },
  },
  "ovs.fdb": { object: { bridge: "string", port: "number", vlan: "number", mac: "string", age: "string" } },
  "ovs.tunnel-neighbour": { object: { address: "string", mac: "string", bridge: "string" } },
  "ovs.tunnel-route": {
    object: { prefix: "string", dev: "string", via: "string", src: "string", local: "boolean", "priority?": "number", source: "string" },
  },
  "ovs.tunnel-port": { object: { name: "string", datapathPort: "number", udpPort: "number", address: "string", mac: "string" } },
  "ovs.tunnel": { object: { name: "string", type: "string", localIp: "string", remoteIp: "string", datapathPort: "number" } },
  "ovs.tlv": { object: { bridge: "string", class: "number", type: "number", size: "number", field: "string" } },
  "ovs.group-statistics": {
    object: {
      bridge: "string",
      id: "number",
      packets: "number",
      bytes: "number",
      buckets: { listOf: { object: { packets: "number", bytes: "number" } } },
    },
  },
  "ovs.meter": {
    object: {
      bridge: "string",
      id: "string",
      flags: { listOf: "string" },
      bands: { listOf: { object: { type: "string", rate: "number", "burst?": "number" } } },
    },
  },
  "ovs.datapath-flow": {
    object: { ufid: "string", match: "string", packets: "number", bytes: "number", used: "string", actions: "string" },
  },
  "ovs.read": { object: { bridge: "string", what: { oneOf: ["groups", "fdb", "tlv-map"] } } },
  "ovs.config": { object: { externalIds: { mapOf: "string" }, version: "string" } },
};
