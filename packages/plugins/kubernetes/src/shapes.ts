/** What the data of this plugin's kinds of facts look like: objects beside the shared nodes, pods and Services. */
import type { Plugin } from "@plumbline/model";

export const SHAPES: Plugin["facts"] = {
  "k8s.namespace": { object: { name: "string", labels: { mapOf: "string" } } },
  "k8s.endpoint-slice": {
    object: {
      name: "string",
      namespace: "string",
      service: "string",
      addressType: "string",
      endpoints: {
        listOf: {
          object: {
            addresses: { listOf: "string" },
            ready: "boolean",
            serving: "boolean",
            terminating: "boolean",
            node: "string",
            pod: "string",
          },
        },
      },
      ports: { listOf: { object: { name: "string", protocol: "string", port: "number" } } },
    },
  },
  "k8s.network-policy": {
    object: {
      name: "string",
      namespace: "string",
      podSelector: {
        object: {
          matchLabels: { mapOf: "string" },
          matchExpressions: { listOf: { object: { key: "string", operator: "string", values: { listOf: "string" } } } },
        },
      },
      policyTypes: { listOf: "string" },
    },
  },
  "metallb.peer": {
    object: {
      name: "string",
      namespace: "string",
      address: "string",
      port: "number",
      asn: "number",
      myAsn: "number",
      vrf: "string",
      sourceAddress: "string",
      bfdProfile: "string",
      ebgpMultiHop: "boolean",
      nodeSelectors: {
        listOf: {
          object: {
            matchLabels: { mapOf: "string" },
            matchExpressions: { listOf: { object: { key: "string", operator: "string", values: { listOf: "any" } } } },
          },
        },
      },
    },
  },
  "metallb.pool": {
    object: {
      name: "string",
      namespace: "string",
      labels: { mapOf: "string" },
      addresses: { listOf: "string" },
      autoAssign: "boolean",
      avoidBuggyIPs: "boolean",
      "allocateTo?": {
        object: {
          priority: "number",
          namespaces: { listOf: "string" },
          namespaceSelectors: {
            listOf: {
              object: {
                matchLabels: { mapOf: "string" },
                matchExpressions: { listOf: { object: { key: "any", operator: "any", values: "any" } } },
              },
            },
          },
          serviceSelectors: {
            listOf: {
              object: {
                matchLabels: { mapOf: "string" },
                matchExpressions: { listOf: { object: { key: "any", operator: "any", values: "any" } } },
              },
            },
          },
        },
      },
    },
  },
  "metallb.advertisement": {
    object: {
      name: "string",
      namespace: "string",
      type: { oneOf: ["bgp", "l2"] },
      pools: { listOf: "string" },
      poolSelectors: {
        listOf: {
          object: {
            matchLabels: { mapOf: "string" },
            matchExpressions: { listOf: { object: { key: "string", operator: "string", values: { listOf: "any" } } } },
          },
        },
      },
      nodeSelectors: {
        listOf: {
          object: {
            matchLabels: { mapOf: "string" },
            matchExpressions: { listOf: { object: { key: "string", operator: "string", values: { listOf: "any" } } } },
          },
        },
      },
      peers: { listOf: "string" },
      aggregationLength: "number",
      aggregationLengthV6: "number",
      localPref: "number",
      communities: { listOf: "string" },
      interfaces: { listOf: "string" },
    },
  },
  "frrk8s.configuration": {
    object: {
      name: "string",
      namespace: "string",
      nodeSelector: {
        object: {
          matchLabels: { mapOf: "string" },
          matchExpressions: { listOf: { object: { key: "string", operator: "string", values: { listOf: "string" } } } },
        },
      },
      routers: {
        listOf: {
          object: {
            asn: "number",
            id: "string",
            vrf: "string",
            prefixes: { listOf: "string" },
            neighbors: {
              listOf: {
                object: {
                  address: "string",
                  asn: "number",
                  port: "number",
                  toAdvertise: { object: { mode: "any", prefixes: "any" } },
                  toReceive: { object: { mode: "any", prefixes: "any" } },
                },
              },
            },
          },
        },
      },
      rawConfig: "string",
    },
  },
  "frrk8s.node-state": { object: { node: "string", runningConfig: "string", lastConversionResult: "string", lastReloadResult: "string" } },
};
