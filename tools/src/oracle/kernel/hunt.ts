/**
 * Random rule sets and packets through the kernel and through us, until the packets are used up; what differs is shrunk.
 */
import { addressOf, get, type Row } from "@plumbline/model";
import { Random } from "../random.js";
import { shrinkList } from "../shrink.js";
import { type Answer, differences } from "./answer.js";
import { caseText, type KernelCase } from "./cases.js";
import { Coverage } from "./coverage.js";
import type { Draw } from "./draw.js";
import { hostWith, type TestHost } from "./host.js";
import { GOOD_ENOUGH, type Mirror, openMirror } from "./mirror.js";
import { Namespace } from "./namespace.js";
import type { DrawnSet } from "./random-iptables.js";
import { randomIptables } from "./random-iptables.js";
import { randomNft } from "./random-nft.js";
import { complainedOf, optionalSteps, type RuleSet } from "./rule-set.js";
import { type Asked, converse, Scene } from "./scene.js";
import { docker, firewalld, shorewall } from "./styles/distributions.js";
import { kubeProxyIptables, kubeProxyNft } from "./styles/kube-proxy.js";
import { ovnKubernetesIptables, ovnKubernetesNft } from "./styles/ovn-kubernetes.js";

interface Difference {
  readonly name: string;
  readonly seed: number;
  /** What the last packet's answers differ in, after shrinking. */
  readonly differences: readonly string[];
  /** As a case file. */
  readonly text: string;
}

export interface Hunt {
  readonly seed: number;
  /** Rule sets and packets in all. */
  readonly sets: number;
  readonly packets: number;
  /** Of one generator ("random", "kube-proxy") or tool alone. */
  readonly style?: string;
  readonly tool?: string;
  /** Ends after so many rule sets with a difference. */
  readonly most?: number;
  /** Told of each difference as it is found. */
  told?(d: Difference): void;
}

export interface Found {
  readonly seed: number;
  sets: number;
  packets: number;
  /** Rule sets that the kernel's tools refused. */
  refused: string[];
  /** Single rules that they refused. */
  refusedRules: number;
  /** Packets of flows that we declare not to know. */
  declared: number;
  /** Packets that differed, before shrinking. */
  differing: number;
  readonly differences: Difference[];
  readonly coverage: Coverage;
  seconds: number;
}

/** Namespaces at a time: to set one up is mostly to wait for the kernel, and meanwhile another's packets are run. */
const LANES = 3;

type Style = (d: Draw) => DrawnSet;

const STYLES: readonly (readonly [name: string, tool: RuleSet["tool"], draw: Style])[] = [
  ["random", "legacy", (d) => randomIptables(d, "legacy")],
  ["random", "iptables-nft", (d) => randomIptables(d, "iptables-nft")],
  ["random", "nft", (d) => randomNft(d)],
  ["kube-proxy", "iptables-nft", (d) => kubeProxyIptables(d, "iptables-nft")],
  ["ovn-kubernetes", "legacy", (d) => ovnKubernetesIptables(d, "legacy")],
  ["firewalld", "nft", firewalld],
  ["random", "legacy", (d) => randomIptables(d, "legacy")],
  ["random", "iptables-nft", (d) => randomIptables(d, "iptables-nft")],
  ["random", "nft", (d) => randomNft(d)],
  ["docker", "legacy", (d) => docker(d, "legacy")],
  ["ovn-kubernetes", "iptables-nft", (d) => ovnKubernetesIptables(d, "iptables-nft")],
  ["kube-proxy", "nft", kubeProxyNft],
  ["random", "legacy", (d) => randomIptables(d, "legacy")],
  ["random", "iptables-nft", (d) => randomIptables(d, "iptables-nft")],
  ["random", "nft", (d) => randomNft(d)],
  ["shorewall", "legacy", (d) => shorewall(d, "legacy")],
  ["docker", "iptables-nft", (d) => docker(d, "iptables-nft")],
  ["ovn-kubernetes", "nft", ovnKubernetesNft],
  ["kube-proxy", "legacy", (d) => kubeProxyIptables(d, "legacy")],
  ["shorewall", "iptables-nft", (d) => shorewall(d, "iptables-nft")],
  ["branches", "legacy", (d) => randomIptables(d, "legacy", true)],
  ["branches", "iptables-nft", (d) => kubeProxyIptables(d, "iptables-nft", true)],
  ["branches", "nft", (d) => kubeProxyNft(d, true)],
  ["branches", "iptables-nft", (d) => randomIptables(d, "iptables-nft", true)],
  ["branches", "nft", (d) => randomNft(d, true)],
];

