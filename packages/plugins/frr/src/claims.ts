/**
 * Which outputs of `vtysh` are read. Text and JSON of one command have one `what`; text wins, because its lines are what people read.
 */
import type { Claim, EvidenceFile } from "@plumbline/model";
import type { BgpDirection } from "./private-facts.js";

export interface Request {
  readonly subject: "route" | "bgp" | "bgp-detail" | "neighbour-routes" | "summary" | "neighbours" | "bfd" | "config" | "dump";
  readonly family: 4 | 6;
  readonly vrf: string;
  /** The one prefix or address that was asked for, "" for the whole table. */
  readonly prefix: string;
  readonly json: boolean;
  readonly named: boolean;
  /** Of neighbour-routes and neighbours: which, "" for all. */
  readonly neighbour: string;
  readonly direction: BgpDirection;
  /** Of routes: only those of a protocol; of BGP tables: wide. */
  readonly kind: string;
}

const DIRECTIONS: Readonly<Record<string, BgpDirection>> = {
  "advertised-routes": "advertised",
  "received-routes": "received",
  routes: "accepted",
  "filtered-routes": "filtered",
};
const PREFIX = /^[0-9a-f]*[.:][0-9a-f.:]*(\/\d+)?$/i;
const PROTOCOLS = new Set(
  "babel bgp connected eigrp isis kernel local nhrp ospf ospf6 rip ripng sharp static table table-direct pbr openfabric".split(" "),
);

const request = (subject: Request["subject"], more: Partial<Request> = {}): Request => ({
  subject,
  family: 4,
  vrf: "default",
  prefix: "",
  json: false,
  named: true,
  neighbour: "",
  direction: "accepted",
  kind: "",
  ...more,
});

/** What a command line of vtysh asks for, or null if it is nothing that is read. */
export function requestOfCommand(command: string): Request | null {
  const words = command.trim().split(/\s+/);
  const json = words.at(-1) === "json";
  const w = json ? words.slice(0, -1) : words;
  if (w[0] !== "show" && w[0] !== "sh") return null;
  const ip = w[1] === "ip" || w[1] === "ipv6" ? w[1] : "";
  const rest = w.slice(ip === "" ? 1 : 2);
  switch (rest[0]) {
    case "running-config":
    case "running":
    case "startup-config":
      return rest.length === 1 ? request("config") : null;
    case "route":
    case "fib":
      return ip === "" ? null : routeRequest(rest, ip, json);
    case "bgp":
      return bgpRequest(rest.slice(1), ip, json);
    case "bfd":
      return /^peers?( brief)?$/.test(
        rest
          .slice(1)
          .join(" ")
          .replace(/^vrf \S+ /, ""),
      )
        ? request("bfd", { json, kind: rest.at(-1) === "brief" ? "brief" : "" })
        : null;
    default:
      return null;
  }
}

function routeRequest(rest: readonly string[], ip: string, json: boolean): Request | null {
  let vrf = "default";
  let prefix = "";
  let kind = rest[0] === "fib" ? "fib" : "";
  for (let i = 1; i < rest.length; i++) {
    const word = rest[i];
    if (word === "vrf") vrf = rest[++i] ?? "default";
    else if (word === "nexthop-group" || word === "ng") continue;
    else if (PROTOCOLS.has(word)) kind = `${kind} ${word}`.trim();
    // A `/` of a file name was made a blank or an underscore.
    else if (PREFIX.test(word)) prefix = prefix === "" ? word : `${prefix}/${word}`;
    else if (/^\d{1,3}$/.test(word) && prefix !== "" && !prefix.includes("/")) prefix = `${prefix}/${word}`;
    else return null;
  }
  return request("route", { family: ip === "ipv6" ? 6 : 4, vrf, prefix, json, kind });
}

