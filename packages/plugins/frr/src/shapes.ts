/** What the data of this plugin's kinds of facts look like: bgpd's tables and peers, bfdd's sessions, running configurations. */
import type { Plugin } from "@plumbline/model";

export const SHAPES: Plugin["facts"] = {
  "frr.bgp-peer": {
    object: {
      address: "string",
      asn: "number",
      state: "string",
      received: "number",
      sent: "number",
      "family?": "number",
      "vrf?": "string",
    },
  },
  "frr.bgp-empty": { object: {} },
  "frr.bgp-detail": {
    object: {
      prefix: "string",
      advertisedTo: "any",
      paths: {
        listOf: {
          object: {
            nexthop: "string",
            from: "string",
            valid: "boolean",
            best: "boolean",
            multipath: "boolean",
            internal: "boolean",
            localPref: "number",
            metric: "number",
            weight: "number",
            asPath: "string",
            origin: "string",
            communities: { listOf: "string" },
            why: "string",
          },
        },
      },
    },
  },
  "frr.neighbour-route": {
    object: {
      neighbour: "string",
      direction: { oneOf: ["advertised", "received", "accepted", "filtered"] },
      prefix: "string",
      nexthop: "string",
      localPref: "number",
      weight: "number",
      asPath: "string",
    },
  },
  "frr.neighbour-routes-read": {
    object: { neighbour: "string", direction: { oneOf: ["advertised", "received", "accepted", "filtered"] }, family: "integer" },
  },
  "frr.neighbour": {
    object: {
      address: "string",
      remoteAs: "number",
      localAs: "number",
      internal: "boolean",
      description: "string",
      hostname: "string",
      state: "string",
      remoteId: "string",
      localAddress: "string",
      lastReset: "string",
      bfd: "string",
      families: {
        listOf: {
          object: {
            name: "string",
            accepted: "number",
            routeMapIn: "string",
            routeMapOut: "string",
            prefixListIn: "string",
            prefixListOut: "string",
          },
        },
      },
    },
  },
  "frr.bfd-peer": {
    object: {
      peer: "string",
      local: "string",
      vrf: "string",
      interface: "string",
      multihop: "boolean",
      status: "string",
      diagnostic: "string",
      remoteDiagnostic: "string",
    },
  },
  "frr.config-read": { object: {} },
  "frr.config-router": {
    object: {
      asn: "string",
      vrf: "string",
      routerId: "string",
      ebgpRequiresPolicy: "boolean",
      importCheck: "boolean",
      defaultIpv4: "boolean",
      neighbours: {
        listOf: {
          object: {
            name: "string",
            remoteAs: "string",
            peerGroup: "string",
            description: "string",
            shutdown: "boolean",
            "shutdownLine?": "number",
            bfd: "boolean",
            ebgpMultihop: "boolean",
            families: {
              mapOf: {
                object: {
                  activate: "any",
                  routeMapIn: "string",
                  routeMapOut: "string",
                  prefixListIn: "string",
                  prefixListOut: "string",
                  maximumPrefix: "number",
                },
              },
            },
            line: "number",
            text: "string",
          },
        },
      },
      families: {
        mapOf: {
          object: {
            networks: { listOf: { object: { line: "number", text: "string", prefix: "string", routeMap: "string" } } },
            redistribute: { listOf: { object: { line: "number", text: "string", protocol: "string", routeMap: "string" } } },
            aggregates: { listOf: { object: { line: "number", text: "string", prefix: "string", summaryOnly: "boolean" } } },
            maximumPaths: "number",
            maximumPathsIbgp: "number",
          },
        },
      },
    },
  },
  "frr.prefix-list": {
    object: {
      family: "integer",
      name: "string",
      entries: {
        listOf: {
          object: { line: "number", text: "string", seq: "number", permit: "boolean", prefix: "string", ge: "number", le: "number" },
        },
      },
    },
  },
  "frr.route-map": {
    object: {
      name: "string",
      seq: "number",
      permit: "boolean",
      match: { listOf: "string" },
      set: { listOf: "string" },
      call: "string",
      onMatch: "string",
    },
  },
};
