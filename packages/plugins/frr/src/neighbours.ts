/**
 * `show bgp neighbors`, text and JSON (bgpd/bgp_vty.c, bgp_show_peer): who the peer is, the session's state, the policies that stand between, BFD.
 */
import type { ReadContext } from "@plumbline/model";
import { num, obj, parsed, str } from "./json.js";
import type { BgpNeighbourFact, BgpNeighbourFamily } from "./private-facts.js";

const HEAD = /^BGP neighbor (?:is|on) ([^,]+?)(?:: \S+)?, remote AS (\d+), local AS (\d+)[^,]*, (internal|external|.*?) link/;

const family = (name: string): BgpNeighbourFamily => ({
  name,
  accepted: 0,
  routeMapIn: "",
  routeMapOut: "",
  prefixListIn: "",
  prefixListOut: "",
});

export function readNeighbours(text: string, ctx: ReadContext): void {
  let n: BgpNeighbourFact | null = null;
  let at = { line: 0, text: "" };
  let of: BgpNeighbourFamily | null = null;
  let inBfd = false;
  const finish = () => {
    if (n) ctx.fact("frr.neighbour", n, at.line, at.text);
  };
  text.split("\n").forEach((raw, i) => {
    const line = raw.trimEnd();
    const head = HEAD.exec(line);
    if (head) {
      finish();
      n = {
        address: head[1],
        remoteAs: Number(head[2]),
        localAs: Number(head[3]),
        internal: head[4] === "internal",
        description: "",
        hostname: "",
        state: "",
        remoteId: "",
        localAddress: "",
        lastReset: "",
        bfd: "",
        families: [],
      };
      at = { line: i + 1, text: line };
      of = null;
      inBfd = false;
      return;
    }
    if (!n) return;
    const rest = (re: RegExp) => re.exec(line)?.[1];
    n.description = rest(/^\s*Description: (.*)$/) ?? n.description;
    n.hostname = rest(/^\s*Hostname: (\S+)/) ?? n.hostname;
    n.remoteId = rest(/remote router ID ([\d.]+)/) ?? n.remoteId;
    const state = rest(/^\s+BGP state = ([A-Za-z]+(?: \([^)]*\))?)/);
    if (state !== undefined) n.state = state;
    n.localAddress = rest(/^Local host: ([^,]+),/) ?? n.localAddress;
    const reset = rest(/^\s+Last reset (.*)$/);
    if (reset !== undefined && reset !== "never")
      n.lastReset = reset
        .replace(/^\S+,\s+/, "")
        .replace(/^due to /, "")
        .replace(/ \((n\/a|[A-Za-z]+\/\d[^)]*)\)$/, "")
        .replace(/\/Hard Reset\)$/, ")");
    const address = rest(/^\s+For address family: (.+)$/);
    if (address !== undefined) {
      of = family(address);
      n.families.push(of);
    }
    if (of) familyLine(of, line);
    if (/^\s+BFD: Type:/.test(line)) inBfd = true;
    const status = rest(/^\s+Status: ([A-Za-z]+)/);
    if (inBfd && status !== undefined) {
      n.bfd = status;
      inBfd = false;
    }
  });
  finish();
}

function familyLine(of: BgpNeighbourFamily, line: string): void {
  const rest = (re: RegExp) => re.exec(line)?.[1];
  const accepted = rest(/^\s+(\d+) accepted prefixes/);
  if (accepted !== undefined) of.accepted = Number(accepted);
  of.routeMapIn = rest(/^\s+Route map for incoming advertisements is \*?(\S+)/) ?? of.routeMapIn;
  of.routeMapOut = rest(/^\s+Route map for outgoing advertisements is \*?(\S+)/) ?? of.routeMapOut;
  of.prefixListIn = rest(/^\s+Incoming update prefix filter list is \*?(\S+)/) ?? of.prefixListIn;
  of.prefixListOut = rest(/^\s+Outgoing update prefix filter list is \*?(\S+)/) ?? of.prefixListOut;
}

/** Names of address families in JSON. */
const FAMILIES: Readonly<Record<string, string>> = {
  ipv4Unicast: "IPv4 Unicast",
  ipv6Unicast: "IPv6 Unicast",
  ipv4Multicast: "IPv4 Multicast",
  ipv6Multicast: "IPv6 Multicast",
  ipv4Vpn: "IPv4 VPN",
  ipv6Vpn: "IPv6 VPN",
  l2VpnEvpn: "L2VPN EVPN",
};

export function readNeighboursJson(text: string, ctx: ReadContext): void {
  const top = parsed(text, ctx);
  if (!top) return;
  // With `vrf all`, and in some releases without, the peers stand below their VRF.
  const flat = Object.entries(top).flatMap(([key, v]) =>
    "remoteAs" in obj(v)
      ? [[key, obj(v)] as const]
      : Object.entries(obj(v)).flatMap(([k, x]) => ("remoteAs" in obj(x) ? [[k, obj(x)] as const] : [])),
  );
  for (const [address, v] of flat) {
    const place = text.indexOf(`"${address}"`);
    const families = Object.entries(obj(v["addressFamilyInfo"])).map(([name, x]): BgpNeighbourFamily => {
      const f = obj(x);
      return {
        name: FAMILIES[name] ?? name,
        accepted: num(f["acceptedPrefixCounter"]),
        routeMapIn: str(f["routeMapForIncomingAdvertisements"]),
        routeMapOut: str(f["routeMapForOutgoingAdvertisements"]),
        prefixListIn: str(f["incomingUpdatePrefixFilterList"]),
        prefixListOut: str(f["outgoingUpdatePrefixFilterList"]),
      };
    });
    const reset = resetOf(v);
    ctx.fact(
      "frr.neighbour",
      {
        address,
        remoteAs: num(v["remoteAs"]),
        localAs: num(v["localAs"]),
        internal: v["nbrInternalLink"] === true,
        description: str(v["nbrDesc"]),
        hostname: known(v["hostname"]),
        state: str(v["bgpState"]),
        remoteId: str(v["remoteRouterId"]),
        localAddress: known(v["hostLocal"]),
        lastReset: reset,
        bfd: str(obj(v["peerBfdInfo"])["status"]),
        families,
      },
      place < 0 ? 1 : text.slice(0, place).split("\n").length,
      `${address} ${JSON.stringify({ remoteAs: v["remoteAs"], bgpState: v["bgpState"] })}`,
    );
  }
}

const known = (v: unknown): string => (str(v) === "Unknown" ? "" : str(v));

/** In the words of the text form, which tells of a notification which it was. */
function resetOf(v: Readonly<Record<string, unknown>>): string {
  const due = str(v["lastResetDueTo"]);
  const m = /^BGP Notification (send|received)$/.exec(due);
  if (!m) return due;
  return `Notification ${m[1] === "send" ? "sent" : "received"} (${str(v["lastNotificationReason"])})`;
}
