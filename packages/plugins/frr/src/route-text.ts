/**
 * `show ip route`, text: the table, and the detailed form of one prefix.
 *
 * Table (zebra_vty.c, `vty_show_ip_route`): a letter for the protocol, `>` if selected, then the state of the first next
 * hop (`*` in the FIB), the prefix, `[distance/metric]`, the next hop; more next hops follow on lines of their own with their
 * state in column 2. From FRR 10 a heading names the VRF. Detailed form: `Routing entry for PREFIX`, one block a route.
 */
import type { FrrRouteFact, ReadContext } from "@plumbline/model";

/** `Codes:` of zebra (route_types.txt). */
const PROTOCOLS: Readonly<Record<string, string>> = {
  K: "kernel",
  C: "connected",
  L: "local",
  S: "static",
  R: "rip",
  O: "ospf",
  I: "isis",
  B: "bgp",
  E: "eigrp",
  N: "nhrp",
  T: "table",
  t: "table-direct",
  v: "vnc",
  V: "vnc-direct",
  A: "babel",
  D: "sharp",
  F: "pbr",
  f: "openfabric",
};

type Hop = FrrRouteFact["nexthops"][number];

const ROUTE = /^([A-Za-z])(?:\[\d+\])?([> ])(.) ([0-9a-fA-F.:]+\/\d+)(?: \[(\d+)\/(\d+)\])?( .*)?$/;
const MORE = /^ {2}(.)\s+(via|is directly connected|unreachable)(.*)$/;
const VRF_HEADING = /^(?:IPv[46] unicast )?VRF (\S+?)(?: table \d+)?:$/;

interface Draft {
  fact: FrrRouteFact;
  line: number;
  text: string;
}

/** A next hop as printed behind the prefix; null if it is not understood. */
function hopOf(printed: string, state: string): Hop | null {
  const text = printed.trim();
  const fields = text.split(", ");
  const weight = Number(/, weight (\d+)/.exec(text)?.[1] ?? 1);
  const base = { weight, onlink: / onlink\b/.test(text), fib: state === "*", recursive: /\(recursive\)/.test(text), blackhole: false };
  const via = /^via ([0-9a-fA-F.:]+)/.exec(text);
  if (via) {
    // Behind the gateway stands the interface, unless it is resolved through another route.
    const dev = fields[1]?.split(" ")[0] ?? "";
    return { ...base, via: via[1], dev: base.recursive || dev === "weight" || dev === "src" || /^\d/.test(dev) ? "" : dev };
  }
  const connected = /^is directly connected, ([^\s,]+)/.exec(text);
  if (connected) return { ...base, via: "", dev: connected[1] };
  if (/^unreachable\b/.test(text)) return { ...base, via: "", dev: "", blackhole: true };
  return null;
}

export function readRouteTable(text: string, request: { family: 4 | 6; vrf: string }, ctx: ReadContext): void {
  const drafts: Draft[] = [];
  let vrf = request.vrf;
  text.split("\n").forEach((raw, i) => {
    const line = raw.trimEnd();
    if (line === "" || line.startsWith("Codes:")) return;
    // The legend's further lines.
    if (drafts.length === 0 && /^ {7}\S/.test(line)) return;
    const heading = VRF_HEADING.exec(line);
    if (heading) {
      vrf = heading[1];
      return;
    }
    const m = ROUTE.exec(line);
    if (m) {
      const [, letter, selected, state, prefix, distance, metric, rest] = m;
      const hop = hopOf(rest ?? "", state);
      if (!hop) {
        ctx.problem("warning", i + 1, `a next hop that is not understood: '${line}'`);
        return;
      }
      drafts.push({
        fact: {
          family: prefix.includes(":") ? 6 : request.family,
          vrf,
          prefix,
          protocol: PROTOCOLS[letter] ?? letter,
          selected: selected === ">",
          fib: hop.fib,
          distance: Number(distance ?? 0),
          metric: Number(metric ?? 0),
          nexthops: [hop],
        },
        line: i + 1,
        text: line.trim(),
      });
      return;
    }
    const more = MORE.exec(line);
    const last = drafts.at(-1);
    const hop = more && hopOf(`${more[2]}${more[3]}`, more[1]);
    if (!hop || !last) {
      ctx.problem("warning", i + 1, `not a line of a route table: '${line}'`);
      return;
    }
    last.fact.nexthops.push(hop);
    last.fact.fib ||= hop.fib;
    last.text += ` ${line.trim()}`;
  });
  for (const d of drafts) put(d, ctx);
}

