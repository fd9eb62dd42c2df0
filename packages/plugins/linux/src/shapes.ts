/** What the data of this plugin's kinds of facts look like: what this plugin alone reads and uses. */
import type { Plugin } from "@plumbline/model";

export const SHAPES: Plugin["facts"] = {
  "linux.routes-read": { object: { family: "integer", table: "string" } },
  "linux.routes-partial": { object: { family: "integer" } },
  "linux.route-opaque": {
    object: {
      family: "integer",
      table: "string",
      prefix: "string",
      metric: "number",
      nhid: "number",
      src: "string",
      scope: "string",
      proto: "string",
      why: "string",
    },
  },
  "linux.rule-opaque": { object: { family: "integer", priority: "number", why: "string" } },
  "linux.nexthop": {
    object: { id: "number", hop: "any", group: { listOf: { object: { id: "number", weight: "number" } } }, blackhole: "boolean" },
  },
  "linux.neighbours-read": { object: { family: "integer" } },
  "linux.bridge-fdb": { object: { mac: "string", dev: "string", master: "string", vlan: "number", dst: "string", state: "string" } },
};
