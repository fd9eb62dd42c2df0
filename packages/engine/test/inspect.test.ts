import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { definePlugin } from "@plumbline/plugin-sdk";
import { afterAll, expect, test } from "vitest";
import { inspect } from "../src/inspect/index.js";
import { buildNetwork } from "../src/network/build.js";
import { loadSnapshot } from "../src/snapshot/index.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-inspect-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Knows routes and sockets; makes a device of every host and joins node-1 to the router. */
const plugin = definePlugin({
  id: "toy",
  title: "a toy",
  claims(file) {
    if (file.command === "ip route") return { score: 0.5, what: "routes", form: 1 };
    if (file.command === "ip route show table all") return { score: 0.5, what: "routes", form: 2 };
    if (file.command === "ss -tuln") return { score: 0.5, what: "sockets", form: 1 };
    if (file.command === "bgp") return { score: 0.5, what: "BGP table (text)", form: 1 };
    return null;
  },
  parse(file, ctx) {
    for (const [i, line] of file.text().split("\n").entries())
      if (line.startsWith("?")) ctx.problem("warning", i + 1, `'${line}' is not understood`, "Ask.");
      else if (line !== "") ctx.fact("linux.sysctl", { key: line, value: "" }, i + 1, line);
  },
  lower: {
    devices({ facts, net }) {
      for (const host of facts.hosts()) {
        const pod = host.startsWith("pods/");
        const device = net.device({
          name: host,
          kind: host === "router" ? "router" : pod ? "pod" : "host",
          host,
          node: host === "node-1" ? "node-1" : "",
        });
        net.port(device, 1, "eth0", { kind: "none" });
        net.rule(net.table(device, "main", "fib", "lpm"), { program: [] });
      }
      const [router, node] = ["router", "node-1"].map((n) => net.findDevice(n)!);
      net.join(router, 1, node, 1, "inferred", "both are in 192.0.2.0/24");
    },
  },
  collects: [
    { what: "routes", command: "ip route show table all", on: "node" },
    { what: "routes", command: "ip route", on: "router" },
    { what: "routes", command: "ip route", on: "pod" },
    { what: "sockets", command: "ss -tuln", on: "pod" },
    { what: "sockets", command: "ss -tuln", on: "node" },
    { what: "BGP table", command: "vtysh -c 'show ip bgp'", on: "router" },
    { what: "objects", command: "kubectl get pods", on: "cluster" },
  ],
});
const captures = definePlugin({
  id: "captures",
  title: "captures",
  claims: (file) => (file.path.endsWith(".pcap") ? { score: 1, what: file.path, form: 0 } : null),
  parse() {},
});

