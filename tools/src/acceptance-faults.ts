/**
 * Faults on purpose: what a trace says of a probe that suffers from one.
 *
 *     node tools/dist/acceptance-faults.js SET…
 *
 * A SET is a folder or a .tar.xz of the lab with `fault.yaml` and `probe/ground-truth.jsonl`. For each, one probe: the first of a client to
 * the service that failed, or where none did (the fault only moved traffic) the first that entered at the node of the fault. Printed are
 * the verdict, the reason and the last rule with its place, and before these the rules of the branch that reality took
 * which say why: the route with its choice, the bridge's decision at the entry, what was translated, the policies, the routes of
 * the last device.
 * Fails if what the fault took away or added is not to be seen in them.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type BranchResult, type Hop, openSession } from "@plumbline/engine";
import { Judge, withoutProbes } from "./acceptance/judge.js";
import { type Probe, readProbes } from "./acceptance/probes.js";
import { PLUGINS } from "./plugins.js";

/** What the told lines of a fault's probe must show. */
const SHOWS: Readonly<Record<string, RegExp>> = {
  // One next hop is missing: three nodes, a choice of two.
  "bgp-down": /^router fib .* of 2 by ecmp/m,
  // The bridge gives the Service's traffic to the host, whose iptables translate it.
  "brex-flow": /\/br-ex openflow 1 .*actions=LOCAL[\s\S]*netfilter nat OVN-KUBE-EXTERNALIP/,
  // Translated to the address that means "local backends", and then not sent into OVN, by the management port.
  "etp-route": /netfilter nat OVN-KUBE-ETP [\s\S]*fib main (?!.*ovn-k8s-mp0)[\s\S]*-i br-ex -j DROP/,
  // Not translated at all, and sent by the default route.
  "iptables-empty": /^(?![\s\S]*OVN-KUBE-EXTERNALIP -d)[\s\S]*fib main default [\s\S]*-i br-ex -j DROP/,
  // The default deny decides, no policy.
  "netpol-missing": /^(?![\s\S]*network policy)[\s\S]*\(acl [\s\S]*=> dropped/,
  // One of three next hops, and the load balancer there has no backend.
  "stale-announcement": /^router fib .* of 3 by ecmp[\s\S]*reject/m,
};

/** Rules that tell why a branch ended as it did, in their order. */
function telling(b: BranchResult): Hop[] {
  const last = b.hops.at(-1);
  const decided = b.hops.findLast((h) => h.rule.file !== "");
  const entry = b.hops.findIndex((h) => h.node !== "");
  const isPolicy = (h: Hop) => h.links.some((l) => l.kind === "acl" || l.kind === "network_policy" || l.kind === "network policy");
  const isTranslated = (h: Hop) => !h.stage.startsWith("tunnel") && h.changes.some((c) => c.field === "ip_dst" || c.field === "ip_src");
  return b.hops.filter(
    (h, i) =>
      h === last ||
      h === decided ||
      h.choice !== undefined ||
      (h.device === b.hops[entry]?.device && h.stage.startsWith("openflow")) ||
      isTranslated(h) ||
      isPolicy(h) ||
      (h.device === decided?.device && h.stage.startsWith("fib")) ||
      (i > entry && h.stage.startsWith("fib") && h.rule.file !== "" && h.device === b.node),
  );
}

const named = (h: Hop) =>
  h.links
    .filter((l) => l.name !== undefined && ["acl", "network_policy", "service", "load_balancer", "route", "pod"].includes(l.kind))
    .map((l) => `${l.kind.replace("_", " ")} ${l.name}`);

const line = (h: Hop) =>
  `${h.device} ${h.stage} ${h.rule.text.trim().replace(/\s+/g, " ")}${h.choice ? ` [${h.choice}]` : ""}${named(h).length > 0 ? ` (${named(h).join(", ")})` : ""}${h.rule.file ? `  ${h.rule.file}:${h.rule.line}` : ""}`;

/** The probe to look at: one that failed, else one that came to the node which the fault is about. */
function suffering(probes: readonly Probe[], what: string): Probe {
  const asked = probes.filter((p) => p.class === "vip" && p.proto === "tcp" && p.from === "client");
  return asked.find((p) => p.result !== "ok") ?? asked.find((p) => p.ingress_node && what.includes(p.ingress_node)) ?? asked[0];
}

async function run(set: string): Promise<boolean> {
  const temporary: string[] = [];
  try {
    let dir = set;
    if (!existsSync(join(set, "fault.yaml"))) {
      temporary.push(mkdtempSync(join(tmpdir(), "plumbline-fault-")));
      execFileSync("tar", ["-xJf", set, "-C", temporary[0], "--strip-components=1"]);
      dir = temporary[0];
    }
    const about = Object.fromEntries(
      readFileSync(join(dir, "fault.yaml"), "utf8")
        .split("\n")
        .map((l) => [l.slice(0, l.indexOf(":")), l.slice(l.indexOf(":") + 1).trim()]),
    );
    const given = withoutProbes(dir);
    temporary.push(given);
    const session = await openSession(given, { plugins: PLUGINS });
    const p = suffering(readProbes(join(dir, "probe", "ground-truth.jsonl")), about.what);
    const judge = new Judge(session);
    const outcome = judge.judge(p);
    const b = judge.real(p)[0];
    console.log(`${about.fault} (gateway mode ${about.gateway_mode}, policy ${about.policy}): ${about.what}`);
    console.log(`  probe ${p.id}: ${p.proto} ${p.src}:${p.sport} > ${p.dst}:${p.dport}, ${p.result}, by ${p.ingress_node ?? "no node"}`);
    if (!b) {
      console.log(`  no branch fits: ${outcome.why}\n`);
      return false;
    }
    const decided = b.hops.findLast((h) => h.rule.file !== "");
    const verdict = `=> ${b.verdict}${b.to ? ` to ${b.to.name}` : ""}${b.reason ? `: ${b.reason}` : ""} (${decided ? `${decided.device} ${decided.stage} ${decided.rule.file}:${decided.rule.line}` : "no rule"})`;
    const told = telling(b).map(line);
    for (const l of told) console.log(`    ${l.length > 230 ? `${l.slice(0, 120)} … ${l.slice(-105)}` : l}`);
    console.log(`  ${verdict}`);
    const shown = SHOWS[about.fault]?.test([...told, verdict].join("\n")) ?? true;
    if (!shown) console.log("  the fault is not to be seen in these lines");
    if (!outcome.right) console.log(`  wrong: ${outcome.why}`);
    console.log();
    return shown && outcome.right;
  } finally {
    for (const t of temporary) rmSync(t, { recursive: true });
  }
}

const sets = process.argv.slice(2);
let ok = true;
for (const s of sets) {
  if (!existsSync(s)) {
    console.error(`${basename(s)}: no such set`);
    ok = false;
  } else ok = (await run(s)) && ok;
}
if (sets.length === 0) {
  console.error("usage: acceptance-faults SET…");
  process.exitCode = 2;
} else if (!ok) process.exitCode = 1;
