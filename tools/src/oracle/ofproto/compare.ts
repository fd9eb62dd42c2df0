/** What both sides answer, made comparable: one line a fact, so that a difference is a difference of lines. */
import { split } from "./tables.js";
import { BRIDGES } from "./topology.js";

/** A step as either side tells it. */
export interface ToldStep {
  readonly bridge: string;
  readonly table: number;
  readonly priority?: number;
  readonly match?: string;
  readonly cookie?: string;
  readonly miss?: true;
}
export interface ToldThread {
  readonly recirc: string | null;
  readonly ctState: string | null;
  readonly steps: readonly ToldStep[];
  readonly finalFlow: string;
  readonly datapathActions: string;
}

const TUNNELS = new Set(BRIDGES.flatMap((b) => b.ports.filter((p) => p.tunnel).map((p) => String(p.datapath))));

/**
 * In which order a flood goes is the switch's own affair: of what comes between other actions, ports are sorted, each tunnel's with what is set
 * for it by then (the same is not set twice).
 */
function portsAsSet(actions: string, set = ""): string {
  const out: string[] = [];
  let ports: string[] = [];
  let tunnel = set;
  const flush = () => {
    // Recirculations have no names but those of their order: what comes most is first.
    const order = (p: string) => (p.startsWith("recirc(") ? `recirc ${999 - ports.filter((x) => x === p).length} ${p}` : p);
    const sorted = ports.map((p) => [order(p), p] as const).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    out.push(...sorted.map(([, p]) => p));
    ports = [];
  };
  for (const a of split(actions)) {
    if (a.startsWith("set(tunnel(")) tunnel = a;
    else if (/^\d+$/.test(a) || a.startsWith("recirc(")) ports.push(tunnel !== "" && TUNNELS.has(a) ? `${tunnel},${a}` : a);
    else {
      flush();
      const call = /^([a-z_]+)\((.*)\)$/s.exec(a);
      out.push(call && /^(clone|check_pkt_len|gt|le|sample|actions)$/.test(call[1]) ? `${call[1]}(${portsAsSet(call[2], tunnel)})` : a);
    }
  }
  flush();
  return out.join(",");
}

/**
 * `flooded`: somewhere on the way all ports were sent to. Where a flood goes over a patch port, what stands before what in the other
 * bridge too is the switch's own affair: then only which rules are hit and which ports are reached is compared.
 */
export function answerLines(threads: readonly ToldThread[], flooded: boolean): string[] {
  if (flooded && new Set(threads.flatMap((t) => t.steps.map((s) => s.bridge).filter((b) => b !== "?"))).size > 1) return reached(threads);
  // Recirculation ids by order of appearance, wherever they appear.
  const ids = new Map<string, string>();
  const named = (text: string) =>
    text.replace(/(recirc(?:_id=|\())(0x[0-9a-f]+|\d+)/g, (whole, head: string, id: string) => {
      if (/^(0x)?0$/.test(id)) return whole;
      const known = ids.get(id) ?? `#${ids.size + 1}`;
      ids.set(id, known);
      return `${head}${known}`;
    });
  return threads.flatMap((t) => {
    const state = t.ctState === null ? "" : ` ${t.ctState.split("|").sort().join("|")}`;
    const actions = flooded ? portsAsSet(withoutTos(t.datapathActions)) : t.datapathActions;
    return [
      t.recirc === null ? "thread" : named(`thread recirc(${t.recirc})${state}`),
      ...t.steps.map((s) => `  ${s.bridge} ${s.table} ${s.miss ? "no match" : `${s.cookie} priority=${s.priority} ${s.match}`.trimEnd()}`),
      `  final ${named(t.finalFlow)}`,
      `  actions ${named(withoutMeters(actions))}`,
    ];
  });
}

/** A tunnel that takes the packet's class of service for its own reads it: which bits are written depends on whether that comes first. */
function withoutTos(actions: string): string {
  return actions.replace(/\b(tos|tclass)=0?x?[0-9a-f]+(\/0x[0-9a-f]+)?(?=[,)])(?=[^()]*\)\))/g, "$1=#");
}

/** Meters drop packets over a rate; which of the datapath's stands for one of the switch's is decided when it is made. */
function withoutMeters(actions: string): string {
  if (!actions.includes("meter(")) return actions;
  const left = actions.replace(/meter\(\d+\),?/g, "").replace(/,(?=\)|$)/g, "");
  return left.replace(/clone\(\),?/g, "").replace(/,$/, "") || "drop";
}

/** Cookies tell bridges; those of misses the switch's text does not tell where a packet was recirculated. */
function reached(threads: readonly ToldThread[]): string[] {
  const steps = threads.flatMap((t) => t.steps.map((s) => `  ${s.table} ${s.miss ? "no match" : s.cookie}`));
  const ports = threads.flatMap((t) => t.datapathActions.match(/(?<![\w=/.:-])(?<!(?<!\b(?:clone|gt|le|actions))\()\d+(?=[,)]|$)/g) ?? []);
  return ["flooded over patch ports", ...steps.sort(), `  actions ${ports.sort().join(",")}`];
}

/** Of the switch's text: whether somewhere all ports were sent to. */
export function isFlooded(lines: readonly string[]): boolean {
  return lines.some((l) => /^(FLOOD|ALL|NORMAL)$|flooding/.test(l));
}