test("the whole of an inspection", async () => {
  const files = {
    "client/ip_route": "a\n",
    "router/ip_route": "b\n?what\n",
    "router/bgp": "c\n",
    "node-1/ip_route": "d\n",
    "node-1/ip_route_show_table_all": "d\ne\n",
    "pods/web/ss_-tuln": "f\n",
    "notes.txt": "hello",
    "client.eth0.pcap": "",
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const snapshot = await loadSnapshot(root, { plugins: [captures, plugin] });
  const x = inspect(snapshot, buildNetwork(snapshot.facts, snapshot.plugins));
  expect(x.matrix).toEqual({
    hosts: ["client", "router", "node-1", "pods/web"],
    sources: [
      { what: "routes", cells: ["read", "read", "read", "missing"] },
      { what: "sockets", cells: ["missing", "none", "missing", "read"] },
      { what: "BGP table", cells: ["none", "read", "none", "none"] },
    ],
  });
  expect(x.missing).toEqual([
    { what: "routes", command: "ip route", role: "pod", hosts: ["pods/web"] },
    { what: "sockets", command: "ss -tuln", role: "pod", hosts: ["client", "node-1"] },
    { what: "objects", command: "kubectl get pods", role: "cluster", hosts: [] },
  ]);
  const { matrix: _m, missing: _n, snapshot: _s, ...rest } = x;
  expect(JSON.stringify(rest, null, 1)).toMatchInlineSnapshot(`
    "{
     "schema": "plumbline.inspect/1",
     "overlays": [],
     "hosts": [
      {
       "host": "client",
       "role": "host",
       "node": "",
       "device": "client",
       "facts": 1,
       "sources": [
        {
         "what": "routes",
         "plugin": "toy",
         "file": "client/ip_route",
         "command": "ip route",
         "facts": 1
        }
       ],
       "setAside": [],
       "unrecognised": []
      },
      {
       "host": "router",
       "role": "router",
       "node": "",
       "device": "router",
       "facts": 2,
       "sources": [
        {
         "what": "BGP table (text)",
         "plugin": "toy",
         "file": "router/bgp",
         "command": "bgp",
         "facts": 1
        },
        {
         "what": "routes",
         "plugin": "toy",
         "file": "router/ip_route",
         "command": "ip route",
         "facts": 1
        }
       ],
       "setAside": [],
       "unrecognised": []
      },
      {
       "host": "node-1",
       "role": "node",
       "node": "node-1",
       "device": "node-1",
       "facts": 2,
       "sources": [
        {
         "what": "routes",
         "plugin": "toy",
         "file": "node-1/ip_route_show_table_all",
         "command": "ip route show table all",
         "facts": 2
        }
       ],
       "setAside": [
        {
         "what": "routes",
         "plugin": "toy",
         "file": "node-1/ip_route",
         "because": "form",
         "instead": "node-1/ip_route_show_table_all"
        }
       ],
       "unrecognised": []
      },
      {
       "host": "pods/web",
       "role": "pod",
       "node": "",
       "device": "pods/web",
       "facts": 1,
       "sources": [
        {
         "what": "sockets",
         "plugin": "toy",
         "file": "pods/web/ss_-tuln",
         "command": "ss -tuln",
         "facts": 1
        }
       ],
       "setAside": [],
       "unrecognised": []
      },
      {
       "host": "",
       "role": "cluster",
       "node": "",
       "device": "",
       "facts": 0,
       "sources": [],
       "setAside": [],
       "unrecognised": [
        {
         "file": "notes.txt",
         "command": "notes",
         "size": 5
        }
       ]
      }
     ],
     "devices": [
      {
       "name": "client",
       "kind": "host",
       "host": "client",
       "node": "",
       "pod": "",
       "tables": 1,
       "rules": 1,
       "ports": [
        {
         "number": 1,
         "name": "eth0"
        }
       ]
      },
      {
       "name": "node-1",
       "kind": "host",
       "host": "node-1",
       "node": "node-1",
       "pod": "",
       "tables": 1,
       "rules": 1,
       "ports": [
        {
         "number": 1,
         "name": "eth0"
        }
       ]
      },
      {
       "name": "pods/web",
       "kind": "pod",
       "host": "pods/web",
       "node": "",
       "pod": "",
       "tables": 1,
       "rules": 1,
       "ports": [
        {
         "number": 1,
         "name": "eth0"
        }
       ]
      },
      {
       "name": "router",
       "kind": "router",
       "host": "router",
       "node": "",
       "pod": "",
       "tables": 1,
       "rules": 1,
       "ports": [
        {
         "number": 1,
         "name": "eth0"
        }
       ]
      }
     ],
     "links": [
      {
       "from": {
        "device": "router",
        "port": "eth0"
       },
       "to": {
        "device": "node-1",
        "port": "eth0"
       },
       "bothWays": true,
       "certainty": "inferred",
       "why": "both are in 192.0.2.0/24"
      }
     ],
     "unjoined": [],
     "captures": [
      "client.eth0.pcap"
     ],
     "problems": [
      {
       "severity": "warning",
       "file": "router/ip_route",
       "line": 2,
       "message": "'?what' is not understood",
       "hint": "Ask."
      }
     ]
    }"
  `);
});
