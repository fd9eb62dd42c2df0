/**
 * `show ip bgp`, text, in every layout (bgpd/bgp_route.c, `route_vty_short_status_out` and `route_vty_out`).
 *
 * A path's line begins with its status: FRR up to 8.4 has 3 columns of it, 8.5 to 10.0 have one more before them (RPKI), 10.1
 * and later one more blank behind. The network follows at once; it is left out for further paths of the same network,
 * and stands alone on its line if it is too long. The numbers stand in columns counted from the next hop, which may
 * be empty: 16 for the next hop, then metric 10, local preference 7, weight 7, and the AS path. An IPv6 next hop pushes
 * the numbers to a line of their own. `wide` gives network and next hop more room: the heading tells how much.
 */
import type { BgpPathFact, ReadContext } from "@plumbline/model";

/** RPKI state, then `*`, then `>` or `=` (FRR 10: `u` of a path that is not compared yet), then `i` (bgpd/bgp_route.c, route_vty_short_status_out). */
const STATUS = /^([VIN ])?([RSsu* ])([>hd=u ])([i ]) ?(.*)$/;
/** A next hop as printed, with the VRF it is in or the mark of a router's own. */
const NEXTHOP = /^([0-9a-f.:]+)(?:@\d+)?<?$/i;

/** By default the router ID is one of the router's own addresses. */
export function claimRouterId(address: string, line: number, text: string, ctx: ReadContext): void {
  ctx.fact("host.address-claim", { address, why: "its BGP router ID" }, line, text);
}

interface Path {
  status: { valid: boolean; best: boolean; multipath: boolean; internal: boolean };
  line: number;
  text: string;
  nexthop: string;
}

/** A path of a table of any kind: all that BGP has, or what it has of or for one peer. */
export interface BgpRow {
  readonly fact: BgpPathFact;
  readonly line: number;
  readonly text: string;
}

export function readBgpTable(text: string, ctx: ReadContext): void {
  const { rows } = bgpRows(text, ctx, true);
  for (const r of rows) ctx.fact("frr.bgp-path", r.fact, r.line, r.text);
}

/** The rows of a table; `claim`: the router ID of its head is an address of this router. */
export function bgpRows(text: string, ctx: ReadContext, claim: boolean): { rows: BgpRow[] } {
  const rows: BgpRow[] = [];
  let defaultPref = 100;
  let vrf = "default";
  let told = false;
  /** Columns from a next hop to the number behind it, and where the numbers stand on a line of their own. */
  let size = 16;
  let numbersAlone = 36;
  let inTable = false;
  let network = "";
  let open: Path | null = null;

  const finish = (p: Path, numbers: string, path: string) => {
    const field = (from: number, to: number) => Number(numbers.slice(from, to).trim() || Number.NaN);
    const pref = field(10, 17);
    const weight = field(17, 24);
    const fact: BgpPathFact = {
      prefix: network,
      nexthop: p.nexthop,
      ...p.status,
      localPref: Number.isNaN(pref) ? defaultPref : pref,
      weight: Number.isNaN(weight) ? 0 : weight,
      // The origin code is the last word.
      asPath: path.trim().replace(/\s*[ie?]$/, ""),
    };
    if (vrf === "default") rows.push({ fact, line: p.line, text: p.text });
    else if (!told) {
      told = true;
      ctx.problem("info", p.line, `paths of VRF ${vrf} are not followed`);
    }
  };

  text.split("\n").forEach((raw, i) => {
    const line = raw.trimEnd();
    const pref = /^Default local pref (\d+)/.exec(line);
    if (pref) defaultPref = Number(pref[1]);
    const id = /local router ID is ([\d.]+)/.exec(line);
    if (id && !inTable && claim && vrf === "default") claimRouterId(id[1], i + 1, line, ctx);
    const instance = /^Instance (\S+):$/.exec(line);
    if (instance) vrf = instance[1];
    if (/^\s*Network\s+Next Hop\s/.test(line)) {
      inTable = true;
      const at = line.indexOf("Next Hop");
      size = line.indexOf("Metric") + "Metric".length - at - 10;
      // Releases that indent the table more do not indent these numbers.
      numbersAlone = at - line.indexOf("Network") + 3 + size;
      return;
    }
    if (!inTable || line === "") return;
    if (/^(Displayed|Total number of prefixes)\b/.test(line)) {
      inTable = false;
      return;
    }
    const m = STATUS.exec(line);
    if (!m) {
      ctx.problem("warning", i + 1, `not a path of a BGP table: '${line}'`);
      return;
    }
    const [, , first, second, third, rest] = m;
    if (open && open.nexthop !== "" && /^\s+\d/.test(line) && line.search(/\S/) >= numbersAlone) {
      // Numbers pushed down by a long next hop.
      open.text += ` ${line.trim()}`;
      finish(open, line.slice(numbersAlone), line.slice(numbersAlone + 24));
      open = null;
      return;
    }
    let p: Path;
    if (open && open.nexthop === "") {
      // The path of a network that stood alone.
      p = open;
      p.text += ` ${line.trim()}`;
    } else {
      p = {
        status: { valid: first === "*", best: second === ">", multipath: second === "=", internal: third === "i" },
        line: i + 1,
        text: line.trim(),
        nexthop: "",
      };
      const named = /^(\S+)/.exec(rest);
      if (named) network = named[1];
      if (named && rest.trim() === named[1]) {
        open = p;
        return;
      }
    }
    // The next hop is the first word behind the network's place.
    const skip = p === open ? 0 : line.length - rest.length + (/^(\S+)/.exec(rest)?.[1].length ?? 0);
    const at = skip + line.slice(skip).search(/\S/);
    const printed = /^\S+/.exec(line.slice(at))![0];
    const nexthop = NEXTHOP.exec(printed)?.[1];
    if (nexthop === undefined) {
      ctx.problem(
        "warning",
        i + 1,
        `a next hop that is not an address: '${printed}'`,
        "Collect `show ip bgp json`, or switch off `bgp default show-nexthop-hostname`.",
      );
      open = null;
      return;
    }
    p.nexthop = nexthop;
    if (line.length === at + printed.length) {
      open = p;
      return;
    }
    open = null;
    // Too long a next hop pushes what follows.
    const numbers = line.slice(at + size);
    if (printed.length > size - 1 || !/^\s*(\d+)?\s*$/.test(numbers.slice(0, 10))) {
      const tail = line.slice(at + printed.length);
      finish(p, tail.slice(tail.search(/\S/) - 9), tail.slice(tail.search(/\S/) - 9 + 24));
    } else finish(p, numbers, numbers.slice(24));
  });
  if (open) ctx.problem("warning", 0, "the BGP table ends in the middle of a path");
  return { rows };
}
