import type { InspectedHost, Inspection } from "@plumbline/engine";
import { expect, test } from "vitest";
import { renderInspect } from "../src/render/inspect.js";
import { lookOf } from "../src/render/style.js";

const host = (h: Partial<InspectedHost> & { host: string }): InspectedHost => ({
  role: "host",
  node: "",
  device: "",
  facts: 0,
  sources: [],
  setAside: [],
  unrecognised: [],
  ...h,
});
const source = (what: string, file: string, facts: number, overlay?: string) => ({
  what,
  plugin: "toy",
  file,
  command: what,
  facts,
  ...(overlay === undefined ? {} : { overlay }),
});

const inspection: Inspection = {
  schema: "plumbline.inspect/1",
  snapshot: "snap",
  overlays: ["newer"],
  hosts: [
    host({
      host: "",
      role: "cluster",
      unrecognised: ["a.md", "b.md", "c.md", "d.md"].map((file) => ({ file, command: file, size: 1 })),
    }),
    host({
      host: "node-1",
      role: "node",
      node: "node-1",
      device: "node-1",
      facts: 3,
      sources: [source("routes", "node-1/ip_route", 2, "newer"), source("addresses", "node-1/ip_addr", 1)],
      setAside: [
        { what: "routes", plugin: "toy", file: "node-1/old", because: "overlay", instead: "node-1/ip_route" },
        { what: "addresses", plugin: "toy", file: "node-1/ip_-j_addr", because: "form", instead: "node-1/ip_addr" },
      ],
    }),
    host({ host: "stuff", unrecognised: [{ file: "stuff/x", command: "x", size: 9 }] }),
  ],
  matrix: {
    hosts: ["node-1"],
    sources: [
      { what: "routes", cells: ["read"] },
      { what: "neighbours", cells: ["missing"] },
    ],
  },
  missing: [
    { what: "neighbours", command: "ip neigh", role: "node", hosts: ["node-1"] },
    { what: "objects", command: "kubectl get pods", role: "cluster", hosts: [] },
  ],
  devices: [
    { name: "node-1", kind: "host", host: "node-1", node: "node-1", pod: "", tables: 1, rules: 2, ports: [{ number: 2, name: "eth0" }] },
  ],
  links: [
    {
      from: { device: "node-1", port: "eth0" },
      to: { device: "router", port: "eth1" },
      bothWays: true,
      certainty: "inferred",
      why: "both are in 192.0.2.0/24",
    },
  ],
  unjoined: [{ device: "node-1", port: "eth9", why: "nothing is attached to it" }],
  captures: ["node-1.eth0.pcap"],
  problems: [
    { severity: "error", file: "node-1/ip_route", line: 7, message: "'what' is not a route", hint: "Look at it." },
    { severity: "info", file: "node-1/link", line: 0, message: "a link that leads nowhere", hint: "" },
  ],
};

test("the short form", () => {
  expect(renderInspect(inspection, lookOf({}, {}), { all: false })).toMatchInlineSnapshot(`
    "snapshot snap + newer

    cluster: 0 sources, 0 facts
      not recognised: 4 files: a.md, b.md, c.md, …

    node-1 (node): 2 sources, 3 facts
      addresses       1  node-1/ip_addr  (+1 other form)
      routes          2  node-1/ip_route  from newer  (+1 other form)

    stuff/: nothing recognised
      not recognised: stuff/x

    sources by host
      x read   - missing   A node-1
                  A
      routes      x
      neighbours  -

    missing
      neighbours  ip neigh          on node-1
      objects     kubectl get pods  once, for the cluster

    devices (1)
      node-1  host  1 port, 1 table, 2 rules

    links (1)
      node-1:eth0 <-> router:eth1  inferred  both are in 192.0.2.0/24

    ports that lead nowhere known (1)
      node-1:eth9  nothing is attached to it

    captures (1)
      node-1.eth0.pcap

    problems (2)
      error  node-1/ip_route:7: 'what' is not a route  Look at it.
      1 note of no consequence (--all shows them)

    1 host, 2 files read (3 facts), 2 set aside, 5 not recognised; 1 device, 1 link; 2 sources missing; 1 error, 1 other problem"
  `);
});

test("all of it", () => {
  expect(renderInspect(inspection, lookOf({}, {}), { all: true })).toMatchInlineSnapshot(`
    "snapshot snap + newer

    cluster: 0 sources, 0 facts
      not recognised: a.md
      not recognised: b.md
      not recognised: c.md
      not recognised: d.md

    node-1 (node): 2 sources, 3 facts
      addresses       1  node-1/ip_addr  (+1 other form)
      routes          2  node-1/ip_route  from newer  (+1 other form)
      set aside: node-1/old (an overlay has it: node-1/ip_route)
      set aside: node-1/ip_-j_addr (the same in another form: node-1/ip_addr)

    stuff/: nothing recognised
      not recognised: stuff/x

    sources by host
      x read   - missing   A node-1
                  A
      routes      x
      neighbours  -

    missing
      neighbours  ip neigh          on node-1
      objects     kubectl get pods  once, for the cluster

    devices (1)
      node-1  host  1 port, 1 table, 2 rules
              port 2 eth0

    links (1)
      node-1:eth0 <-> router:eth1  inferred  both are in 192.0.2.0/24

    ports that lead nowhere known (1)
      node-1:eth9  nothing is attached to it

    captures (1)
      node-1.eth0.pcap

    problems (2)
      error  node-1/ip_route:7: 'what' is not a route  Look at it.
      info  node-1/link: a link that leads nowhere

    1 host, 2 files read (3 facts), 2 set aside, 5 not recognised; 1 device, 1 link; 2 sources missing; 1 error, 1 other problem"
  `);
});
