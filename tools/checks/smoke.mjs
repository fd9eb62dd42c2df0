// Runs every command of the command line on the example snapshots, as a user would, and looks at exit codes and at the
// words that must be in the output. Needs `npm run build`. Prints a line a check, then the count; exits with 1 on a failure.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const bin = join(root, "packages/cli/bin/plumbline.js");
const example = (name) => join(root, "examples", name);
const scratch = mkdtempSync(join(tmpdir(), "plumbline-smoke-"));

const CLUSTER = example("cluster.tar.gz");
const LOCAL = example("local.tar.gz");
const NEGATIVE = example("local-negative.tar.gz");
const TO_SERVICE = "tcp 192.168.55.10:40000 > 192.168.66.100:8080";

/** A check: what it is, the arguments, the exit code, patterns that stdout (and stderr) must have, and more to look at. */
const CHECKS = [
  { name: "help", args: ["--help"], exit: 0, out: [/inspect/, /trace/, /explain/, /replay/, /demo/] },
  { name: "version", args: ["--version"], exit: 0, out: [/^\d+\.\d+\.\d+$/m] },
  ...["inspect", "trace", "explain", "replay", "demo"].map((c) => ({
    name: `help of ${c}`,
    args: [c, "--help"],
    exit: 0,
    out: [/Examples:/, /--format/],
  })),
  {
    name: "inspect: hosts, devices, links, sources",
    args: ["inspect", CLUSTER],
    exit: 0,
    out: [
      /^router \(router\)/m,
      /^master-01-demo \(node\)/m,
      /sources by host/,
      /^devices/m,
      /master-02-demo\/br-int/,
      /^links/m,
      /proven/,
      /not recognised/,
    ],
  },
  {
    name: "inspect: JSON",
    args: ["inspect", CLUSTER, "--format", "json"],
    exit: 0,
    json: (x) =>
      x.schema === "plumbline.inspect/1" && x.devices.length > 10 && x.links.length > 10 && x.problems.every((p) => p.severity !== "error"),
  },
  {
    name: "inspect: an overlay says what it replaces",
    args: ["inspect", LOCAL, "--overlay", NEGATIVE, "--format", "json"],
    exit: 0,
    json: (x) => x.overlays.length === 1 && x.hosts.find((h) => h.host === "router").setAside.some((f) => f.because === "overlay"),
  },
  {
    name: "trace, policy Cluster: three next hops, delivered",
    args: ["trace", CLUSTER, TO_SERVICE, "--from", "client", "--expect", "delivered"],
    exit: 0,
    out: [/33\.3 %/, /of 3 by/, /demo-egress\/egress-identity/, /:\d+ /, /^verdict: delivered/m],
  },
  {
    name: "trace, policy Cluster: JSON",
    args: ["trace", CLUSTER, TO_SERVICE, "--from", "client", "--format", "json"],
    exit: 0,
    json: (x) =>
      x.schema === "plumbline.trace/1" &&
      x.verdict === "delivered" &&
      Math.abs(x.branches.reduce((sum, b) => sum + b.probability, 0) - 1) < 1e-9 &&
      new Set(x.branches.map((b) => b.node)).size === 3 &&
      x.branches.every((b) => b.to.kind === "pod" && b.hops.every((h) => h.device && h.stage && h.certainty)) &&
      x.branches.some((b) => b.hops.some((h) => h.links.some((l) => l.kind === "lflow" && l.uuid))),
  },
  {
    name: "trace, policy Local: two next hops, by the host's iptables",
    args: ["trace", LOCAL, TO_SERVICE, "--from", "client", "--expect", "delivered", "--all-branches"],
    exit: 0,
    out: [/50 %/, /of 2 by/, /OVN-KUBE-ETP/, /169\.254\.0\.3/, /^verdict: delivered/m],
  },
  ...[
    ["ofproto", "trace"],
    ["ovn", "trace"],
    ["netfilter", "trace"],
    ["route", "get"],
  ].map((words) => ({
    name: `help of ${words.join(" ")}`,
    args: [...words, "--help"],
    exit: 0,
    out: [/--format/],
  })),
  {
    name: "ofproto trace: a resubmit and an output",
    before: () =>
      writeFileSync(join(scratch, "flows"), "table=0,in_port=1,ip actions=resubmit(,5)\ntable=5,ip,nw_dst=192.0.2.2 actions=output:2\n"),
    args: ["ofproto", "trace", "--flows", "flows", "in_port=1,ip,nw_dst=192.0.2.2", "--format", "json"],
    exit: 0,
    json: (x) => x.verdict === "output" && x.threads[0].steps.length === 2 && x.threads[0].datapathActions === "2",
  },
  {
    name: "netfilter trace: a rule that drops",
    before: () =>
      writeFileSync(join(scratch, "rules"), "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 80 -j DROP\nCOMMIT\n"),
    args: [
      "netfilter",
      "trace",
      "--rules",
      "rules",
      "--hook",
      "input",
      "--in",
      "eth0",
      "tcp 192.0.2.1:4000 > 192.0.2.2:80",
      "--format",
      "json",
    ],
    exit: 0,
    json: (x) => x.verdict === "drop" && x.steps[0].rule === 1 && x.steps[0].target === "DROP",
  },
  {
    name: "route get: the longest prefix, and none",
    before: () => writeFileSync(join(scratch, "routes"), "192.0.2.0/24 dev eth0 scope link\n192.0.2.128/25 via 192.0.2.1 dev eth0\n"),
    args: ["route", "get", "--routes", "routes", "192.0.2.200", "203.0.113.1", "--format", "ndjson"],
    exit: 0,
    lines: (l) => l.length === 2 && l[0].nexthops[0].via === "192.0.2.1" && l[0].line === 2 && l[1].type === "none",
  },
  {
    name: "trace, policy Local with a route to a node without a pod: refused",
    args: ["trace", LOCAL, TO_SERVICE, "--from", "client", "--overlay", NEGATIVE, "--expect", "refused"],
    exit: 0,
    out: [/master-01-demo/, /^verdict: refused/m],
  },
  {
    name: "trace: --expect fails with 1",
    args: ["trace", LOCAL, TO_SERVICE, "--from", "client", "--expect", "refused"],
    exit: 1,
    out: [/^verdict: delivered/m],
  },
  {
    name: "trace: --packets, one line each",
    args: ["trace", CLUSTER, "--packets", file("packets.txt", `@client ${TO_SERVICE}\nnonsense\n`), "--format", "ndjson"],
    exit: 0,
    lines: (lines) => lines.length === 2 && lines[0].verdict === "delivered" && lines[1].error.code === "PACKET_BAD",
  },
  {
    name: "trace: the way back",
    args: ["trace", CLUSTER, TO_SERVICE, "--from", "client", "--reply", "--format", "json"],
    exit: 0,
    json: (x) =>
      x.branches.every(
        (b) => b.reply.verdict === "delivered" && b.reply.final.dst === "192.168.55.10" && b.reply.final.src === "192.168.66.100",
      ),
  },
  {
    name: "replay: a summary",
    args: ["replay", CLUSTER, example("cluster.router.enp7s0.pcap.gz")],
    exit: 0,
    out: [/delivered/, /refused/, /master-02-demo/, /demo-egress\//],
  },
  {
    name: "replay: one record a connection and direction",
    args: ["replay", LOCAL, example("local.router.enp7s0.pcap.gz"), "--flows", join(scratch, "flows.ndjson")],
    exit: 0,
    out: [/delivered/],
    then: () => {
      const flows = readFileSync(join(scratch, "flows.ndjson"), "utf8")
        .trim()
        .split("\n")
        .map((l) => JSON.parse(l));
      return (
        flows.length >= 91 &&
        flows.every((f) => f.schema === "plumbline.flow/1" && f.packets > 0) &&
        flows.some((f) => f.verdict === "delivered")
      );
    },
  },
  { name: "demo", args: ["demo"], exit: 0, out: [/Cluster/, /Local/, /verdict: delivered/, /verdict: refused/] },
  {
    name: "explain: a Service on every node and layer",
    args: ["explain", LOCAL, "service", "demo-egress/egress-identity"],
    exit: 0,
    out: [
      /^Service demo-egress\/egress-identity: VIP 192\.168\.66\.100:8080\/tcp/,
      /nothing that a node lacks without a reason/,
      /expected {2}bgp: master-01-demo lacks .*externalTrafficPolicy is Local/,
      /FNV-1a-64 of "demo-egressegress-identity192\.168\.66\.1008080"/,
      /master-02-demo: OpenFlow rules of br-ex/,
      /switch master-01-demo: 169\.254\.0\.3:32736\/tcp -> no backend: rejects/,
      /OVN-KUBE-ETP/,
    ],
  },
  {
    name: "explain: a Service as JSON, by its name alone",
    args: ["explain", CLUSTER, "service", "egress-identity", "--format", "json"],
    exit: 0,
    json: (x) =>
      x.schema === "plumbline.explain/1" &&
      x.question.service === "demo-egress/egress-identity" &&
      x.differences.every((d) => d.verdict === "expected") &&
      ["object", "endpoints", "announcement", "bgp", "netfilter", "br-ex", "br-int", "groups", "load-balancers", "logical"].every((layer) =>
        x.sections.some((s) => s.layer === layer && s.items.length > 0),
      ),
  },
  {
    name: "explain: a cookie of br-ex",
    args: ["explain", CLUSTER, "cookie", "0xbe7daffa8c95fdc0"],
    exit: 0,
    out: [/stands for Service demo-egress\/egress-identity/, /VIP 192\.168\.66\.100 port 8080/, /br-ex:\d+/],
  },
  {
    name: "explain: a cookie that stands for nothing",
    args: ["explain", CLUSTER, "cookie", "0xdeadbeef12345678"],
    exit: 0,
    out: [/stands for nothing in this snapshot/, /No rule of this snapshot carries it/],
  },
  {
    name: "explain: routes for an address",
    args: ["explain", CLUSTER, "route", "192.168.66.100"],
    exit: 0,
    out: [
      /^192\.168\.66\.100\/32: /,
      /router: BGP paths/,
      /next hop 192\.168\.99\.2\d is master-0\d-demo/,
      /policy rule: 32766: from all lookup main/,
    ],
  },
  {
    name: "explain: OpenFlow against logical flows",
    args: ["explain", CLUSTER, "logical"],
    exit: 0,
    out: [/master-01-demo\/br-int {2}agrees with its logical flows/],
  },
  {
    name: "trace: hop by hop against the logical flows",
    args: ["trace", CLUSTER, TO_SERVICE, "--from", "client", "--compare", "logical"],
    exit: 0,
    out: [/against the logical flows\n +\d+ hops agree/],
  },
  { name: "plugin: those that are here", args: ["plugin", "list"], exit: 0, out: [/kube-proxy/, /found \(0\)/] },
  { name: "plugin: one of them", args: ["plugin", "info", "frr"], exit: 0, out: [/FRR/] },
  { name: "serve: its options", args: ["serve", "--help"], exit: 0, out: [/--demo/, /Examples:/] },
  { name: "usage: a port that is none", args: ["serve", "--port", "abc"], exit: 2, err: [/--port/] },
  {
    name: "explain: a rule",
    args: ["explain", LOCAL, "rule", "master-02-demo/host/iptables-save:61"],
    exit: 0,
    out: [
      /netfilter nat OVN-KUBE-ETP/,
      /destination port 8080/,
      /translates the destination of a new connection to 169\.254\.0\.3 port 32736/,
    ],
  },
  {
    name: "usage: a Service that is not there",
    args: ["explain", CLUSTER, "service", "a/b"],
    exit: 2,
    err: [/no Service 'a\/b'/, /demo-egress\/egress-identity/],
  },
  { name: "usage: no cookie", args: ["explain", CLUSTER, "cookie", "green"], exit: 2, err: [/'green' is not a cookie/] },
  {
    name: "usage: no rule on that line",
    args: ["explain", LOCAL, "rule", "master-02-demo/host/iptables-save:1"],
    exit: 2,
    err: [/no rule stands at/, /Lines near it that have one: \d+/],
  },
  { name: "usage: no such thing to explain", args: ["explain", CLUSTER, "pod", "x"], exit: 2, err: [/cookie, service, route, rule/] },
  { name: "usage: no such command", args: ["inspekt"], exit: 2, err: [/unknown command/] },
  { name: "usage: no snapshot", args: ["inspect"], exit: 2, err: [/missing required argument/] },
  { name: "usage: a snapshot that is not there", args: ["inspect", "nowhere"], exit: 2, err: [/nowhere: no such file or folder/] },
  {
    name: "replay: every branch, and Parquet",
    args: [
      "replay",
      CLUSTER,
      example("cluster.router.enp7s0.pcap.gz"),
      "--choose",
      "enumerate",
      "--flows",
      join(scratch, "flows.parquet"),
      "--format",
      "json",
    ],
    exit: 0,
    json: (x) =>
      x.schema === "plumbline.replay/1" &&
      x.paths.length > 6 &&
      Math.abs(x.verdicts.reduce((n, v) => n + v.flows, 0) - x.total.flows) < 1e-6,
    then: () => readFileSync(join(scratch, "flows.parquet")).subarray(0, 4).toString() === "PAR1",
  },
  {
    name: "replay: captures of several points together",
    args: [
      "replay",
      LOCAL,
      example("local.router.enp7s0.pcap.gz"),
      "other.pcap.gz",
      "--at",
      "router:enp1s0=other.pcap.gz",
      "--format",
      "json",
    ],
    before: () => copyFileSync(example("local.router.enp7s0.pcap.gz"), join(scratch, "other.pcap.gz")),
    exit: 0,
    json: (x) => x.captures.length === 2 && x.captures[1].at === "router:enp1s0" && x.total.flows >= 91,
  },
  {
    name: "usage: a capture whose place is not known",
    args: ["replay", CLUSTER, file("monday.pcap", "")],
    exit: 2,
    err: [/monday\.pcap: where it was taken is not known/, /--at DEVICE:PORT=FILE/],
  },
  {
    name: "usage: a capture that is none",
    args: ["replay", CLUSTER, file("x.router.enp7s0.pcap", "no capture, but a text that is long enough")],
    exit: 2,
    err: [/neither a pcap nor a pcapng/],
  },
  { name: "usage: no archive", args: ["inspect", file("notes.tar.gz", "hello")], exit: 2, err: [/not an archive/] },
  { name: "usage: a packet that cannot be read", args: ["trace", CLUSTER, "nonsense"], exit: 2, err: [/packet 'nonsense'/] },
  {
    name: "usage: a device that is not there",
    args: ["trace", CLUSTER, TO_SERVICE, "--from", "nobody"],
    exit: 2,
    err: [/'nobody' is not a device/, /master-01-demo/],
  },
  {
    name: "usage: a capture that is cut",
    args: ["replay", CLUSTER, file("router.enp7s0.pcap", "\xd4\xc3\xb2\xa1")],
    exit: 2,
    err: [/router\.enp7s0\.pcap/],
  },
];

/** Writes a file to the scratch folder and returns its path. */
function file(name, content) {
  const path = join(scratch, name);
  writeFileSync(path, content, "latin1");
  return path;
}

/** What is wrong with a run, "" if nothing. */
function fault(check, run) {
  if (run.error) return String(run.error);
  if (run.status !== check.exit) return `exit ${run.status} instead of ${check.exit}: ${(run.stderr || run.stdout).trim().slice(0, 400)}`;
  for (const pattern of check.out ?? []) if (!pattern.test(run.stdout)) return `stdout lacks ${pattern}`;
  for (const pattern of check.err ?? [])
    if (!pattern.test(run.stderr)) return `stderr lacks ${pattern}: ${run.stderr.trim().slice(0, 400)}`;
  if (check.err && run.stdout !== "") return "an error printed a result on stdout";
  if (/^ {4}at /m.test(run.stderr)) return "a stack trace without --debug";
  if (run.stdout.includes("\x1b[")) return "colour without a terminal";
  try {
    if (check.json && !check.json(JSON.parse(run.stdout))) return "the JSON is not as it should be";
    if (
      check.lines &&
      !check.lines(
        run.stdout
          .trim()
          .split("\n")
          .map((l) => JSON.parse(l)),
      )
    )
      return "the lines are not as they should be";
    if (check.then && !check.then()) return "what it left behind is not as it should be";
  } catch (e) {
    return `${e}`;
  }
  return "";
}

let failed = 0;
for (const check of CHECKS) {
  check.before?.();
  const started = performance.now();
  const run = spawnSync(process.execPath, [bin, ...check.args], { cwd: scratch, encoding: "utf8", maxBuffer: 1 << 30 });
  const what = fault(check, run);
  if (what !== "") failed++;
  console.log(
    `${what === "" ? "ok    " : "FAILED"}  ${check.name} (${Math.round(performance.now() - started)} ms)${what === "" ? "" : `: ${what}`}`,
  );
}
rmSync(scratch, { recursive: true, force: true });
console.log(`${CHECKS.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
