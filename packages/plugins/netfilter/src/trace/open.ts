/**
 * `plumbline netfilter trace`: a host's rules asked about packets, at one hook or on the whole way through the host.
 */
import {
  type Device,
  type FactBase,
  type Hook,
  type Layer,
  macNumber,
  type NetworkBuilder,
  numbering,
  PlumblineError,
  type Problem,
} from "@plumbline/model";
import { answerOf, answerText, type NetfilterAnswer } from "./answer.js";
import { hookNetwork } from "./hook.js";
import { type Asked, ask, type Defaults, type Place } from "./question.js";

/** One host alone: what was read of it, and the network that it was lowered to. */
export interface OneHostNetwork {
  readonly facts: FactBase;
  readonly network: NetworkBuilder;
  readonly problems: readonly Problem[];
}

interface Common {
  /** Interface by which packets come in, where they do not say so themselves. */
  readonly in?: string;
  /** Connections are forgotten before each packet. */
  readonly fresh?: boolean;
}

export type NetfilterOptions =
  /** One hook point: the interface by which packets are to leave, and their state (`new` if none is given). */
  | (Common & { readonly hook: Hook; readonly out?: string; readonly ct?: string })
  /** receive: prerouting, routing, input or forward, postrouting; send: output, postrouting. The host needs addresses and routes. */
  | (Common & { readonly path: "receive" | "send" });

/** Opens the rules of a host. Throws PlumblineError where the host lacks what the question needs. */
export function openNetfilter(host: OneHostNetwork, options: NetfilterOptions): Layer<NetfilterAnswer, Asked> {
  const hosts = new Set(host.facts.all("netfilter.table").map((f) => f.host));
  for (const f of host.facts.all("netfilter.ruleset")) hosts.add(f.host);
  const [name] = hosts;
  if (name === undefined)
    throw new PlumblineError("USAGE", ["no rules are in the files given.", "Give iptables-save or nft list ruleset with --rules."]);
  return "hook" in options ? atHook(host, name, options) : onPath(host, name, options);
}

function atHook(host: OneHostNetwork, name: string, o: Extract<NetfilterOptions, { hook: Hook }>): Layer<NetfilterAnswer, Asked> {
  const { network, device, problems } = hookNetwork(host.facts, name, o.hook, [o.in ?? "", o.out ?? ""]);
  const place: Place = { device: device.id, ports: portsOf(device), macs: new Map(), origin: false, needsIn: false, staged: true };
  // Nothing of one packet is left for the next: its state is what the question says.
  return layer(
    network,
    [...readProblems(host, problems), ...problems],
    place,
    { in: o.in ?? "", out: o.out ?? "", ct: o.ct ?? "", fresh: true },
    false,
  );
}

/** The problems of reading, and those of lowering that the hook alone has not found again. */
function readProblems(host: OneHostNetwork, again: readonly Problem[]): Problem[] {
  const key = (p: Problem) => `${p.file}:${p.line}:${p.message}`;
  const known = new Set(again.map(key));
  return host.problems.filter((p) => !known.has(key(p)));
}

function onPath(host: OneHostNetwork, name: string, o: Extract<NetfilterOptions, { path: string }>): Layer<NetfilterAnswer, Asked> {
  const device = host.network.devices.find((d) => d.host === name);
  if (!device)
    throw new PlumblineError("USAGE", [
      "the host's addresses are not in the files given.",
      "A whole path needs --addresses FILE (ip addr) and --routes FILE.",
    ]);
  const origin = o.path === "send";
  const place: Place = { device: device.id, ports: portsOf(device), macs: macsOf(device), origin, needsIn: !origin, staged: false };
  return layer(host.network, host.problems, place, { in: origin ? "" : (o.in ?? ""), out: "", ct: "", fresh: o.fresh ?? false }, true);
}

const macsOf = (d: Device) =>
  new Map(
    d.ports.flatMap((p) =>
      p.attachment.kind === "netdev" && p.attachment.mac !== "" ? [[p.number, macNumber(p.attachment.mac) ?? 0n] as const] : [],
    ),
  );
const portsOf = (d: Device) => new Map(d.ports.map((p) => [p.name, p.number]));

function layer(
  network: NetworkBuilder,
  problems: readonly Problem[],
  place: Place,
  defaults: Defaults,
  path: boolean,
): Layer<NetfilterAnswer, Asked> {
  const num = numbering(network);
  return {
    network,
    problems,
    ask: (line) => ask(line, defaults, place),
    answer: (question, events) => answerOf(network, num, path, question.about, events),
    text: (answer) => answerText(answer),
  };
}
