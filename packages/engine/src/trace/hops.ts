/** Hops: the events of a line as decisions with their evidence. */
import { type Annotator, type Certainty, EV, type Event, type EvidenceLink, LEAF, type Network, type Numbering, changedFields, packetText } from "@plumbline/model";

export interface Hop {
  readonly device: string;
  readonly node: string;
  /** Kind of decision, and the table: "openflow 21", "netfilter nat PREROUTING". */
  readonly stage: string;
  readonly rule: { readonly text: string; readonly file: string; readonly line: number };
  readonly certainty: Certainty;
  /** Why it is inferred or assumed, or a note of the lowering. */
  readonly why: string;
  readonly before: string;
  readonly after: string;
  readonly changes: readonly { field: string; before: string; after: string }[];
  readonly links: readonly EvidenceLink[];
  /** "of 3 by ecmp (33 %)" where this hop made a choice. */
  readonly choice?: string;
}

export interface Need {
  readonly why: string;
  readonly command: string;
  readonly on: string;
}

/** Scratch fields of a device: worth seeing in JSON, noise in a line for people. */
export const SCRATCH = /^(reg\d|metadata|in_port|out_port|conj_id|nexthop|ct_(nw|tp|ipv6|label|zone)|recirc_id|dp_hash|uid|tun_)/;

function portName(net: Network, device: number, port: number): string {
  return net.devices[device].ports.find((p) => p.number === port)?.name ?? `port ${port}`;
}

export function hopsOf(line: readonly Event[], net: Network, num: Numbering, annotators: readonly Annotator[]): { hops: Hop[]; needs: Need[] } {
  const hops: Hop[] = [];
  const needs: Need[] = [];
  const need = (n: Need) => {
    if (!needs.some((x) => x.command === n.command && x.on === n.on && x.why === n.why)) needs.push(n);
  };
  let device = 0;
  let arrival = "";
  let arrivalCertainty: Certainty = "proven";
  line.forEach((e, i) => {
    const next = line[i + 1];
    if (e.kind === EV.enter) {
      device = e.a;
      const from = line.slice(0, i).findLast((x) => x.kind === EV.output);
      const link = from && from.b !== 0xffffffff ? net.links[from.b] : undefined;
      arrival = link && link.certainty !== "proven" ? `from ${net.devices[link.device].name}: ${link.why}` : "";
      arrivalCertainty = link?.certainty ?? "proven";
      return;
    }
    if (e.kind === EV.note || (e.kind === EV.leaf && e.a === LEAF.unknown && e.b !== 0xffffffff)) {
      const a = num.texts[e.kind === EV.note ? e.a : e.b];
      if (a?.op === "unknown") need({ why: a.why, command: a.command, on: a.on });
      return;
    }
    if (e.kind === EV.leaf && e.a === LEAF.unlinked)
      need({ why: `what is attached to ${portName(net, device, e.b)} of ${net.devices[device].name}`, command: "ip -d link; ovs-vsctl list interface", on: net.devices[device].host || net.devices[device].name });
    if (e.kind !== EV.hit && e.kind !== EV.miss) return;
    const table = net.tables[e.a];
    const rule = e.kind === EV.hit ? net.rules[e.b] : null;
    const last = !line.slice(i + 1).some((x) => x.kind === EV.hit || x.kind === EV.miss);
    const origin = rule ? rule.origin : table.missOrigin;
    const after = next ? next.row : e.row;
    const changes = changedFields(e.row, after).map((c) => ({ field: c.field.name, before: c.before, after: c.after }));
    const choice = line.slice(i + 1).find((x) => x.kind !== EV.ct && x.kind !== EV.note && x.kind !== EV.nat);
    const chosen = choice?.kind === EV.choice && choice.c > 1 ? choice : undefined;
    const visible = origin !== null || changes.some((c) => !SCRATCH.test(c.field)) || (rule && rule.certainty !== "proven") || chosen !== undefined || (last && e.kind === EV.miss);
    if (!visible) return;
    const site = chosen && num.sites[chosen.a];
    const total = site ? site.weights.reduce((a, b) => a + b, 0) : 1;
    const d = net.devices[device];
    hops.push({
      device: d.name,
      node: d.node,
      stage: `${table.stage} ${table.name}`,
      rule: { text: origin?.text ?? (rule ? "" : "no rule matches"), file: origin?.file ?? "", line: origin?.line ?? 0 },
      certainty: rule ? rule.certainty : "proven",
      why: [rule?.why, arrival].filter(Boolean).join("; "),
      before: packetText(e.row),
      after: packetText(after),
      changes,
      links: rule ? annotators.flatMap((a) => a(rule, d)) : [],
      ...(site && chosen ? { choice: `${chosen.b + 1} of ${chosen.c} by ${site.how}, ${Math.round((site.weights[chosen.b] / total) * 1000) / 10} %` } : {}),
    });
    if (arrival && arrivalCertainty === "assumed") need({ why: arrival, command: "", on: d.name });
    arrival = "";
  });
  return { hops, needs };
}
