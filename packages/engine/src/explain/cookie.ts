/** `explain cookie`: what a cookie stands for, by every source, and the rules that carry it. */
import type { Device, ExplainSection } from "@plumbline/model";
import { type Context, cookieText, counted } from "./context.js";
import type { Explanation } from "./model.js";
import { byLine, linksOf, uniqueLinks } from "./rules.js";

/** Above it a cookie is no beginning of a UUID. */
const MAX_SHORT = 1n << 32n;
/** Evidence that tells what a short and what a long cookie is, by its name in `inspect`. */
const SOUTHBOUND = /southbound|logical flows/i;
const OBJECTS = /^Kubernetes objects/i;

export function explainCookie(ctx: Context, cookie: bigint, table?: number): Explanation {
  const services = [...ctx.services.values()];
  const candidates = ctx.ask({ kind: "cookie", cookie, services, ...(table === undefined ? {} : { table }) });
  const occurrences = occurrencesOf(ctx, cookie, table);
  const carried = occurrences.reduce((n, s) => n + s.items.length, 0);
  const question = { kind: "cookie" as const, cookie: cookieText(cookie), ...(table === undefined ? {} : { table }) };
  const where = table === undefined ? "" : ` in table ${table}`;
  const answer = [answerText(cookie, candidates, services.length)];
  answer.push(
    carried === 0
      ? `No rule of this snapshot carries it${where}.`
      : `${counted(carried, "rule carries", "rules carry")} it${where}, on ${counted(new Set(occurrences.map((s) => s.host)).size, "host")}.`,
  );
  return ctx.explanation(question, answer, {
    sections: [...candidates, ...occurrences].map((s) => ctx.section(s)),
    missing:
      candidates.length === 0 && cookie !== 0n ? ctx.missing().filter((m) => (cookie < MAX_SHORT ? SOUTHBOUND : OBJECTS).test(m.what)) : [],
  });
}

function answerText(cookie: bigint, candidates: readonly ExplainSection[], services: number): string {
  const text = cookieText(cookie);
  if (cookie === 0n) return `${text} is no cookie: rules that were made without one carry it.`;
  const told = candidates.flatMap((s) => s.items);
  // What does not fit the table is said without a place.
  const items = told.filter((i) => i.links.length > 0 || i.file !== "");
  if (items.length === 0 && told.length > 0) return `${text} stands for nothing that would be in this table.`;
  if (items.length === 0)
    return cookie < MAX_SHORT
      ? `${text} stands for nothing in this snapshot: no southbound row's UUID begins with it.`
      : `${text} stands for nothing in this snapshot: it is the hash of no address or node port of the Services known here (${services}). The Service may be gone (a stale flow) or not in evidence.`;
  const names = [...new Set(items.flatMap((i) => i.links.filter((l) => l.kind === "service").map((l) => l.name)))];
  const [one] = items;
  const many = items.length === 1 ? `stands for ${one.text.split(/: |, /)[0]}` : `can stand for ${items.length} things`;
  if (items.length === 1 && names.every((n) => one.text.includes(n ?? ""))) return `${text} ${many}.`;
  return `${text} ${many}${names.length > 0 ? `, of ${names.map((n) => `Service ${n}`).join(", ")}` : ""}.`;
}

/** Rules with the cookie, by device and table. */
function occurrencesOf(ctx: Context, cookie: bigint, table: number | undefined): ExplainSection[] {
  const sections = new Map<string, { device: Device; name: string; rules: { rule: (typeof ctx.net.rules)[number] }[] }>();
  const tableOf = new Map<string, number>();
  for (const rule of ctx.net.rules) {
    if (rule.cookie !== cookie || !rule.origin) continue;
    const t = ctx.net.tables[rule.table];
    // A line is a flow of one table; what a learn action in it would add elsewhere stands in no dump.
    const place = `${rule.origin.file}:${rule.origin.line}`;
    if (!tableOf.has(place)) tableOf.set(place, t.id);
    if (tableOf.get(place) !== t.id) continue;
    if (table !== undefined && t.name !== String(table)) continue;
    const known = sections.get(`${t.device} ${t.name}`);
    if (known) known.rules.push({ rule });
    else sections.set(`${t.device} ${t.name}`, { device: ctx.net.devices[t.device], name: t.name, rules: [{ rule }] });
  }
  return [...sections.values()].map(({ device, name, rules }) => ({
    layer: "occurrences",
    title: `${device.name.slice(device.name.lastIndexOf("/") + 1)}, table ${name}`,
    host: device.host,
    items: byLine(rules).map(([{ rule }]) => ({
      text: rule.origin!.text,
      file: rule.origin!.file,
      line: rule.origin!.line,
      links: uniqueLinks(linksOf(ctx.view, rule, device)),
    })),
  }));
}
