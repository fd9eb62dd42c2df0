/** kube-proxy reads no file of its own: beside a plugin that reads rule sets it must name rules without harm, whatever is damaged. */
import { definePlugin } from "@plumbline/plugin-sdk";
import { conformanceTests } from "@plumbline/plugin-sdk/conformance";
import { test } from "vitest";
import plugin from "../src/index.js";
import { tableOf } from "./tables.js";

/** Stands in for the plugin that reads rule sets: the same kind of fact, and a chain of rules to be named. */
const rules = definePlugin({
  id: "rules",
  title: "rule sets, as far as they are looked at here",
  claims: (file) => (/host\/rules$/.test(file.path) ? { score: 1, what: "rule set", form: 1 } : null),
  parse(file, ctx) {
    const lines = file.text().split("\n");
    for (const fact of tableOf("node-1", file.text()).all("netfilter.table" as never) as readonly {
      readonly kind: never;
      readonly data: never;
    }[])
      ctx.fact(fact.kind, fact.data, 1, lines[0] ?? "");
  },
  lower: {
    devices(ctx) {
      const device = ctx.net.device({ name: "node-1", kind: "host", host: "node-1" });
      const table = ctx.net.table(device, "nat KUBE-SVC-AAAA", "netfilter", "sequence");
      for (const fact of ctx.facts.all("netfilter.table" as never) as unknown as readonly {
        data: { table: { chains: { rules: { line: number; text: string }[] }[] } };
      }[])
        for (const chain of fact.data.table.chains)
          for (const { line, text } of chain.rules) ctx.net.rule(table, { program: [], origin: { file: "node-1/host/rules", line, text } });
      device.entry = table.id;
    },
  },
});

conformanceTests(test, plugin, {
  truncations: 25,
  mutations: 60,
  around: [rules],
  summaries: (kind) => kind === "netfilter.table",
  fixtures: [
    {
      path: "node-1/host/rules",
      content: `*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-AAAA - [0:0]
:KUBE-SEP-1 - [0:0]
-A KUBE-SERVICES -d 172.30.0.1/32 -p tcp -m comment --comment "demo/web:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-AAAA
-A KUBE-SVC-AAAA -m comment --comment "demo/web:http -> 10.128.0.5:8080" -j KUBE-SEP-1
-A KUBE-SEP-1 -p tcp -m comment --comment "demo/web:http" -m tcp -j DNAT --to-destination 10.128.0.5:8080
COMMIT
`,
    },
  ],
});