export async function hunt(h: Hunt): Promise<Found> {
  const began = performance.now();
  const found: Found = {
    seed: h.seed,
    sets: 0,
    packets: 0,
    refused: [],
    refusedRules: 0,
    declared: 0,
    differing: 0,
    differences: [],
    coverage: new Coverage(),
    seconds: 0,
  };
  const styles = STYLES.filter(([name, tool]) => (h.style ?? name) === name && (h.tool ?? tool) === tool);
  const each = Math.max(1, Math.round(h.packets / h.sets));
  let n = 0;
  /** Takes one rule set after the other, in a namespace of its own. */
  const lane = async () => {
    const ns = Namespace.open();
    try {
      while (n < h.sets && found.differences.length < (h.most ?? Number.POSITIVE_INFINITY)) {
        const seed = h.seed + n++;
        const [, , draw] = styles[seed % styles.length];
        const difference = await one(ns, seed, draw, each, found);
        if (!difference) continue;
        found.differences.push(difference);
        h.told?.(difference);
      }
    } catch (e) {
      n = h.sets;
      throw e;
    } finally {
      await ns.close();
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const e of ended) if (e.status === "rejected") throw e.reason;
  found.seconds = (performance.now() - began) / 1000;
  return found;
}

/** One rule set with its packets. */
async function one(ns: Namespace, seed: number, style: Style, count: number, found: Found): Promise<Difference | null> {
  const random = new Random(seed);
  const host = randomHost(random);
  const d: Draw = { random, version: random.chance(0.8) ? 4 : 6, interfaces: host.interfaces.map((i) => i.name) };
  const form = random.chance(0.5) ? "json" : "text";
  let drawn = style(d);
  let scene = await Scene.open(ns, host, drawn.set, form);
  // A rule may ask for what contradicts itself; the tools name it.
  for (let tries = 0; scene.loaded.error !== null; tries++) {
    const bad = new Set(complainedOf(drawn.set, scene.loaded.error));
    found.refusedRules += bad.size;
    if (bad.size === 0 || tries > 20) {
      found.refused.push(`seed ${seed}: ${scene.loaded.error}`);
      return null;
    }
    const good = <T>(of: readonly T[]) => of.filter((_, i) => !bad.has(i));
    drawn = { ...drawn, rules: good(drawn.rules), set: { ...drawn.set, rules: good(drawn.set.rules) } };
    scene = await Scene.open(ns, host, drawn.set, form);
  }
  const asked = await converse(scene, d, drawn, count);
  found.sets++;
  found.packets += asked.length;
  found.coverage.add(drawn, asked);
  const mirror = await openMirror(scene.dumps, scene.loaded.how.tool);
  const { bad, told, declared } = wrong(mirror, asked, optionalSteps(drawn.set));
  found.declared += declared;
  found.differing += bad.length;
  if (bad.length === 0) return null;
  const first = asked.slice(0, bad[0] + 1);
  const seen: KernelCase = {
    host,
    set: drawn.set,
    form,
    asked: first,
    dumps: scene.dumps,
    notes: ["seen once, and not when it was asked again", ...told],
  };
  return (await shrunk(ns, seed, host, drawn, form, first)) ?? { name: nameOf(drawn, seed), seed, differences: told, text: caseText(seen) };
}

const nameOf = (drawn: DrawnSet, seed: number) => `${drawn.style.replace(/\W+/g, "-")}-${drawn.set.tool}-${seed}`;

/** Asks the kernel and us about a case; what differs, with the packet's place and our problems with the files. */
export async function askAgain(c: KernelCase): Promise<string[]> {
  const ns = Namespace.open();
  try {
    const scene = await Scene.open(ns, c.host, c.set, c.form);
    if (scene.loaded.error !== null) return [`the rules were refused: ${scene.loaded.error}`];
    const { asked } = await scene.send(c.asked.map((a) => a.packet));
    const mirror = await openMirror(scene.dumps, scene.loaded.how.tool);
    const optional = optionalSteps(c.set);
    const told = asked.flatMap((a, i) =>
      differences(a.kernel, answerLike(mirror, a, optional), optional).map((d) => `packet ${i + 1}: ${d}`),
    );
    return told.length === 0 ? [] : [...told, ...mirror.problems.map((p) => `problem: ${p.file}:${p.line}: ${p.message}`)];
  } finally {
    await ns.close();
  }
}

/** Our answer; where the rules leave several open, the kernel's if it is among them. */
export function answerLike(mirror: Mirror, a: Asked, optional: ReadonlySet<string>): Answer {
  return mirror.ask(a.packet.row, a.packet.in, (ours) => {
    const told = differences(a.kernel, ours, optional);
    if (told.length === 0 || (told.length === 1 && isDrawnPort(a.kernel.packet, ours.packet))) return Number.POSITIVE_INFINITY;
    const [theirs, mine] = [a.kernel, ours].map((x) => x.steps.filter((s) => !optional.has(s)));
    const apart = theirs.findIndex((s, i) => s !== mine[i]);
    // As far as ours goes it is the kernel's way.
    if (isDeclared(ours) && (apart < 0 || apart >= mine.length)) return GOOD_ENOUGH;
    return apart < 0 ? theirs.length : apart;
  });
}

/** What is known not to be translated (docs/limitations.md): our answer says so, and the flow's later packets are not compared. */
const DECLARED = [/of a translated connection is not told at this hook/, /a 1:1 mapping of/];

const isDeclared = (ours: Answer) => ours.end.startsWith("unknown: ") && DECLARED.some((d) => d.test(ours.end));

/** The same packet but for its source port: the kernel draws another where a connection's way back is another's already (nf_nat_core.c). */
function isDrawnPort(kernel: string, ours: string): boolean {
  const without = (text: string) => text.replace(/:\d+ > /, ": > ");
  return kernel !== ours && kernel !== "" && without(kernel) === without(ours);
}

/** Errors about routes that one host is sent at once (ip_error() in net/ipv4/route.c: error_burst of error_cost, for the whole machine). */
const ROUTE_ERRORS = 5;

/** Tells of an ICMP error that the kernel keeps back, since the sender has had several. */
function withheld(): (a: Asked, told: readonly string[]) => boolean {
  const had = new Map<string, number>();
  return (a, told) => {
    const sender = addressOf(a.packet.row, "src");
    const n = had.get(sender) ?? 0;
    if (a.kernel.made.some((m) => m.startsWith("icmp type 3/"))) had.set(sender, n + 1);
    return n >= ROUTE_ERRORS && told.length === 1 && told[0].startsWith("made: kernel nothing | ours icmp type 3/");
  };
}

/** Places of the packets whose answers differ, and in what the first does; how many were of flows that we declare not to know. */
function wrong(
  mirror: Mirror,
  asked: readonly Asked[],
  optional: ReadonlySet<string>,
): { bad: number[]; told: readonly string[]; declared: number } {
  const bad: number[] = [];
  let first: readonly string[] = [];
  const unknown = new Set<number>();
  let declared = 0;
  const isWithheld = withheld();
  asked.forEach((a, i) => {
    const ours = answerLike(mirror, a, optional);
    const flow = flowOf(a.packet.row);
    if (isDeclared(ours)) unknown.add(flow);
    const told = differences(a.kernel, ours, optional);
    if (told.length === 1 && isDrawnPort(a.kernel.packet, ours.packet)) unknown.add(flow);
    const kept = isWithheld(a, told);
    if (unknown.has(flow) || kept) declared++;
    else if (told.length > 0) {
      if (bad.length === 0) first = told;
      bad.push(i);
    }
  });
  return { bad, told: first, declared };
}

const PORT_FIELDS = ["tp_src", "tp_dst", "icmp_id", "inner_tp_src", "inner_tp_dst"] as const;

/** The port (or echo identifier) that no other flow has: conversation.ts gives them out from 20000 on. */
const flowOf = (row: Row): number => PORT_FIELDS.map((f) => get(row, f)).find((n) => n >= 20000 && n < 30000) ?? 0;

const inOrder = <T>(all: readonly T[], kept: ReadonlySet<T>): T[] => all.filter((x) => kept.has(x));

/** The same difference with fewer packets and rules; null if it does not come again. */
async function shrunk(
  ns: Namespace,
  seed: number,
  host: TestHost,
  drawn: DrawnSet,
  form: "text" | "json",
  asked: readonly Asked[],
): Promise<Difference | null> {
  const last = asked[asked.length - 1].packet;
  let kept: { asked: readonly Asked[]; ours: readonly Answer[]; set: RuleSet } | null = null;
  const still = async (set: RuleSet, packets: readonly Asked["packet"][]): Promise<boolean> => {
    const scene = await Scene.open(ns, host, set, form);
    if (scene.loaded.error !== null) return false;
    const { asked: again } = await scene.send([...packets, last]);
    const mirror = await openMirror(scene.dumps, scene.loaded.how.tool);
    const optional = optionalSteps(set);
    const ours = again.map((a) => answerLike(mirror, a, optional));
    const mine = ours[ours.length - 1];
    const differ = !isDeclared(mine) && differences(again[again.length - 1].kernel, mine, optional).length > 0;
    if (differ) kept = { asked: again, ours, set };
    return differ;
  };
  const name = nameOf(drawn, seed);
  // The flow's own packets stay: an answer without its question would be another case.
  const flow = flowOf(last.row);
  let packets = asked.slice(0, -1).map((a) => a.packet);
  const own = packets.filter((p) => flowOf(p.row) === flow);
  if (await still(drawn.set, own)) packets = own;
  else {
    const others = packets.filter((p) => flowOf(p.row) !== flow);
    const kept = new Set(await shrinkList(others, (p) => still(drawn.set, inOrder(packets, new Set([...own, ...p])))));
    packets = inOrder(packets, new Set([...own, ...kept]));
  }
  await shrinkList(drawn.set.rules, (rules) => still({ ...drawn.set, rules }, packets));
  const k = kept as { asked: readonly Asked[]; ours: readonly Answer[]; set: RuleSet } | null;
  if (!k) return null;
  const diff = differences(k.asked[k.asked.length - 1].kernel, k.ours[k.ours.length - 1], optionalSteps(k.set));
  return { name, seed, differences: diff, text: caseText({ host, set: k.set, form, asked: k.asked, notes: diff }) };
}

function randomHost(r: Random): TestHost {
  return hostWith([
    "eth0",
    ...r.sample(["eth1", "docker0", "cni0", "ovn-k8s-mp0", "br-ex", "veth1234567890a", "wlan0.5"], r.between(1, 3)),
  ]);
}

export function summary(f: Found): string {
  const refused = f.refused.length > 0 ? `, ${f.refused.length} rule sets refused (${f.refused[0].split("\n")[0]})` : "";
  const rules = f.refusedRules > 0 ? `, ${f.refusedRules} rules that the tools refused left out` : "";
  return [
    f.coverage.table(),
    `seed ${f.seed}: ${f.packets} packets over ${f.sets} rule sets in ${f.seconds.toFixed(1)} s (${Math.round(f.packets / f.seconds)} a second)${rules}${refused}`,
    `${f.differing} packets of ${f.differences.length} rule sets differ, ${f.declared} are declared not to be known`,
  ].join("\n");
}
