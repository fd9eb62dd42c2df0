/** What the data of this plugin's kinds of facts look like: logical flows, rows of the databases, conntrack zones. */
import type { Plugin } from "@plumbline/model";

export const SHAPES: Plugin["facts"] = {
  "ovn.lflow": {
    object: {
      uuid: "string",
      datapath: "string",
      pipeline: { oneOf: ["ingress", "egress"] },
      table: "number",
      stage: "string",
      priority: "number",
      match: "string",
      actions: "string",
    },
  },
  "ovn.row": {
    object: {
      database: { oneOf: ["northbound", "southbound"] },
      table: "string",
      uuid: "string",
      columns: { mapOf: "any" },
      ownLine: "boolean",
    },
  },
  "ovn.ct-zone": { object: { name: "string", zone: "number" } },
};