function bgpRequest(rest: readonly string[], ip: string, json: boolean): Request | null {
  // Without a family, FRR's `show bgp` tells of IPv6, `show ip bgp` of IPv4; prefixes say it themselves.
  const r = { family: 4 as 4 | 6, vrf: "default", prefix: "", kind: "", neighbour: "", direction: "" as BgpDirection | "" };
  let subject: Request["subject"] = "bgp";
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i];
    if (word === "vrf" || word === "view") r.vrf = rest[++i] ?? "default";
    else if (word === "ipv4" || word === "ipv6") r.family = word === "ipv6" ? 6 : 4;
    else if (word === "unicast") continue;
    else if (word === "wide") r.kind = "wide";
    else if (word === "detail") subject = "bgp-detail";
    else if (word === "summary") subject = "summary";
    else if (/^neighbors?$/.test(word)) subject = "neighbours";
    else if (word in DIRECTIONS && subject === "neighbours") {
      subject = "neighbour-routes";
      r.direction = DIRECTIONS[word];
    } else if (subject === "neighbours" && r.neighbour === "") r.neighbour = word;
    else if (PREFIX.test(word) && subject === "bgp") {
      r.prefix = word;
      if (/^\d{1,3}$/.test(rest[i + 1] ?? "") && !word.includes("/")) r.prefix = `${word}/${rest[++i]}`;
      subject = "bgp-detail";
    } else return null;
  }
  if (subject === "neighbour-routes" && r.neighbour === "") return null;
  return request(subject, {
    ...r,
    direction: r.direction === "" ? "accepted" : r.direction,
    json,
    kind: ip === "" && r.kind === "" ? "" : r.kind,
  });
}

/** What `file` was asked for, by its command; by its looks if the name says nothing. */
export function requestOf(file: EvidenceFile): Request | null {
  const m = /^vtysh (.*)$/.exec(file.command);
  if (m) return requestOfCommand(m[1]);
  const name = file.path.split("/").at(-1) ?? "";
  if (name === "dump_frr" || name === "dump_frr.txt") return request("dump");
  if (name === "frr.conf") return request("config");
  if (file.size > 4_000_000 || file.size === 0) return null;
  const head = file.text().slice(0, 1000);
  const looks = (subject: Request["subject"], prefix = ""): Request => request(subject, { prefix, named: false });
  const detail = /^Routing entry for (\S+)/.exec(head);
  if (detail) return looks("route", detail[1]);
  if (/^#{3,} show (running-config|bgp)/im.test(head)) return looks("dump");
  if (/^Codes: K - kernel route, C - connected/m.test(head)) return looks("route");
  if (/^BGP table version is \d+, local router ID is /m.test(head)) return looks("bgp");
  if (/^BGP routing table entry for /m.test(head)) return looks("bgp-detail");
  if (/^frr version \d/m.test(head)) return looks("config");
  if (/^BGP neighbor is /m.test(head)) return looks("neighbours");
  return null;
}

export function claim(file: EvidenceFile): Claim | null {
  const r = requestOf(file);
  if (!r) return null;
  const where = `${r.family === 6 ? " IPv6" : ""}${r.vrf === "default" ? "" : ` of VRF ${r.vrf}`}`;
  const form = r.json ? 0 : 10;
  const score = r.named ? 0.9 : 0.5;
  switch (r.subject) {
    case "summary":
      return { score: 0.9, what: `FRR BGP peers${where}`, form };
    case "neighbours":
      return { score, what: `FRR BGP neighbours${where}${r.neighbour === "" ? "" : ` (${r.neighbour})`}`, form };
    case "neighbour-routes":
      return { score, what: `FRR BGP ${r.direction} routes of ${r.neighbour}${where}`, form };
    case "bfd":
      return { score, what: `FRR BFD peers${where}`, form: r.kind === "brief" ? -1 : form };
    case "config":
      return { score, what: "FRR configuration", form: r.named && file.command.startsWith("vtysh") ? 20 : form };
    case "dump":
      return { score, what: "FRR (dump_frr)", form };
    case "bgp":
      return { score, what: `FRR BGP table${where}`, form: form + (r.kind === "wide" ? 1 : 0) };
    case "bgp-detail":
      return { score, what: r.prefix === "" ? `FRR BGP paths in detail${where}` : `FRR BGP paths to ${r.prefix}${where}`, form };
    case "route":
      if (r.prefix !== "") return { score, what: `FRR route to ${r.prefix}${where}`, form };
      // All routes are worth more than those of one protocol, or those in the kernel alone.
      return { score, what: `FRR routes${where}`, form: form - (r.kind === "" ? 0 : r.kind === "fib" ? 20 : 30) };
  }
}