/** Next hops in the FIB come first. */
function put(d: Draft, ctx: ReadContext): void {
  d.fact.nexthops.sort((a, b) => Number(b.fib) - Number(a.fib));
  ctx.fact("frr.route", d.fact, d.line, d.text);
}

const KNOWN_VIA = /^\s+Known via "([^"]+)", distance (\d+), metric (\d+)(.*)$/;
const DETAIL_HOP =
  /^\s+([*a-z]?)\s*(?:directly connected, ([^\s,]+)|unreachable.*|([0-9a-fA-F.:]+)(?: \(recursive\))?(?:, via ([^\s,]+))?)(.*)$/;

/** The detailed form of one prefix. */
export function readRouteDetail(text: string, request: { family: 4 | 6; vrf: string }, ctx: ReadContext): void {
  const drafts: Draft[] = [];
  let prefix = "";
  text.split("\n").forEach((raw, i) => {
    const line = raw.trimEnd();
    if (
      line === "" ||
      /^\s+(Last update|Time|Flags|Status|Nexthop Group ID|Installed Nexthop|Tag|MTU|Opaque|Backup)/i.test(line) ||
      VRF_HEADING.test(line)
    )
      return;
    const entry = /^Routing entry for (\S+)$/.exec(line);
    if (entry) {
      prefix = entry[1];
      drafts.push(draftOf(prefix, request, i + 1, line));
      return;
    }
    // The answer "no route" holds none.
    if (/^% ?Network not in table/.test(line)) return;
    const d = drafts.at(-1);
    const known = KNOWN_VIA.exec(line);
    if (known && d) {
      // A prefix with several routes has one block for each, without a new heading.
      const route = d.fact.protocol === "" ? d : draftOf(prefix, request, i + 1, `Routing entry for ${prefix}`);
      if (route !== d) drafts.push(route);
      route.fact.protocol = known[1];
      route.fact.distance = Number(known[2]);
      route.fact.metric = Number(known[3]);
      route.fact.selected = /\bbest\b/.test(known[4]);
      route.fact.vrf = /\bvrf ([^\s,]+)/.exec(known[4])?.[1] ?? request.vrf;
      route.text += ` ${line.trim()}`;
      return;
    }
    const hop = DETAIL_HOP.exec(line);
    if (!hop || !d) {
      ctx.problem("warning", i + 1, `not a line of a route's details: '${line}'`);
      return;
    }
    const [, state, connected, via, dev, rest] = hop;
    const fib = state === "*";
    d.fact.nexthops.push({
      via: via ?? "",
      dev: connected ?? dev ?? "",
      weight: Number(/, weight (\d+)/.exec(rest)?.[1] ?? 1),
      onlink: / onlink\b/.test(rest),
      fib,
      recursive: /\(recursive\)/.test(line),
      blackhole: /unreachable/.test(line),
    });
    d.fact.fib ||= fib;
    d.text += ` ${line.trim()}`;
  });
  for (const d of drafts) put(d, ctx);
}

function draftOf(prefix: string, request: { family: 4 | 6; vrf: string }, line: number, text: string): Draft {
  const family = prefix.includes(":") ? 6 : 4;
  return {
    fact: { family, vrf: request.vrf, prefix, protocol: "", selected: false, fib: false, distance: 0, metric: 0, nexthops: [] },
    line,
    text,
  };
}
