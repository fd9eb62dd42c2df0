/**
 * Logical flows in place of OpenFlow, and against it. The examples alone; and sets of the lab where they are at hand (PLUMBLINE_SHARED, or
 * ../shared beside the repository).
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { compareTraces, logicalAgreement, logicalSession, openSession, type Session, type TraceResult, trace } from "@plumbline/engine";
import { afterAll, expect, test } from "vitest";
import { Judge } from "../src/acceptance/judge.js";
import { copyOf, FAULTS, oneForm, switchHosts, takeBrInt } from "../src/acceptance/logical-faults.js";
import { readProbes } from "../src/acceptance/probes.js";
import { PLUGINS } from "../src/plugins.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-logical-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** An example, unpacked, as `change` leaves it. */
function example(name: string, change: (dir: string) => void = () => {}): string {
  const to = mkdtempSync(join(root, `${name}-`));
  mkdirSync(to, { recursive: true });
  execFileSync("tar", ["-xzf", resolve(import.meta.dirname, `../../examples/${name}.tar.gz`), "-C", to, "--strip-components=1"]);
  change(to);
  return to;
}
const open = (dir: string) => openSession(dir, { plugins: PLUGINS });

const PACKETS: readonly (readonly [packet: string, from: string | undefined])[] = [
  ["tcp 192.168.55.10:40000 > 192.168.66.100:8080", "client"],
  ["tcp 192.168.55.10:40000 > 192.168.66.100:8081", "client"],
  ["udp 192.168.55.10:40000 > 192.168.66.100:5300", "client"],
  ["tcp 192.168.55.10:40000 > 192.168.99.24:32736", "client"],
  ["icmp 192.168.55.10:7 > 192.168.66.100", "client"],
  ["tcp 10.132.0.39:40000 > 10.133.0.4:8080", undefined],
  ["tcp 10.132.0.39:40000 > 192.168.66.100:8080", undefined],
  ["tcp 10.132.0.39:40000 > 172.22.0.1:443", undefined],
  ["udp 10.133.0.9:40000 > 172.22.90.10:5300", undefined],
  ["tcp 10.133.0.9:40000 > 192.168.55.10:80", undefined],
  ["tcp 10.133.0.9:40000 > 10.133.0.5:80", undefined],
];

/** What a packet comes to, by branch. */
function outcomes(t: TraceResult) {
  return t.branches.map((b) => ({
    probability: b.probability,
    verdict: b.verdict,
    to: b.to,
    node: b.node,
    final: b.final,
    reply: b.reply && { verdict: b.reply.verdict, final: b.reply.final },
  }));
}
const asked = (s: Session) =>
  PACKETS.map(([packet, from]) => [packet, outcomes(trace(s, packet, { reply: true, ...(from === undefined ? {} : { from }) }))] as const);

test.each(["cluster", "local"])("%s: without OpenFlow packets come to the same", { timeout: 120_000 }, async (name) => {
  const whole = asked(await open(example(name)));
  expect(new Set(whole.flatMap(([, branches]) => branches.map((b) => b.verdict))).size).toBeGreaterThan(1);
  const ways = [
    (dir: string) => takeBrInt(dir, "all"),
    (dir: string) => takeBrInt(dir, "all but br-ex"),
    (dir: string) => takeBrInt(dir, "flows", switchHosts(dir)[1]),
    (dir: string) => takeBrInt(dir, "br-int"),
  ];
  for (const take of name === "cluster" ? ways : ways.slice(0, 1)) expect(asked(await open(example(name, take)))).toEqual(whole);
});

