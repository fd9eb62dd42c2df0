/**
 * One host with one rule set in the running kernel, and packets given to it.
 */
import { addressOf, get, macNumber, type Row, set } from "@plumbline/model";
import { type Answer, kernelAnswer } from "./answer.js";
import { errorAbout, firstPackets, following, mayFail, replyTo } from "./conversation.js";
import { type Draft, type Draw, PROTO } from "./draw.js";
import { dumpsOf, type HostDumps, type TestHost } from "./host.js";
import type { Injection, Namespace } from "./namespace.js";
import type { DrawnSet } from "./random-iptables.js";
import { type Loaded, loadRuleSet, type RuleSet } from "./rule-set.js";
import { ipPacketOf, rowOfHex, wireOf } from "./wire.js";

/** One packet of a case, and what the kernel did with it. */
export interface Asked {
  readonly packet: Draft;
  readonly kernel: Answer;
}

/** A host with a rule set in the kernel, ready for packets. */
export class Scene {
  private constructor(
    readonly ns: Namespace,
    readonly host: TestHost,
    readonly loaded: Loaded,
    readonly dumps: HostDumps,
  ) {}

  static async open(ns: Namespace, host: TestHost, set: RuleSet, form: "text" | "json" = "text"): Promise<Scene> {
    const complaint = await ns.fresh(host);
    if (complaint) throw new Error(`the host cannot be set up: ${complaint}`);
    const dumps = await dumpsOf(ns, host);
    const loaded = await loadRuleSet(ns, set, form);
    return new Scene(ns, host, loaded, { ...dumps, ...loaded.dumps });
  }

  /** Gives packets to the kernel; answers with the frames that left. */
  async send(packets: readonly Draft[]): Promise<{ asked: Asked[]; left: (readonly [dev: string, row: Row] | null)[] }> {
    const observed = await this.ns.packets(packets.map((p) => this.injection(p)));
    const asked = observed.map((o, i) => ({ packet: packets[i], kernel: kernelAnswer(o, this.loaded.how) }));
    const left = observed.map((o, i) => {
      const [out] = o.out;
      return out && asked[i].kernel.end.startsWith("forward") ? ([out[0], rowOfHex(out[1])] as const) : null;
    });
    return { asked, left };
  }

  private injection(p: Draft): Injection {
    if (p.in === null) {
      const hex = Buffer.from(ipPacketOf(wireOf(p.row))).toString("hex");
      return { in: null, hex, src: addressOf(p.row, "src"), dst: addressOf(p.row, "dst") };
    }
    const mac = this.host.interfaces.find((i) => i.name === p.in)!.mac;
    set(p.row, "eth_dst", macNumber(mac)!);
    return { in: p.in, hex: Buffer.from(wireOf(p.row)).toString("hex") };
  }
}

/** First packets, answers to what was forwarded, what follows them, errors about them. */
export async function converse(scene: Scene, d: Draw, drawn: DrawnSet, count: number): Promise<Asked[]> {
  const { random: r } = d;
  // In a zone of its own a connection does not see the answer: an ACK would be none of it (docs/limitations.md).
  const zoned = drawn.set.rules.some((l) => / --zone | zone set /.test(l.text));
  const first = firstPackets(d, drawn.rules, Math.ceil(count / 2));
  const out: Asked[] = [];
  const begun = await scene.send(first);
  out.push(...begun.asked);
  const answers: Draft[] = [];
  /** Whose packets were answered: places in `first`. */
  const answered = new Set<number>();
  begun.left.forEach((l, i) => {
    // An SCTP association's next packets hold tags that rows do not carry.
    if (!l || get(first[i].row, "ip_proto") === PROTO.sctp) return;
    const [dev, row] = l;
    const kind = r.fraction();
    if (kind < 0.7) {
      answers.push({ row: replyTo(row), in: dev });
      answered.add(i);
    } else if (kind < 0.85 && mayFail(row)) answers.push({ row: errorAbout(row, r.chance(0.7)), in: dev });
    if (r.chance(0.5)) answers.push({ row: following(first[i].row, !zoned && answered.has(i)), in: first[i].in });
  });
  out.push(...(await scene.send(answers)).asked);
  const more = r.sample([...first.keys()], Math.max(0, count - out.length));
  out.push(...(await scene.send(more.map((i) => ({ row: following(first[i].row, !zoned && answered.has(i)), in: first[i].in })))).asked);
  return out;
}
