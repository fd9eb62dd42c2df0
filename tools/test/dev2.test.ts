import { test } from "vitest";
import { readFileSync } from "node:fs";
import { PrivateSwitch } from "../src/oracle/ovs/private-switch.js";
import { packetOf, packetLine } from "../src/oracle/ovs/scenario.js";
import { frameOf, rowOf } from "../src/oracle/frames.js";
import { get } from "@plumbline/model";

/** Script: flows, then `group ...`, `send PACKET`, `trace PACKET`, `ask CMD ARGS` lines. */
test("dev2", { timeout: 600000 }, async () => {
  const sw = await PrivateSwitch.start();
  const out: string[] = [];
  try {
    const lines = readFileSync("/tmp/ovsx/script.txt", "utf8").split("\n").filter(Boolean);
    const refused = await sw.load(lines.filter((l) => l.startsWith("table=")), lines.filter((l) => l.startsWith("group_id")), process.env.V ?? "OpenFlow15");
    for (const r of refused) out.push("REFUSED " + r.join(" "));
    for (const l of lines) {
      const [cmd, ...rest] = l.split(" ");
      const arg = rest.join(" ");
      if (cmd === "send") { const p = packetOf(arg); const o = await sw.inject(get(p, "in_port"), frameOf(p)); out.push("send " + packetLine(p)); for (const d of o) out.push(`  by ${d.port}: ${packetLine(rowOf(d.frame)).replace("in_port=0,","")}`); for (const c of (await sw.ask("dpctl/dump-conntrack")).split("\n").filter(Boolean)) out.push("    " + c); }
      if (cmd === "trace") out.push(await sw.ask("ofproto/trace", "br0", ...rest));
      if (cmd === "ask") out.push(await sw.ask(rest[0], ...rest.slice(1)));
    }
  } finally { console.log(out.join("\n")); await sw.stop(); }
});