test("a logical flow that stands in for OpenFlow is told as such", { timeout: 60_000 }, async () => {
  let host = "";
  const s = await open(
    example("cluster", (dir) => {
      host = switchHosts(dir)[1];
      takeBrInt(dir, "flows", host);
    }),
  );
  const problem = s.built.problems.find((p) => p.message.includes("go through its logical flows"));
  expect(problem).toMatchObject({
    severity: "warning",
    message: `the OpenFlow flows of br-int of ${host} are not in evidence: packets go through its logical flows (inferred)`,
  });
  expect(problem!.hint).toContain("ovs-ofctl -O OpenFlow15 dump-flows br-int");
  const t = trace(s, "tcp 192.168.55.10:40000 > 192.168.66.100:8080", { from: "client" });
  const b = t.branches.find((x) => x.node === host)!;
  const hop = b.hops.find((h) => h.links.some((l) => l.stage === "lr_in_dnat") && h.choice !== undefined)!;
  expect(hop).toMatchObject({ device: `${host}/br-int`, certainty: "inferred" });
  expect(hop.stage).toMatch(/^logical \d+$/);
  expect(hop.rule.text).toMatch(/table=\d+\s*\(lr_in_dnat\s*\), priority=120\s*, match=\(.*192\.168\.66\.100.*action=\(.*ct_lb_mark/);
  expect([hop.rule.file, hop.rule.line > 0]).toEqual([expect.stringMatching(/lflow-list$/), true]);
  expect(hop.links.find((l) => l.kind === "lflow")!.uuid).toMatch(/^[0-9a-f]{8}/);
  expect(b.needs).toContainEqual({
    why: `derived from the southbound database: the OpenFlow of br-int of ${host} is not in evidence`,
    command: "ovs-ofctl -O OpenFlow15 dump-flows br-int",
    on: host,
  });
});

test("examples: logical and physical agree, by flow and by packet", { timeout: 120_000 }, async () => {
  for (const name of ["cluster", "local"]) {
    const s = await open(example(name));
    const { switches, left } = logicalAgreement(s.snapshot, s.built);
    expect(switches.map((x) => [x.findings, x.agree + x.learned === x.flows])).toEqual([
      [[], true],
      [[], true],
      [[], true],
    ]);
    expect(left).toEqual([]);
    const logical = await logicalSession(s);
    for (const [packet, from] of PACKETS) {
      const options = { reply: true, ...(from === undefined ? {} : { from }) };
      expect([packet, compareTraces(s, trace(s, packet, options), trace(logical, packet, options)).differences]).toEqual([packet, []]);
    }
  }
});

/**
 * Dumps of a real ovn-controller 23.03 and its database, of two made topologies: VLANs, nested containers, port security of IPv6, gateway
 * chassis here and elsewhere, ACLs of port groups, load balancers of every kind, ECMP, a transit switch.
 */
test.each(["central", "features"])("a real ovn-controller, %s: its flows are what we make of its database", async (name) => {
  const dir = mkdtempSync(join(root, "controller-"));
  execFileSync("tar", ["-xzf", resolve(import.meta.dirname, `cases/ovn-controller-23.03-${name}.tar.gz`), "-C", dir]);
  const s = await open(dir);
  const { switches } = logicalAgreement(s.snapshot, s.built);
  expect(switches.map((x) => [x.device, x.findings])).toEqual([["one/br-int", []]]);
  expect(switches[0].agree).toBeGreaterThan(1100);
});

test.each(FAULTS)("$name: found and named", { timeout: 60_000 }, async (fault) => {
  let host = "";
  let names: string[] = [];
  const s = await open(
    example("cluster", (dir) => {
      oneForm(dir);
      host = switchHosts(dir)[0];
      names = fault.make(dir, host);
    }),
  );
  const { switches } = logicalAgreement(s.snapshot, s.built);
  const findings = switches.flatMap((x) => x.findings.map((f) => ({ host: x.host, ...f })));
  expect(findings.length).toBeGreaterThan(0);
  for (const f of findings) {
    expect({ host: f.host, kind: f.kind }).toEqual({ host, kind: fault.kind });
    for (const n of names) expect(JSON.stringify(f)).toContain(n);
  }
});

test("a packet that meets a missing flow or a wrong bucket parts there", { timeout: 60_000 }, async () => {
  for (const name of ["an OpenFlow flow is missing", "a bucket of a group is wrong"]) {
    const fault = FAULTS.find((f) => f.name === name)!;
    const s = await open(
      example("cluster", (dir) => {
        oneForm(dir);
        for (const host of switchHosts(dir)) fault.make(dir, host);
      }),
    );
    const logical = await logicalSession(s);
    const found = PACKETS.flatMap(([packet, from]) => {
      const options = from === undefined ? {} : { from };
      return compareTraces(s, trace(s, packet, options), trace(logical, packet, options)).differences;
    });
    expect(found.length).toBeGreaterThan(0);
    expect(found[0].device).toMatch(/\/br-int$/);
    expect(found.some((d) => d.openflow?.stage.startsWith("openflow ") && d.logical?.stage.startsWith("logical "))).toBe(true);
  }
});

const lab = join(process.env["PLUMBLINE_SHARED"] ?? resolve(import.meta.dirname, "../../../shared"), "fixtures", "lab");
const SETS = ["cluster", "lgw-local"].filter((s) => existsSync(join(lab, s, "probe")));
if (SETS.length === 0) console.warn(`SKIPPED: no sets with probes at ${lab}; set PLUMBLINE_SHARED to the folder that has fixtures/lab`);

test.skipIf(SETS.length === 0).each(SETS.length === 0 ? ["(none)"] : SETS)(
  "%s: without any OpenFlow every probe is right",
  { timeout: 240_000 },
  async (set) => {
    const dir = copyOf(join(lab, set));
    try {
      takeBrInt(dir, "all flows");
      const judge = new Judge(await open(dir));
      const probes = readProbes(join(lab, set, "probe", "ground-truth.jsonl")).filter((p) => ["tcp", "udp"].includes(p.proto));
      expect(
        probes
          .map((p) => judge.judge(p))
          .filter((o) => !o.right)
          .map((o) => `${o.probe.id} ${o.why}`),
      ).toEqual([]);
      expect(probes.length).toBeGreaterThan(100);
    } finally {
      rmSync(dir, { recursive: true });
    }
  },
);
