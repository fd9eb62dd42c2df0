/**
 * Random Services, written as kube-proxy writes them, through the kernel and through us: verdicts and packets alike, and what the
 * kube-proxy plugin says of a Service is what the kernel then does with its packets.
 */
import { oneHost } from "@plumbline/engine";
import { addressOf, get, set } from "@plumbline/model";
import kubeProxy, { type ProxyService, proxyRules } from "@plumbline/plugin-kube-proxy";
import linux from "@plumbline/plugin-linux";
import { netfilterAlone } from "@plumbline/plugin-netfilter";
import { differences } from "../kernel/answer.js";
import { caseText } from "../kernel/cases.js";
import { type Draw, type Hint, PROTO, setAddress, setProtocol } from "../kernel/draw.js";
import { hostWith, type TestHost } from "../kernel/host.js";
import { answerLike } from "../kernel/hunt.js";
import { openMirror } from "../kernel/mirror.js";
import { Namespace } from "../kernel/namespace.js";
import { sportOf } from "../kernel/pieces-iptables.js";
import { optionalSteps, readRuleSet, type Tool } from "../kernel/rule-set.js";
import { type Asked, converse, Scene } from "../kernel/scene.js";
import { Random } from "../random.js";
import { iptablesText } from "./iptables.js";
import { nftText } from "./nft.js";
import { asker, nodeAddress, randomServices, serving, svcPortName, type TestService } from "./services.js";

export interface Found {
  sets: number;
  packets: number;
  /** Packets that were translated to an endpoint; that were refused or dropped; ports that the kernel drew. */
  translated: number;
  gone: number;
  drawn: number;
  refused: string[];
  /** Verdicts and packets that differ, with a case that repeats them. */
  differing: { readonly seed: number; readonly text: string }[];
  /** What the plugin says of Services that is not so. */
  untrue: string[];
  seconds: number;
}

const TOOLS: readonly Tool[] = ["iptables-nft", "nft", "legacy", "nft"];
const PACKETS_A_SET = 100;
/** Behind this many rule sets with a difference there is enough to look at. */
const MOST = 5;

export async function huntKubeProxy(seed: number, packets: number): Promise<Found> {
  const began = performance.now();
  const found: Found = { sets: 0, packets: 0, translated: 0, gone: 0, drawn: 0, refused: [], differing: [], untrue: [], seconds: 0 };
  const ns = Namespace.open();
  try {
    for (let n = 0; found.packets < packets && found.differing.length < MOST && found.refused.length < MOST; n++)
      await one(ns, seed + n, found);
  } finally {
    await ns.close();
  }
  found.seconds = (performance.now() - began) / 1000;
  return found;
}

