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
  expect(renderInspect(inspection, lookOf({}, {}), { all: false })).toMatchInlineSnapshot();
});

test("all of it", () => {
  expect(renderInspect(inspection, lookOf({}, {}), { all: true })).toMatchInlineSnapshot();
});
