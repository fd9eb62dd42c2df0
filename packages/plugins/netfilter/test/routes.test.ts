import type { RouteFact } from "@plumbline/model";
import { Interpreter } from "@plumbline/model";
import { FactStore, inlineFile, readFile } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import { netfilterAlone, openNetfilter } from "../src/index.js";

const ROUTES: readonly (readonly [prefix: string, dev: string, table: string, type: RouteFact["type"], metric: number])[] = [
  ["0.0.0.0/0", "eth0", "main", "unicast", 0],
  ["10.1.0.0/16", "eth1", "main", "unicast", 100],
  ["10.1.0.0/16", "eth0", "main", "unicast", 200],
  ["10.2.0.0/16", "eth1", "main", "blackhole", 0],
  ["192.0.2.10/32", "eth0", "local", "local", 0],
];

/** A prerouting chain on a host with these routes. */
function host(rules: string, policyRule = false) {
  const facts = new FactStore();
  const read = readFile(netfilterAlone, inlineFile("rules", rules, { host: "h", command: "" }));
  for (const f of read.facts) facts.add(f);
  for (const [prefix, dev, table, type, metric] of ROUTES)
    facts.add({
      kind: "linux.route",
      host: "h",
      origin: { file: "routes", line: 1, text: prefix },
      data: {
        family: 4,
        table,
        type,
        prefix,
        nexthops: type === "blackhole" ? [] : [{ via: "", dev, weight: 1, onlink: false }],
        src: "",
        metric,
        proto: "",
        scope: "",
        mtu: 0,
      },
    });
  if (policyRule)
    facts.add({
      kind: "linux.rule",
      host: "h",
      origin: { file: "rules", line: 1, text: "" },
      data: {
        family: 4,
        priority: 10,
        not: false,
        from: "10.0.0.0/8",
        to: "",
        iif: "",
        oif: "",
        ipproto: "",
        sport: "",
        dport: "",
        action: "lookup",
        table: "7",
      },
    });
  const layer = openNetfilter({ facts, network: undefined as never, problems: [] }, { hook: "prerouting", in: "eth0", out: "eth1" });
  const machine = new Interpreter(layer.network);
  return (line: string) => {
    machine.reset();
    const q = layer.ask(line);
    const a = layer.answer(q, machine.run(q.run.row, q.run.device, q.run.port, q.run.options));
    return `${a.verdict}${a.reason === undefined ? "" : ` (${a.reason})`}`;
  };
}
const from = (src: string, dev: string) => `udp,nw_src=${src},nw_dst=198.51.100.1,tp_src=1,tp_dst=2 --in ${dev}`;
const SOURCES = [
  from("10.1.0.5", "eth1"),
  from("10.1.0.5", "eth0"),
  from("203.0.113.1", "eth0"),
  from("203.0.113.1", "eth1"),
  from("10.2.0.5", "eth1"),
  from("192.0.2.10", "eth0"),
];

test("rpfilter and fib ask the way back: by this interface, by any, none", () => {
  const rpfilter = (options: string) => host(`*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m rpfilter ${options} -j DROP\nCOMMIT\n`);
  const nft = (match: string) =>
    host(`table inet t {\n\tchain c {\n\t\ttype filter hook prerouting priority raw; policy accept;\n\t\t${match} drop\n\t}\n}\n`);
  const dropped = (ask: (line: string) => string) => SOURCES.map((s) => (ask(s).startsWith("drop") ? 1 : 0)).join("");
  expect({
    strict: dropped(rpfilter("--invert")),
    loose: dropped(rpfilter("--loose --invert")),
    local: dropped(rpfilter("--accept-local --invert")),
    fib: dropped(nft("fib saddr . iif oif missing")),
    any: dropped(nft("fib saddr oif exists")),
    one: dropped(nft('fib saddr oif "eth1"')),
  }).toEqual({ strict: "010111", loose: "000011", local: "010110", fib: "010111", any: "111100", one: "110000" });
});

test("with policy rules of its own the host's answer is unknown", () => {
  const ask = host("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m rpfilter --invert -j DROP\nCOMMIT\n", true);
  expect(ask(SOURCES[0])).toBe(
    "unknown (raw PREROUTING rule 1: which route leads back (-m rpfilter --invert) is not told by the evidence)",
  );
});