async function one(ns: Namespace, seed: number, found: Found): Promise<void> {
  const random = new Random(seed);
  const tool = TOOLS[seed % TOOLS.length];
  const host = hostWith(["eth0", "cni0"]);
  const d: Draw = { random, version: random.chance(0.8) ? 4 : 6, interfaces: host.interfaces.map((i) => i.name) };
  const services = randomServices(d);
  const how = { randomFully: random.chance(0.3) };
  const text = tool === "nft" ? nftText(d, services, how) : iptablesText(d, services, how);
  const ruleSet = readRuleSet(tool, d.version, text);
  const scene = await Scene.open(ns, host, ruleSet, "text");
  if (scene.loaded.error !== null) {
    found.refused.push(`seed ${seed}: ${scene.loaded.error}`);
    return;
  }
  const hints = askings(d, services);
  const asked = await converse(
    scene,
    d,
    { style: "kube-proxy", set: ruleSet, rules: hints.map((hint) => ({ hints: [hint], kinds: [] })) },
    PACKETS_A_SET,
  );
  found.sets++;
  found.packets += asked.length;
  const mirror = await openMirror(scene.dumps, tool);
  const optional = optionalSteps(ruleSet);
  const drawn = new Set<number>();
  const differing: string[] = [];
  asked.forEach((a, i) => {
    const ours = answerLike(mirror, a, optional);
    const told = differences(a.kernel, ours, optional);
    // A port that the kernel drew is nobody's to know; what comes back to it is another packet for us.
    if (told.length === 1 && told[0].startsWith("packet: ") && withoutPort(a.kernel.packet) === withoutPort(ours.packet)) {
      drawn.add(flowOf(a));
      drawn.add(Number(/:(\d+) > /.exec(a.kernel.packet)?.[1]));
    }
    if (drawn.has(flowOf(a)) || (how.randomFully && flowOf(a) === 0)) found.drawn++;
    else if (told.length > 0) differing.push(`packet ${i + 1}: ${told.join("; ")}`);
  });
  if (differing.length > 0) {
    const notes = [...differing.slice(0, 5), ...mirror.problems.map((p) => `problem: ${p.message}`)];
    found.differing.push({ seed, text: `${notes.join("\n")}\n${caseText({ host, set: ruleSet, form: "text", asked, notes })}` });
  }
  const texts = Object.entries(scene.dumps).map(([path, dump]) => ({
    path,
    command: /save$|ruleset$/.test(path) ? "" : path.replaceAll("_", " "),
    text: dump,
  }));
  const { facts } = oneHost(texts, [netfilterAlone, linux, kubeProxy]);
  for (const fault of [
    ...untrueOfServices(services, proxyRules(facts).services),
    ...untrueOfPackets(services, proxyRules(facts).services, host, asked, found),
  ])
    found.untrue.push(`seed ${seed} (${tool}): ${fault}`);
}

/** What a packet gets whose hop limit ended here, whatever the rules say (RFC 792, RFC 4443). */
const TIME_EXCEEDED = /^(icmp type 11|icmp6 type 3)\//;

