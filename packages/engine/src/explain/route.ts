/** `explain route`: on every host and router the routes for a prefix, the policy rules that lead to them, and who owns the next hops. */
import {
  type Device,
  type EvidenceLink,
  type ExplainItem,
  type ExplainSection,
  PlumblineError,
  type Rule,
  type Table,
  walk,
} from "@plumbline/model";
import { type Prefix, parsePrefix, prefixText } from "@plumbline/plugin-sdk";
import { ownersOf } from "../trace/locate.js";
import { announcementAnswer, announcementSections, announcementsOf } from "./announcements.js";
import { type Context, counted } from "./context.js";
import type { Explanation } from "./model.js";
import { type FoundRoute, nextHops, routesIn, routeTables, routeText, stacks } from "./routes.js";
import { linksOf, uniqueLinks } from "./rules.js";

export function explainRoute(ctx: Context, text: string): Explanation {
  const wanted = parsePrefix(text);
  if (!wanted)
    throw new PlumblineError("USAGE", [
      `'${text}' is not a prefix.`,
      "Write it as 192.0.2.0/24, 2001:db8::/32, an address alone, or 'default' (::/0 for IPv6).",
    ]);
  const told = ctx.ask({ kind: "route", ...wanted });
  const sections: ExplainSection[] = [];
  let covering = 0;
  let inside = 0;
  const without: string[] = [];
  const unread: string[] = [];
  const hosts = stacks(ctx.net);
  const owners = new Owners(ctx, hosts, wanted);
  for (const device of hosts) {
    const found = routeTables(ctx.net, device, wanted.family).flatMap((t) => routesIn(t, wanted));
    covering += found.some((r) => r.covering) ? 1 : 0;
    inside += found.filter((r) => !r.covering).length;
    if (!found.some((r) => r.covering)) (known(ctx, device, wanted) ? without : unread).push(device.name);
    sections.push(...told.filter((s) => s.host === device.host), routeSection(ctx, device, wanted, found, owners));
  }
  const seen = new Set(hosts.map((d) => d.host));
  sections.push(...told.filter((s) => !seen.has(s.host)));
  const prefix = prefixText(wanted);
  const answer = [
    `${prefix}: ${counted(covering, "host")} of ${hosts.length} ${covering === 1 ? "has" : "have"} a route that covers it; ${counted(inside, "route lies", "routes lie")} inside it.`,
  ];
  if (without.length > 0) answer.push(`No route covers it on ${without.join(", ")}.`);
  if (unread.length > 0) answer.push(`Whether one does is not in evidence on ${unread.join(", ")}.`);
  const announcements = announcementsOf(ctx, wanted);
  answer.push(...announcementAnswer(announcements));
  sections.unshift(...announcementSections(announcements));
  return ctx.explanation({ kind: "route", prefix }, answer, {
    announcements,
    sections: sections.filter((s) => s.items.length > 0).map((s) => ctx.section(s)),
    missing: ctx.missing().filter((m) => /rout|BGP|rule/i.test(m.what)),
  });
}

/** Who has the next hops: devices of the network, or what a source knows beside them. */
class Owners {
  private readonly told: readonly ExplainItem[];

  constructor(
    private readonly ctx: Context,
    hosts: readonly Device[],
    wanted: Prefix,
  ) {
    const tables = hosts.flatMap((d) => routeTables(ctx.net, d, wanted.family));
    const addresses = [...new Set(tables.flatMap((t) => routesIn(t, wanted)).flatMap((r) => nextHops(r.rule)))];
    this.told = ctx.ask({ kind: "owners", addresses }).flatMap((s) => [...s.items]);
  }

  of(address: string, asker: Device): EvidenceLink[] {
    const devices = ownersOf(this.ctx.net, address)
      .filter((d) => d !== asker)
      .map((d) => ({ kind: "owner", name: d.name, text: address }));
    if (devices.length > 0) return devices;
    return this.told
      .filter((i) => i.key === address)
      .map((i) => ({ kind: "owner", name: i.text, text: address, file: i.file, line: i.line }));
  }
}

/** Whether all routes of a device are in evidence: a table without the one that is asked for then says that there is none. */
function known(ctx: Context, device: Device, wanted: Prefix): boolean {
  const tables = routeTables(ctx.net, device, wanted.family);
  return tables.some((t) => t.rules.some((r) => r.origin !== null)) && tables.every((t) => t.miss.every((a) => a.op !== "unknown"));
}

function routeSection(ctx: Context, device: Device, wanted: Prefix, found: readonly FoundRoute[], owners: Owners): ExplainSection {
  const tables = [...new Set(found.map((r) => r.table))];
  const items = tables.flatMap((t) => [
    ...policyItems(ctx, device, t),
    ...found.filter((r) => r.table === t).map((r) => routeItem(ctx, device, r, owners)),
  ]);
  const unknown = routeTables(ctx.net, device, wanted.family).flatMap((t) => {
    const a = t.miss.find((m) => m.op === "unknown");
    return a?.op === "unknown" ? [a] : [];
  });
  for (const a of unknown)
    if (!items.some((i) => i.text === a.why)) items.push({ text: `${a.why} (${a.command})`, file: "", line: 0, links: [] });
  if (!found.some((r) => r.covering) && unknown.length === 0) {
    const text = known(ctx, device, wanted)
      ? "no route covers it: unreachable from here"
      : `its routes are not in evidence (ip ${wanted.family === 6 ? "-6 " : ""}route show table all)`;
    items.push({ text, file: "", line: 0, links: [] });
  }
  return { layer: "routes", title: "the kernel's routes", host: device.host, items };
}

function routeItem(ctx: Context, device: Device, r: FoundRoute, known: Owners): ExplainItem {
  const owners = nextHops(r.rule).flatMap((address) => known.of(address, device));
  const hops = nextHops(r.rule).map((a) => {
    const names = owners.filter((o) => o.text === a).map((o) => o.name);
    return `${a} is ${names.length === 0 ? "nobody's in evidence" : names.join(" or ")}`;
  });
  const why = r.rule.why === "" ? "" : ` (${r.rule.why})`;
  return {
    text: `table ${r.table.name}, ${r.covering ? "covers it" : "inside it"}: ${routeText(device, r)}${why}${hops.length > 0 ? `; next hop ${hops.join(", ")}` : ""}`,
    file: r.rule.origin?.file ?? "",
    line: r.rule.origin?.line ?? 0,
    links: uniqueLinks([...linksOf(ctx.view, r.rule, device), ...owners]),
  };
}

/** The policy rules of a device that look in a table. */
function policyItems(ctx: Context, device: Device, table: Table): ExplainItem[] {
  const leads = (rule: Rule) => {
    let found = false;
    walk(rule.program, (a) => {
      if ((a.op === "call" || a.op === "goto") && a.table === table.id) found = true;
    });
    return found;
  };
  return ctx.net.tables
    .filter((t) => t.device === device.id && t.stage === "policy")
    .flatMap((t) => t.rules.filter(leads))
    .map((rule) => ({
      text: rule.origin
        ? `policy rule: ${rule.origin.text.replace(/\s+/g, " ").trim()}`
        : `policy rule to table ${table.name} (${rule.why})`,
      file: rule.origin?.file ?? "",
      line: rule.origin?.line ?? 0,
      links: [],
    }));
}
