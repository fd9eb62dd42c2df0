/**
 * `show bgp summary`: the peers and the state of their sessions, text and JSON (bgpd/bgp_vty.c, bgp_show_summary).
 *
 * The text's column `State/PfxRcd` holds the number of prefixes received where the session is up, else its state, which may have a
 * blank: "Idle (Admin)". Before 7.4 there is no `PfxSnt`. A long address stands alone on its line. Behind `(Policy)` a session is up and a policy is missing.
 */
import type { ReadContext } from "@plumbline/model";
import "./private-facts.js";

const PEER =
  /^(\S+)\s+4\s+(\d+)\s+\d+\s+\d+\s+\d+\s+\d+\s+\d+\s+(\S+)\s+(\d+|[A-Z][A-Za-z]*(?: \([A-Za-z]+\))?|\([A-Za-z]+\))(?:\s+(\d+|\S+))?/;

export function readSummary(text: string, ctx: ReadContext): void {
  let inTable = false;
  let alone = "";
  let family = 4;
  let vrf = "default";
  text.split("\n").forEach((raw, i) => {
    const line = raw.trimEnd();
    const heading = /^(IPv4|IPv6|L2VPN) (\S+) Summary(?: \(VRF (\S+)\))?:/.exec(line);
    if (heading) {
      family = heading[1] === "IPv4" && heading[2] === "Unicast" ? 4 : heading[1] === "IPv6" && heading[2] === "Unicast" ? 6 : 0;
      vrf = heading[3] ?? "default";
    }
    const id = /^BGP router identifier \S+, local AS number \S+(?: \S+)?? VRF (\S+) vrf-id/.exec(line);
    if (id) vrf = id[1];
    if (/^Neighbor\s+V\s+AS\b/.test(line)) {
      inTable = true;
      return;
    }
    if (!inTable) return;
    if (line === "" || /^(Total number of neighbors|Displayed)\b/.test(line)) {
      inTable = false;
      return;
    }
    const peer = PEER.exec(`${alone}${line}`);
    if (!peer) {
      if (/^\S+$/.test(line)) alone = line;
      else ctx.problem("warning", i + 1, `not a peer of a BGP summary: '${line}'`);
      return;
    }
    alone = "";
    const [, address, asn, , state, sent] = peer;
    // Other address families carry no routes that are followed.
    if (family === 0) return;
    const up = /^\d/.test(state!) || state!.startsWith("(");
    ctx.fact(
      "frr.bgp-peer",
      {
        address: name(address!),
        asn: Number(asn),
        state: up ? `Established${state!.startsWith("(") ? ` ${state}` : ""}` : state!,
        received: /^\d+$/.test(state!) ? Number(state) : up ? -1 : 0,
        sent: /^\d+$/.test(sent ?? "") ? Number(sent) : -1,
        ...(family === 6 ? { family: 6 as const } : {}),
        ...(vrf === "default" ? {} : { vrf }),
      },
      i + 1,
      line,
    );
  });
}

/** "node-1(192.0.2.1)", as FRR prints a peer whose name it knows. */
function name(text: string): string {
  return /\(([0-9a-f.:]+)\)$/i.exec(text)?.[1] ?? text;
}

export function readSummaryJson(text: string, ctx: ReadContext): void {
  let top: Record<string, unknown>;
  try {
    top = JSON.parse(text) as Record<string, unknown>;
  } catch (e) {
    ctx.problem("error", 0, `not JSON: ${e instanceof Error ? e.message : String(e)}`, "The file may have been cut; collect it again.");
    return;
  }
  // `show ip bgp summary json` has the peers at its top, `show bgp summary json` by address family.
  const tables: [string, unknown][] =
    "peers" in top
      ? [["", top]]
      : Object.entries(top).flatMap(([k, v]): [string, unknown][] => (isTable(v) ? [[k, v]] : Object.entries(v ?? {})));
  for (const [name, family] of tables) {
    if (!/^(|ipv4Unicast|ipv6Unicast)$/.test(name)) continue;
    const vrf = String((family as { vrfName?: unknown } | null)?.vrfName ?? "default");
    const peers = (family as { peers?: Record<string, Record<string, unknown>> } | null)?.peers ?? {};
    for (const [address, p] of Object.entries(peers)) {
      const number = (key: string) => (typeof p[key] === "number" ? (p[key] as number) : -1);
      const established = p["state"] === "Established";
      const state = String(p["state"] ?? "");
      const at = text.indexOf(`"${address}"`);
      ctx.fact(
        "frr.bgp-peer",
        {
          address,
          asn: Math.max(0, number("remoteAs")),
          state: established && p["peerState"] === "Policy" ? "Established (Policy)" : state,
          received: established ? number("pfxRcd") : 0,
          sent: number("pfxSnt"),
          ...(name === "ipv6Unicast" ? { family: 6 as const } : {}),
          ...(vrf === "default" ? {} : { vrf }),
        },
        at < 0 ? 1 : text.slice(0, at).split("\n").length,
        `${address} ${JSON.stringify(p)}`,
      );
    }
  }
}

const isTable = (v: unknown): boolean => typeof v === "object" && v !== null && "peers" in v;
