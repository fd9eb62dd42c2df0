/**
 * The network as a plugin's lowering sees it in its worker: a copy that takes in what the engine has, and tells what was added.
 *
 * Devices, tables and links are copied before a call; rules stay with the engine and are fetched by table if they are looked at.
 * Everything in a network is named by its index, and while a call runs nobody else adds to it: so what gets a number here has the
 * same number there.
 */
import { type Device, NetworkBuilder, type Rule, type Table } from "@plumbline/model";
import type { NetworkChange, NetworkState, TableHead } from "./wire.js";

type Counts = { devices: number; tables: number; rules: number; links: number; trackers: number };

export class MirrorNetwork extends NetworkBuilder {
  private base: Counts = { devices: 0, tables: 0, rules: 0, links: 0, trackers: 0 };
  /** Rules that were made here, by their own numbers. */
  private made: Rule[] = [];
  private ports: number[] = [];
  private before: { devices: string[]; tables: (readonly [Table["miss"], Table["missOrigin"]])[] } = { devices: [], tables: [] };

  /** @param rulesOf fetches the rules of a table; null: all */
  constructor(private readonly rulesOf: (table: number | null) => Rule[]) {
    super();
    // The list of all rules is the engine's; what is made here is counted from its length on.
    Object.defineProperty(this, "rules", { get: () => [...this.rulesOf(null), ...this.made] });
  }

  /** Takes in the engine's state before a call; `about` is a device that may have changed since. */
  take(state: NetworkState, about?: Device): void {
    // What was made here and refused there is forgotten.
    if (state.whole) {
      this.devices.splice(state.devices.length);
      this.tables.splice(state.tables.length);
    }
    const at = state.whole ? 0 : this.devices.length;
    state.devices.forEach((d, i) => {
      const known = this.devices[at + i];
      if (known) refresh(known, d);
      else this.devices.push(d);
    });
    const from = state.whole ? 0 : this.tables.length;
    state.tables.forEach((t, i) => {
      const known = this.tables[from + i];
      if (known) Object.assign(known, t);
      else this.tables.push(this.withRules(t));
    });
    if (state.whole) this.links.length = 0;
    this.links.push(...state.links);
    this.trackers.splice(0, this.trackers.length, ...state.trackers);
    if (about) refresh(this.devices[about.id], about);
    this.made = [];
    this.base = {
      devices: this.devices.length,
      tables: this.tables.length,
      rules: state.rules,
      links: this.links.length,
      trackers: this.trackers.length,
    };
    this.ports = this.devices.map((d) => d.ports.length);
    this.before = { devices: this.devices.map(changeable), tables: this.tables.map((t) => [t.miss, t.missOrigin] as const) };
  }

  /** A table of the engine's: its rules come when asked for. */
  private withRules(head: TableHead): Table {
    let rules: Rule[] | null = null;
    const table = { ...head } as Table;
    Object.defineProperty(table, "rules", { get: () => (rules ??= this.rulesOf(head.id)), enumerable: false });
    return table;
  }

  override rule(table: Table, spec: Parameters<NetworkBuilder["rule"]>[1]): Rule {
    const rule: Rule = {
      id: this.base.rules + this.made.length,
      table: table.id,
      priority: 0,
      rows: [[]],
      origin: null,
      certainty: "proven",
      why: "",
      ...spec,
    };
    this.made.push(rule);
    table.rules.push(rule);
    return rule;
  }

  /** What was added and changed since {@link take}. */
  changes(): Omit<NetworkChange, "hooks" | "punts" | "problems"> {
    const { base } = this;
    const old = this.devices.slice(0, base.devices);
    return {
      devices: this.devices.slice(base.devices),
      ports: old.flatMap((d) => d.ports.slice(this.ports[d.id]).map((port) => ({ device: d.id, port }))),
      tables: this.tables.slice(base.tables).map(({ rules: _, ...head }) => head),
      rules: this.made,
      links: this.links.slice(base.links),
      trackers: this.trackers.slice(base.trackers),
      changedDevices: old
        .filter((d) => changeable(d) !== this.before.devices[d.id])
        .map(({ id, entry, origin, node, pod, aliases }) => ({ id, entry, origin, node, pod, aliases })),
      changedTables: this.tables
        .slice(0, base.tables)
        .filter((t) => t.miss !== this.before.tables[t.id][0] || t.missOrigin !== this.before.tables[t.id][1])
        .map(({ id, miss, missOrigin }) => ({ id, miss, missOrigin })),
    };
  }
}

const changeable = (d: Device) => JSON.stringify([d.entry, d.origin, d.node, d.pod, d.aliases]);

/** A plugin may hold on to a device: it stays the same object. */
function refresh(known: Device, fresh: Device): void {
  const { ports, aliases } = known;
  Object.assign(known, fresh, { ports, aliases });
  ports.splice(0, ports.length, ...fresh.ports);
  aliases.splice(0, aliases.length, ...fresh.aliases);
}
