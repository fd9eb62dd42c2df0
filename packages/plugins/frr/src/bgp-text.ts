/**
 * `show ip bgp`, text, in every layout (bgpd/bgp_route.c, `route_vty_short_status_out` and `route_vty_out`).
 *
 * A path's line begins with its status: FRR up to 8.4 has 3 columns of it, 8.5 to 10.0 have one more before them (RPKI), 10.1
 * and later one more blank behind. The network follows at once; it is left out for further paths of the same network,
 * and stands alone on its line if it is too long. The numbers stand in columns counted from the next hop, which may
 * be empty: 16 for the next hop, then metric 10, local preference 7, weight 7, and the AS path. An IPv6 next hop pushes
 * the numbers to a line of their own.
 */
import type { BgpPathFact, ReadContext } from "@plumbline/model";

/** RPKI state, then `*`, then `>` or `=`, then `i`. */
const STATUS = /^([VIN ])?([RSsu* ])([>hd= ])([i ]) ?(.*)$/;
const NEXTHOP_SIZE = 16;
/** Where the numbers begin on a line of their own. */
const NUMBERS_ALONE = 36;

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

export function readBgpTable(text: string, ctx: ReadContext): void {
  let defaultPref = 100;
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
    ctx.fact("frr.bgp-path", fact, p.line, p.text);
  };

  text.split("\n").forEach((raw, i) => {
    const line = raw.trimEnd();
    const pref = /^Default local pref (\d+)/.exec(line);
    if (pref) defaultPref = Number(pref[1]);
    const id = /local router ID is ([\d.]+)/.exec(line);
    if (id && !inTable) claimRouterId(id[1], i + 1, line, ctx);
    if (/^\s*Network\s+Next Hop\s/.test(line)) {
      inTable = true;
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
    if (open && open.nexthop !== "" && /^\s+\d/.test(line) && line.search(/\S/) >= NUMBERS_ALONE) {
      // Numbers pushed down by a long next hop.
      open.text += ` ${line.trim()}`;
      finish(open, line.slice(NUMBERS_ALONE), line.slice(NUMBERS_ALONE + 24));
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
    const nexthop = /^\S+/.exec(line.slice(at))![0];
    if (!/^[0-9a-f.:]+$/i.test(nexthop)) {
      ctx.problem(
        "warning",
        i + 1,
        `a next hop that is not an address: '${nexthop}'`,
        "Collect `show ip bgp json`, or switch off `bgp default show-nexthop-hostname`.",
      );
      open = null;
      return;
    }
    p.nexthop = nexthop;
    if (line.length === at + nexthop.length) {
      open = p;
      return;
    }
    open = null;
    // `wide` gives the next hop more room; the numbers end where they always do, behind it.
    const numbers = line.slice(at + NEXTHOP_SIZE);
    if (nexthop.length > NEXTHOP_SIZE - 1 || !/^\s*(\d+)?\s*$/.test(numbers.slice(0, 10))) {
      const tail = line.slice(at + nexthop.length);
      finish(p, tail.slice(tail.search(/\S/) - 9), tail.slice(tail.search(/\S/) - 9 + 24));
    } else finish(p, numbers, numbers.slice(24));
  });
  if (open) ctx.problem("warning", 0, "the BGP table ends in the middle of a path");
}
