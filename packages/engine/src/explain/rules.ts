/** Rules of the network as items: one a line of the evidence, with what the annotators know, and a name that fits every node. */
import {
  type Action,
  type Annotator,
  type Device,
  type EvidenceLink,
  type ExplainItem,
  FIELDS,
  type Match,
  type Network,
  nested,
  type Rule,
  type Table,
} from "@plumbline/model";
import { addressPort } from "@plumbline/plugin-sdk";
import { type Concern, translations } from "./concern.js";
import { addressText } from "./fields.js";

export interface View {
  readonly net: Network;
  readonly annotators: readonly Annotator[];
}

export function uniqueLinks(links: readonly EvidenceLink[]): EvidenceLink[] {
  return [...new Map(links.map((l) => [JSON.stringify([l.kind, l.name, l.uuid, l.stage, l.text]), l])).values()];
}

export function linksOf(view: View, rule: Rule, device: Device): EvidenceLink[] {
  return view.annotators.flatMap((a) => [...a(rule, device)]);
}

function deviceOf(net: Network, table: Table): Device {
  return net.devices[table.device];
}

/** One line of evidence may have become several rules; they are one item. */
export function byLine<T extends { readonly rule: Rule }>(list: readonly T[]): T[][] {
  const lines = new Map<string, T[]>();
  for (const x of list) {
    const o = x.rule.origin;
    const key = o ? `${o.file}:${o.line}` : `#${x.rule.id}`;
    const known = lines.get(key);
    if (known) known.push(x);
    else lines.set(key, [x]);
  }
  return [...lines.values()];
}

const FIELD_AT: string[] = [];
for (const f of FIELDS) if (!/^xx?reg/.test(f.name)) for (let i = 0; i < f.words; i++) FIELD_AT[f.word + i] = f.name;

/** Names of the fields that rows ask for. Their values differ between nodes (MACs, ports, keys of datapaths). */
function fieldsAsked(rows: readonly Match[]): string[] {
  return [...new Set(rows.flatMap((m) => m.map((x) => FIELD_AT[x.w] ?? `word ${x.w}`)))].sort();
}

/** What a rule does in the end, without what differs between nodes. Helper tables of another kind that it calls (a controller's answer) are its own doing. */
function effectOf(net: Network, rule: Rule, table: Table, backends: ReadonlySet<string>): string[] {
  const out = new Set<string>();
  for (const t of translations(rule.program)) {
    const address = addressText(t.address);
    out.add(backends.has(address) ? "translates to an endpoint" : `translates to ${addressPort(address, t.port)}`);
  }
  const visit = (p: readonly Action[], depth: number) => {
    for (const a of p) {
      if (a.op === "emit") out.add("rejects");
      if (a.op === "drop" && !a.rejected) out.add("drops");
      if (a.op === "output") out.add("outputs");
      if (a.op === "local") out.add("to the host");
      if (a.op === "call" && depth < 2 && net.tables[a.table].stage !== table.stage)
        for (const r of net.tables[a.table].rules) visit(r.program, depth + 1);
      for (const n of nested(a)) visit(n, depth);
    }
  };
  visit(rule.program, 0);
  // What is rejected is thrown away too.
  if (out.has("rejects")) out.delete("drops");
  return [...out];
}

/**
 * The concerns of one line as an item. It is compared with other nodes' where it names an address of the Service: what only its cookie
 * tells may have been learned from traffic.
 */
export function itemOf(view: View, concerns: readonly Concern[], backends: ReadonlySet<string>): ExplainItem {
  const { rule, table } = concerns[0];
  const device = deviceOf(view.net, table);
  const links = uniqueLinks(concerns.flatMap((c) => linksOf(view, c.rule, device)));
  const stage = links.find((l) => l.kind === "lflow")?.stage;
  const named = [
    ...new Set(
      concerns.flatMap((c) =>
        c.frontends.map((f) => `${f.address === "" ? `NODE:${f.port}` : addressPort(f.address, f.port)}/${f.protocol}`),
      ),
    ),
  ];
  const place = stage ?? (table.stage === "openflow" ? `table ${table.name}` : table.name);
  return {
    text: rule.origin!.text,
    file: rule.origin!.file,
    line: rule.origin!.line,
    links,
    ...(named.length === 0
      ? {}
      : {
          key: `${place}: ${named.join(", ")} (by ${fieldsAsked(concerns.flatMap((c) => c.rule.rows)).join(", ")})`,
          value: [...new Set(concerns.flatMap((c) => effectOf(view.net, c.rule, c.table, backends)))].sort().join(", "),
        }),
  };
}
