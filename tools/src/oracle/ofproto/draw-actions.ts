/**
 * Random action lists: every action of ovs-actions(7) that changes where a packet goes or what it is. Lists lead forward only, from a
 * table to later ones: `ofproto/trace` has no bound on recirculation.
 */
import { ADDRESSES, MACS } from "../ovs/draw.js";
import type { Random } from "../random.js";
import { ActionList, type Known, portText, type Surroundings } from "./action-list.js";
import { MATCH_FIELDS, type MatchField } from "./fields.js";
import type { Has, Protocol } from "./protocols.js";

const hex = (v: bigint | number) => `0x${v.toString(16)}`;

export class Actions {
  private readonly writable: readonly MatchField[];
  /** What rules write to the action set, with what their packets have. */
  private readonly sets: { readonly text: string; readonly has: readonly Has[]; readonly tagged: boolean }[] = [];
  private readonly mostSets: number;

  constructor(
    private readonly r: Random,
    private readonly s: Surroundings,
  ) {
    this.mostSets = r.pick([2, 3, 4, 4, 5, 20]);
    this.writable = MATCH_FIELDS.filter((f) => f.written !== "" && s.subjects.has(f.subject));
  }

  /** The actions of a rule in `table` for packets of a protocol, instructions at the end. */
  rule(table: number, p: Protocol, about: Known = { tuple: false, tagged: false }): string[] {
    const { r, s } = this;
    const list = new ActionList(r, s, this.writable, table, p, about);
    list.fill(r.between(1, 5));
    if (list.ways > 0 && table < s.last && r.chance(0.65)) list.on();
    const out = list.texts;
    if (s.kinds.has("set") && !s.old) this.instructions(table, p, list, out);
    return out;
  }

  /** Plain actions for a bucket or an action set. */
  bucket(p: Protocol, table: number): string[] {
    // Options' widths and tags are not known where a group is loaded.
    const writable = this.writable.filter((f) => f.subject !== "tunnel" && f.subject !== "vlan");
    const list = new ActionList(this.r, { ...this.s, kinds: new Set(), subjects: new Set(["packet", "registers"]) }, writable, table, p, {
      tuple: false,
      tagged: false,
    });
    for (let i = this.r.between(0, 2); i > 0; i--) list.write();
    // OpenFlow 1.5, which groups are given in, makes two actions of enqueue.
    list.texts.push(list.output().replace(/^enqueue\((\w+),\d+\)$/, "output:$1"));
    return list.texts;
  }

  private instructions(table: number, p: Protocol, list: ActionList, out: string[]): void {
    const { r, s } = this;
    if (r.chance(0.1)) out.unshift(`meter:${r.between(1, 2)}`);
    if (list.lost) return;
    if (r.chance(0.1)) out.push("clear_actions");
    if (r.chance(0.3)) out.push(`write_actions(${this.written(p, list.tagged)})`);
    if (r.chance(0.15)) out.push(`write_metadata:${hex(r.int(4))}/${hex(r.pick([1, 3, 0xff]))}`);
    if (list.ways > 0 && table < s.last && r.chance(0.6)) out.push(`goto_table:${r.between(table + 1, s.last)}`);
  }
  /** Mostly what another rule of the bridge writes too: sets that come of many different writes are more than our side tells apart. */
  private written(p: Protocol, tagged: boolean): string {
    const { r, sets } = this;
    const fitting = sets.filter((s) => s.tagged === tagged && s.has.every((h) => p.has.includes(h)));
    if (sets.length >= this.mostSets && fitting.length > 0) return r.pick(fitting).text;
    const text = this.actionSet(p, tagged);
    sets.push({ text, has: p.has, tagged });
    return text;
  }
  /** One of each kind, in any order. */
  private actionSet(p: Protocol, tagged: boolean): string {
    const { r, s } = this;
    const choices = [
      `output:${portText(r.pick(s.ports))}`,
      `set_field:${hex(r.int(4))}->reg${r.int(4)}`,
      `set_field:${r.pick(MACS)}->eth_dst`,
    ];
    if (p.has.includes("ip")) choices.push("dec_ttl", `set_field:${r.int(3)}->nw_ecn`);
    if (p.has.includes("ip4")) choices.push(`set_field:${r.pick(ADDRESSES)}->ip_dst`);
    if (s.groups.length > 0) choices.push(`group:${r.pick(s.groups)}`);
    if (s.kinds.has("vlan") && !tagged) choices.push("push_vlan:0x8100", `push_vlan:0x8100,set_field:${4096 + r.pick([1, 10])}->vlan_vid`);
    if (s.kinds.has("mpls") && r.chance(0.3)) choices.push("push_mpls:0x8847");
    const chosen = r.sample(choices, r.between(1, 3));
    // One tag is enough for the dummy datapath.
    return chosen.filter((c, i) => !c.startsWith("push_vlan") || chosen.findIndex((d) => d.startsWith("push_vlan")) === i).join(",");
  }
}
