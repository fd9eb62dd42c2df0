/**
 * The lab's sets beyond their probes' verdicts, where they are at hand (PLUMBLINE_SHARED, or ../shared beside the repository): ARP as it was
 * captured, connections as they were dumped, and the same cluster as it would be with the kernel's datapath.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { openSession, type Session, trace } from "@plumbline/engine";
import { ipv4Text, macText } from "@plumbline/model";
import { afterAll, expect, test } from "vitest";
import { readProbes } from "../src/acceptance/probes.js";
import { PLUGINS } from "../src/plugins.js";

const shared = process.env["PLUMBLINE_SHARED"] ?? resolve(import.meta.dirname, "../../../shared");
const lab = join(shared, "fixtures", "lab");
const SETS = ["cluster", "lgw-local"].filter((s) => existsSync(join(lab, s, "probe")));
if (SETS.length === 0) console.warn(`SKIPPED: no sets with probes at ${lab}; set PLUMBLINE_SHARED to the folder that has fixtures/lab`);
// A file without any test counts as a failure; this one shows in the report as skipped.
test.skipIf(SETS.length === 0)("the sets are at hand", () => expect(SETS.length).toBeGreaterThan(0));

const root = mkdtempSync(join(tmpdir(), "plumbline-lab-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A copy of a set without its probes, each file as `change` makes it. */
function copy(set: string, change: (path: string, text: string) => string | null = () => null): string {
  const to = mkdtempSync(join(root, `${set}-`));
  for (const e of readdirSync(join(lab, set))) if (e !== "probe") cpSync(join(lab, set, e), join(to, e), { recursive: true });
  for (const e of readdirSync(to, { recursive: true, withFileTypes: true })) {
    if (!e.isFile() || !/^ovs(db)?-/.test(e.name)) continue;
    const path = join(e.parentPath, e.name);
    const changed = change(e.name, readFileSync(path, "utf8"));
    if (changed !== null) writeFileSync(path, changed);
  }
  return to;
}

const probesOf = (set: string) => readProbes(join(lab, set, "probe", "ground-truth.jsonl"));

/** Who asked for whom in a set's captures, and the MAC that answered; "" if none did. */
function arpOf(set: string): Map<string, string> {
  const asked = new Map<string, string>();
  const dir = join(lab, set, "probe", "pcap");
  for (const name of readdirSync(dir)) {
    const d = readFileSync(join(dir, name));
    for (let at = 24; at + 16 <= d.length; at += 16 + d.readUInt32LE(at + 8)) {
      const frame = at + 16;
      if (d.readUInt16BE(frame + 12) !== 0x0806) continue;
      const [sender, target] = [frame + 28, frame + 38].map((a) => ipv4Text(d.readUInt32BE(a)));
      if (d.readUInt16BE(frame + 20) === 1) asked.set(`arp ${sender} > ${target}`, asked.get(`arp ${sender} > ${target}`) ?? "");
      else asked.set(`arp ${target} > ${sender}`, macText(BigInt(d.readUIntBE(frame + 22, 6))));
    }
  }
  return asked;
}

const sessions = new Map<string, Promise<Session>>();
const session = (set: string) => {
  if (!sessions.has(set)) sessions.set(set, openSession(copy(set), { plugins: PLUGINS }));
  return sessions.get(set)!;
};

test.skipIf(SETS.length === 0).each(SETS)("%s: ARP requests are answered as they were", { timeout: 120_000 }, async (set) => {
  const s = await session(set);
  const owned = new Set(
    s.net.devices
      .flatMap((d) => d.ports.flatMap((p) => (p.attachment.kind === "netdev" ? (p.attachment.addresses ?? []) : [])))
      .map((a) => a.address),
  );
  let asked = 0;
  for (const [packet, mac] of arpOf(set)) {
    // A logical router's requests start within its pipeline.
    if (!owned.has(packet.split(" ")[1])) continue;
    const t = trace(s, packet);
    expect([packet, t.verdict, t.branches.map((b) => b.final.mac ?? "")]).toEqual([packet, mac === "" ? "dropped" : "delivered", [mac]]);
    asked++;
  }
  expect(asked).toBeGreaterThan(10);
});

test.skipIf(SETS.length === 0).each(SETS)(
  "%s: on the dumped connections a later packet goes where the first one went",
  { timeout: 120_000 },
  async (set) => {
    const s = await session(set);
    let asked = 0;
    for (const p of probesOf(set)) {
      if (p.result !== "ok" || !p.delivered) continue;
      const packet =
        p.proto === "icmp"
          ? `icmp ${p.src}:${p.sport} > ${p.dst}`
          : `${p.proto},nw_src=${p.src},nw_dst=${p.dst},tp_src=${p.sport},tp_dst=${p.dport}${p.proto === "tcp" ? ",tcp_flags=ack" : ""}`;
      const { branches } = trace(s, packet, { from: p.from, conntrack: "dumped", reply: true });
      const real = branches.filter((b) => !p.ingress_node || b.node === p.ingress_node);
      const d = p.delivered;
      expect([packet, real.map((b) => `${b.to?.name} ${b.final.src} > ${b.final.dst} ${b.reply?.verdict ?? "delivered"}`)]).toEqual([
        packet,
        [`${d.namespace}/${d.pod} ${d.src} > ${d.dst} delivered`],
      ]);
      asked++;
    }
    expect(asked).toBeGreaterThan(300);
  },
);

const KERNEL: readonly [RegExp, RegExp, string][] = [
  [/vsctl_show$/, /datapath_type: netdev/g, "datapath_type: system"],
  [/vsctl_list_bridge$/, /^(datapath_type *: )netdev/gm, "$1system"],
  [/dpif_show$/, /netdev@ovs-netdev/g, "system@ovs-system"],
  [/^ovsdb-client/, /"netdev"/g, '"system"'],
];

test.skipIf(SETS.length === 0).each(SETS)(
  "%s: with the kernel's datapath every probe has the same verdicts",
  { timeout: 120_000 },
  async (set) => {
    const kernel = await openSession(
      copy(set, (name, text) => {
        const fits = KERNEL.filter(([file]) => file.test(name));
        return fits.length === 0 ? null : fits.reduce((t, [, from, to]) => t.replace(from, to), text);
      }),
      { plugins: PLUGINS },
    );
    expect(kernel.net.devices.filter((d) => d.kind === "tunnel")).toEqual([]);
    const userspace = await session(set);
    const seen = new Set<string>();
    let tunnelled = 0;
    for (const p of probesOf(set)) {
      const kind = `${p.from} ${p.proto} ${p.src} ${p.dst} ${p.dport}`;
      if (seen.has(kind)) continue;
      seen.add(kind);
      const packet = p.proto === "icmp" ? `icmp ${p.src}:${p.sport} > ${p.dst}` : `${p.proto} ${p.src}:${p.sport} > ${p.dst}:${p.dport}`;
      const [a, b] = [userspace, kernel].map((s) => trace(s, packet, { from: p.from, reply: true }));
      const told = (t: typeof a) => t.branches.map((x) => `${x.verdict} ${x.to?.name ?? "-"} ${x.node} ${x.reply?.verdict ?? ""}`);
      expect([packet, told(b)]).toEqual([packet, told(a)]);
      if (b.branches.some((x) => x.hops.some((h) => h.stage.startsWith("tunnel encapsulation")))) tunnelled++;
    }
    expect(tunnelled).toBeGreaterThan(20);
  },
);
