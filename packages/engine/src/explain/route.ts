/** `explain route`: on every host and router the routes for a prefix, the policy rules that lead to them, and who owns the next hops. */
import { type Device, type EvidenceLink, type ExplainItem, type ExplainSection, PlumblineError, type Rule, type Table, walk } from "@plumbline/model";
import { type Prefix, parsePrefix, prefixText } from "@plumbline/plugin-sdk";
import { ownersOf } from "../trace/locate.js";
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
  const hosts = stacks(ctx.net);
  for (const device of hosts) {
    const found = routeTables(ctx.net, device, wanted.family).flatMap((t) => routesIn(t, wanted));
    covering += found.some((r) => r.covering) ? 1 : 0;
    inside += found.filter((r) => !r.covering).length;
    if (!found.some((r) => r.covering)) without.push(device.name);
    sections.push(...told.filter((s) => s.host === device.host), routeSection(ctx, device, wanted, found));
  }
  const seen = new Set(hosts.map((d) => d.host));
  sections.push(...told.filter((s) => !seen.has(s.host)));
  const prefix = prefixText(wanted);
  const answer = [
    `${prefix}: ${counted(covering, "host")} of ${hosts.length} ${covering === 1 ? "has" : "have"} a route that covers it; ${counted(inside, "route lies", "routes lie")} inside it.`,
  ];
  if (without.length > 0) answer.push(`No route covers it on ${without.join(", ")}.`);
  return ctx.explanation({ kind: "route", prefix }, answer, {
    sections: sections.filter((s) => s.items.length > 0).map((s) => ctx.section(s)),
    missing: ctx.missing().filter((m) => /rout|BGP|rule/i.test(m.what)),
  });
}

function routeSection(ctx: Context, device: Device, wanted: Prefix, found: readonly FoundRoute[]): ExplainSection {
  const tables = [...new Set(found.map((r) => r.table))];
  const items = tables.flatMap((t) => [
    ...policyItems(ctx, device, t),
    ...found.filter((r) => r.table === t).map((r) => routeItem(ctx, device, r)),
  ]);
  const unknown = routeTables(ctx.net, device, wanted.family).flatMap((t) => {
    const a = t.miss.find((m) => m.op === "unknown");
    return a?.op === "unknown" ? [a] : [];
  });
  for (const a of unknown)
    if (!items.some((i) => i.text === a.why)) items.push({ text: `${a.why} (${a.command})`, file: "", line: 0, links: [] });
  if (items.length === 0) items.push({ text: "no route covers it: unreachable from here", file: "", line: 0, links: [] });
  return { layer: "routes", title: `routes of ${device.name}`, host: device.host, items };
}

function routeItem(ctx: Context, device: Device, r: FoundRoute): ExplainItem {
  const owners = nextHops(r.rule).flatMap((address): EvidenceLink[] => {
    const names = ownersOf(ctx.net, address).filter((d) => d !== device);
    return names.map((d) => ({ kind: "owner", name: d.name, text: address }));
  });
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
      text: rule.origin ? `policy rule: ${rule.origin.text.replace(/\s+/g, " ").trim()}` : `policy rule to table ${table.name} (${rule.why})`,
      file: rule.origin?.file ?? "",
      line: rule.origin?.line ?? 0,
      links: [],
    }));
}
