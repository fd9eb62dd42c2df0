/** Who asks a table: the rules, and ends of tables, whose programs lead there on the same device. */
import { type Action, type Network, nested, type Rule, type Table, type TableId } from "@plumbline/model";

export interface Caller {
  readonly table: Table;
  /** null: the table's end leads there. */
  readonly rule: Rule | null;
}

const CALLERS = new WeakMap<Network, ReadonlyMap<TableId, readonly Caller[]>>();

export function callersOf(net: Network, table: TableId): readonly Caller[] {
  let known = CALLERS.get(net);
  if (!known) CALLERS.set(net, (known = allCallers(net)));
  return known.get(table) ?? [];
}

function allCallers(net: Network): Map<TableId, Caller[]> {
  const out = new Map<TableId, Caller[]>();
  const enter = (program: readonly Action[], caller: Caller) => {
    for (const t of tablesIn(program)) {
      const list = out.get(t);
      if (list) list.push(caller);
      else out.set(t, [caller]);
    }
  };
  for (const rule of net.rules) enter(rule.program, { table: net.tables[rule.table], rule });
  for (const table of net.tables) enter(table.miss, { table, rule: null });
  return out;
}

/** Tables that a program leads to, each once. */
function tablesIn(program: readonly Action[], out = new Set<TableId>()): Set<TableId> {
  for (const a of program) {
    if (a.op === "call" || a.op === "goto") out.add(a.table);
    if (a.op === "ct" && typeof a.resume === "number") out.add(a.resume);
    for (const p of nested(a)) tablesIn(p, out);
  }
  return out;
}

/** Whether a program leads to the table by one of several options only. */
export function isOption(program: readonly Action[], table: TableId): boolean {
  return program.some((a) => a.op === "choose" && tablesIn([a]).has(table) && !a.options.every((o) => tablesIn(o).has(table)));
}
