/**
 * Which outputs of `vtysh` are read. Text and JSON of one command have one `what`; text wins, because its lines are what people read.
 */
import type { Claim, EvidenceFile } from "@plumbline/model";

export interface Request {
  readonly subject: "route" | "bgp" | "summary";
  readonly family: 4 | 6;
  readonly vrf: string;
  /** The one prefix or address that was asked for, "" for the whole table. */
  readonly prefix: string;
  readonly json: boolean;
  readonly named: boolean;
}

const ROUTE = /^vtysh show (ip|ipv6) route(?: vrf (\S+))?(?: ([0-9a-f.:]+(?:\/\d+)?))?( json)?$/i;
const BGP = /^vtysh show (?:(ip) bgp|bgp)(?: vrf (\S+))?(?: (ipv4|ipv6))?(?: unicast)?(?: wide)?( json)?$/i;
const SUMMARY = /^vtysh show (?:(ip) bgp|bgp)(?: vrf (\S+))?(?: (ipv4|ipv6))?(?: unicast)? summary(?: wide)?( json)?$/i;

/** What `file` was asked for, by its command; by its looks if the name says nothing. */
export function requestOf(file: EvidenceFile): Request | null {
  const route = ROUTE.exec(file.command);
  if (route) {
    const [, ip, vrf, prefix, json] = route;
    return {
      subject: "route",
      family: ip === "ipv6" ? 6 : 4,
      vrf: vrf ?? "default",
      prefix: prefix ?? "",
      json: json !== undefined,
      named: true,
    };
  }
  const bgp = BGP.exec(file.command);
  if (bgp) {
    const [, , vrf, family, json] = bgp;
    return { subject: "bgp", family: family === "ipv6" ? 6 : 4, vrf: vrf ?? "default", prefix: "", json: json !== undefined, named: true };
  }
  const summary = SUMMARY.exec(file.command);
  if (summary) {
    const [, , vrf, family, json] = summary;
    return {
      subject: "summary",
      family: family === "ipv6" ? 6 : 4,
      vrf: vrf ?? "default",
      prefix: "",
      json: json !== undefined,
      named: true,
    };
  }
  // A name that says another command is believed.
  if (/^vtysh\b/.test(file.command) || file.size > 4_000_000 || file.size === 0) return null;
  const head = file.text().slice(0, 1000);
  const looks = (subject: Request["subject"], prefix = ""): Request => ({
    subject,
    family: 4,
    vrf: "default",
    prefix,
    json: false,
    named: false,
  });
  const detail = /^Routing entry for (\S+)/.exec(head);
  if (detail) return looks("route", detail[1]);
  if (/^Codes: K - kernel route, C - connected/m.test(head)) return looks("route");
  if (/^BGP table version is \d+, local router ID is /m.test(head)) return looks("bgp");
  return null;
}

export function claim(file: EvidenceFile): Claim | null {
  const r = requestOf(file);
  if (!r) return null;
  const where = `${r.family === 6 ? " IPv6" : ""}${r.vrf === "default" ? "" : ` of VRF ${r.vrf}`}`;
  if (r.subject === "summary") return { score: 0.9, what: `FRR BGP peers${where}`, form: r.json ? 0 : 10 };
  const what = r.subject === "bgp" ? `FRR BGP table${where}` : r.prefix !== "" ? `FRR route to ${r.prefix}${where}` : `FRR routes${where}`;
  return { score: r.named ? 0.9 : 0.5, what, form: r.json ? 0 : 10 };
}
