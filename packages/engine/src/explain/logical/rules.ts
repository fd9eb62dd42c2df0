/**
 * The rules of one switch as texts that do not depend on the network they are in: numbers of tables, trackers and conjunctions
 * are replaced by what they stand for. Two switches do the same where these are the same.
 */
import { type Action, type Device, type Network, printMatch, printProgram, type Rule, type Table } from "@plumbline/model";

export interface PlainRule {
  /** Table, priority and match. */
  readonly key: string;
  readonly table: string;
  readonly body: string;
  readonly rule: Rule;
}

/** Rules of the numbered tables of a switch, by key; several where any of them may be the one that the switch has. */
export function plainRules(net: Network, device: Device): Map<string, PlainRule[]> {
  const plain = new Plain(net);
  const tables = net.tables.filter((t) => t.device === device.id && isNumbered(t));
  plain.nameConjunctions(tables);
  const out = new Map<string, PlainRule[]>();
  for (const t of tables)
    for (const rule of t.rules) {
      const key = plain.key(t, rule);
      const found = { key, table: t.name, body: plain.body(rule), rule };
      const same = out.get(key);
      if (same) same.push(found);
      else out.set(key, [found]);
    }
  return out;
}

const isNumbered = (t: Table) => /^\d+$/.test(t.name);
const CONJ_ID = /\bconj_id=(\d+)/;

class Plain {
  private readonly inside = new Set<number>();
  private readonly helpers = new Map<number, string>();
  private readonly conjunctions = new Map<number, string>();

  constructor(private readonly net: Network) {}

  /** A conjunction is known by its parts and by where it leads: its number is the switch's own. */
  nameConjunctions(tables: readonly Table[]): void {
    const parts = new Map<number, string[]>();
    const put = (id: number, text: string) => parts.set(id, [...(parts.get(id) ?? []), text]);
    for (const t of tables)
      for (const r of t.rules) {
        const row = printMatch(r.rows[0] ?? []);
        for (const c of r.conj ?? []) put(c.id, `${t.name} ${r.priority} ${row} ${c.clause}/${c.of}`);
        const id = CONJ_ID.exec(row)?.[1];
        if (id !== undefined) put(Number(id), `${t.name} ${r.priority} ${row.replace(CONJ_ID, "complete")}`);
      }
    for (const [id, texts] of parts) this.conjunctions.set(id, texts.sort().join("; "));
  }

  key(t: Table, r: Rule): string {
    const row = r.rows.map(printMatch).join(" | ");
    const id = CONJ_ID.exec(row)?.[1];
    return `table=${t.name}, priority=${r.priority} ${id === undefined ? row : row.replace(CONJ_ID, `complete (${this.conjunctions.get(Number(id))})`)}`;
  }

  body(r: Rule): string {
    if (r.conj)
      return r.conj
        .map((c) => `${c.clause}/${c.of} of (${this.conjunctions.get(c.id) ?? ""})`)
        .sort()
        .join("; ");
    return printProgram(this.program(r.program));
  }

  private program(list: readonly Action[]): readonly Action[] {
    return inOrder(list.map((a) => this.action(a)));
  }

  private action(a: Action): Action {
    switch (a.op) {
      case "call":
      case "goto":
        return { ...a, table: this.table(a.table) as never };
      case "ct":
        return {
          ...a,
          tracker: (this.net.trackers[a.tracker]?.name ?? "") as never,
          exec: this.program(a.exec),
          resume: typeof a.resume === "number" ? (this.table(a.resume) as never) : a.resume,
        };
      case "decTtl":
        return { ...a, expired: this.program(a.expired) };
      case "emit":
        return { ...a, then: this.program(a.then) };
      case "clone":
        return { ...a, actions: this.program(a.actions) };
      case "choose":
        return { ...a, options: a.options.map((o) => this.program(o)) };
      default:
        return a;
    }
  }

  /** A numbered table by its number, a helper by what is in it. */
  private table(id: number): string {
    const t = this.net.tables[id]!;
    if (isNumbered(t)) return `#${t.name}`;
    // Copies of numbered tables, and helpers that lead back to themselves.
    if (/^\d+ /.test(t.name) || this.inside.has(id)) return `"${t.name}"`;
    let text = this.helpers.get(id);
    if (text === undefined) {
      this.inside.add(id);
      const rules = t.rules.map((r) => `${r.priority} ${r.rows.map(printMatch).join(" | ")} -> ${printProgram(this.program(r.program))}`);
      text = `[${[...rules, printProgram(this.program(t.miss))].join(" / ")}]`;
      this.inside.delete(id);
      this.helpers.set(id, text);
    }
    return text;
  }
}

/** Outputs to fixed ports, one after the other: in which order they leave says nothing. */
function inOrder(list: readonly Action[]): readonly Action[] {
  const out: Action[] = [];
  let run: Action[] = [];
  const close = () => {
    out.push(...run.sort((a, b) => (a.op === "output" && b.op === "output" ? Number(a.port) - Number(b.port) : 0)));
    run = [];
  };
  for (const a of list)
    if (a.op === "output" && typeof a.port === "number") run.push(a);
    else {
      close();
      out.push(a);
    }
  close();
  return out;
}