const addressesOf = (host: TestHost): ReadonlySet<string> =>
  new Set(host.batch.flatMap((line) => /^addr add ([^/]+)\//.exec(line)?.[1] ?? []).map((a) => a.replace(/^fd00:0::/, "fd00::")));

const withoutPort = (text: string) => text.replace(/:\d+ > /, ": > ");
const flowOf = (a: Asked): number =>
  ["tp_src", "tp_dst", "icmp_id", "inner_tp_src", "inner_tp_dst"].map((f) => get(a.packet.row, f)).find((n) => n >= 20000 && n < 30000) ??
  0;

/** Packets to the Services: from whom, to which of their places; some miss the port. */
function askings(d: Draw, services: readonly TestService[]): Hint[] {
  return services.flatMap((s) => {
    const places: (readonly [string, number])[] = [[s.clusterIP, s.port]];
    if (s.loadBalancer !== "") places.push([s.loadBalancer, s.port]);
    if (s.externalIP !== "") places.push([s.externalIP, s.port]);
    if (s.nodePort > 0) places.push([nodeAddress(d), s.nodePort]);
    return places.map(
      ([ip, port]): Hint =>
        (p) => {
          const { random: r } = d;
          const from = asker(d, services);
          const sport = sportOf(p);
          // kube-proxy's rules do not look at SCTP's chunks, and rows do not carry them.
          setProtocol(d, p.row, s.protocol, sport);
          if (s.protocol === "tcp") set(p.row, "tcp_flags", r.chance(0.05) ? 0x10 : 0x02);
          set(p.row, "tp_dst", r.chance(0.06) ? 9999 : port);
          setAddress(p.row, "src", from.ip);
          setAddress(p.row, "dst", ip);
          set(p.row, "ip_ttl", 64);
          p.in = from.in;
        },
    );
  });
}

/** What the plugin says of each Service, against what was written. */
function untrueOfServices(services: readonly TestService[], told: readonly ProxyService[]): string[] {
  const faults: string[] = [];
  for (const s of services) {
    const name = `${s.namespace}/${s.name}`;
    const t = told.find((x) => x.service === name && x.port === s.portName && x.protocol === s.protocol);
    if (!t) {
      faults.push(`${svcPortName(s)} is not told of`);
      continue;
    }
    const expect = (what: string, is: string, should: string) => {
      if (is !== should) faults.push(`${svcPortName(s)}: ${what}: ${is || "none"}, should be ${should || "none"}`);
    };
    const places = [`${s.clusterIP} ${s.port}`, ...[s.externalIP, s.loadBalancer].filter(Boolean).map((ip) => `${ip} ${s.port}`)];
    if (s.nodePort > 0) places.push(` ${s.nodePort}`);
    expect(
      "asked for at",
      t.frontends
        .map((f) => `${f.address} ${f.port}`)
        .sort()
        .join(", "),
      places.sort().join(", "),
    );
    const all = t.endpoints.filter((e) => !e.local);
    if (all.length > 0) {
      expect(
        "endpoints",
        all
          .map((e) => `${e.address} ${e.port}`)
          .sort()
          .join(", "),
        s.endpoints
          .map((e) => `${e.ip} ${e.port}`)
          .sort()
          .join(", "),
      );
      for (const e of all)
        if (Math.abs(e.share - 1 / s.endpoints.length) > 1e-6) faults.push(`${svcPortName(s)}: share of ${e.address} is ${e.share}`);
    }
    expect("affinity", String(t.affinity), String(s.affinity && t.endpoints.length > 0));
  }
  return faults;
}

/** What the kernel did with packets to a Service, against what the plugin says would be done. */
function untrueOfPackets(
  services: readonly TestService[],
  told: readonly ProxyService[],
  host: TestHost,
  asked: readonly Asked[],
  found: Found,
): string[] {
  const faults: string[] = [];
  const own = addressesOf(host);
  for (const { packet, kernel } of asked) {
    const [dst, port, proto] = [addressOf(packet.row, "dst"), get(packet.row, "tp_dst"), get(packet.row, "ip_proto")];
    // A node port is asked for at the node's own addresses: at another its number is a port like any other.
    const isPlace = (f: { address: string; port: number }) => f.port === port && (f.address === dst || (f.address === "" && own.has(dst)));
    const service = told.find((t) => PROTO[t.protocol as "tcp"] === proto && t.frontends.some(isPlace));
    const frontend = service?.frontends.find(isPlace);
    // Only first packets: what follows goes its connection's way.
    if (!service || !frontend || get(packet.row, "tp_src") < 20000 || (proto === PROTO.tcp && get(packet.row, "tcp_flags") !== 2)) continue;
    const written = services.find((s) => `${s.namespace}/${s.name}` === service.service);
    const to = / > (\[?[0-9a-f.:]+?\]?):(\d+)( |$)/.exec(kernel.packet);
    if (kernel.end === "gone") {
      found.gone++;
      const walled = (written?.sources.length ?? 0) > 0;
      const refused = kernel.made.some((m) => !TIME_EXCEEDED.test(m));
      if (frontend.refused === "" && !walled && refused && serving(written as TestService, "external").length > 0)
        faults.push(`${service.service}: a packet to ${dst}:${port} was refused (${kernel.made.join(", ")})`);
      continue;
    }
    if (!to) continue;
    const [address, endpointPort] = [to[1].replace(/[[\]]/g, ""), Number(to[2])];
    if (address === dst && endpointPort === port) continue;
    found.translated++;
    if (!service.endpoints.some((e) => e.address === address && e.port === endpointPort))
      faults.push(`${service.service}: a packet to ${dst}:${port} went to ${address}:${endpointPort}, which is not told to be an endpoint`);
    if (frontend.refused !== "")
      faults.push(`${service.service}: a packet to ${dst}:${port} went to ${address}, though it is told to be ${frontend.refused}`);
  }
  return faults;
}

export function summary(seed: number, f: Found): string {
  return (
    `seed ${seed}: ${f.packets} packets over ${f.sets} sets of Services in ${f.seconds.toFixed(1)} s; ${f.translated} first packets went to endpoints, ` +
    `${f.gone} to nobody; ${f.drawn} of flows whose port the kernel drew\n${f.differing.length} sets differ, ${f.untrue.length} statements of the plugin are not so` +
    (f.refused.length > 0 ? `, ${f.refused.length} sets refused (${f.refused[0].split("\n")[0]})` : "")
  );
}
