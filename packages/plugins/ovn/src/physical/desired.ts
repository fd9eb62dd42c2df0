/**
 * The flows and groups that ovn-controller wants a switch to have, as they are gathered (controller/ofctrl.c of OVN).
 *
 * Of several flows with one table, priority and match a switch has one, and which it is follows from the order in which
 * ovn-controller met their rows: all are kept. Parts of conjunctions with one match become one flow.
 */
import type { Origin } from "@plumbline/model";

export interface DesiredFlow {
  readonly table: number;
  readonly priority: number;
  /** First 32 bits of the UUID of the row that it is made of; 0 for ovn-controller's own. */
  readonly cookie: number;
  /** As `ovs-ofctl` takes it. */
  readonly match: string;
  readonly actions: string;
  readonly origin: Origin;
}

export interface DesiredGroup {
  readonly id: number;
  /** Without its number. */
  readonly text: string;
  readonly origin: Origin;
}

export class Desired {
  private readonly byKey = new Map<string, DesiredFlow[]>();
  private readonly byText = new Map<string, DesiredGroup>();

  add(table: number, priority: number, cookie: number, match: string, list: readonly string[], origin: Origin): void {
    const key = `${table} ${priority} ${match}`;
    const actions = list.join(",") || "drop";
    const flow = { table, priority, cookie, match, actions, origin };
    const same = this.byKey.get(key);
    if (!same) this.byKey.set(key, [flow]);
    else if (!same.some((f) => f.cookie === cookie && f.actions === actions)) same.push(flow);
  }

  /** Parts of conjunctions: added to what the same match is part of already. */
  addParts(table: number, priority: number, cookie: number, match: string, parts: readonly string[], origin: Origin): void {
    const same = this.byKey.get(`${table} ${priority} ${match}`);
    if (!same) {
      this.add(table, priority, cookie, match, parts, origin);
      return;
    }
    const [old] = same;
    if (!old!.actions.startsWith("conjunction(")) return;
    const more = parts.filter((x) => !old!.actions.includes(x));
    if (more.length > 0) same[0] = { ...old!, actions: [old!.actions, ...more].join(",") };
  }

  /** The number of the group with this text; made when first asked for. */
  group(text: string, origin: Origin): number {
    let g = this.byText.get(text);
    if (!g) this.byText.set(text, (g = { id: this.byText.size + 1, text, origin }));
    return g.id;
  }

  flows(): readonly DesiredFlow[] {
    return [...this.byKey.values()].flat();
  }
  groups(): readonly DesiredGroup[] {
    return [...this.byText.values()];
  }
}

/** A flow as a dump prints it. */
export function flowText(f: DesiredFlow): string {
  return `cookie=0x${f.cookie.toString(16)}, table=${f.table}, priority=${f.priority}${f.match === "" ? "" : `,${f.match}`} actions=${f.actions}`;
}
