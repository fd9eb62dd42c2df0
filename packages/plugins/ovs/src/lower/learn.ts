/**
 * Flows that `learn` would add, as far as they can be told before a packet comes.
 *
 * A learned flow is made of the packet that hits the learning one. Where the learning flow's own match settles all that
 * the learned one needs, but for the datapath key (`metadata`), the learned flow is put in its table beforehand: OVN's
 * hairpin look-up needs it for the way back. It then also answers before it was learned, so it is *assumed*.
 */
import { type Action, type Match, type Origin, slice } from "@plumbline/model";
import type { LearnAction, MatchTerm } from "../ast.js";
import { knownValue, lowerMatch } from "./match.js";
import type { Switch } from "./switch.js";

export function lowerLearned(sw: Switch, a: LearnAction, terms: readonly MatchTerm[], origin: Origin): void {
  const learned: MatchTerm[] = [];
  const program: Action[] = [];
  const condition = (s: { text: string; slice: ReturnType<typeof slice> | null }, value: bigint) =>
    void learned.push({ name: s.text, slice: s.slice, value, mask: s.slice ? (1n << BigInt(s.slice.n)) - 1n : 0n });
  for (const spec of a.specs) {
    switch (spec.kind) {
      case "matchValue":
        condition(spec.dst, spec.value);
        break;
      case "matchField": {
        const value = spec.src.slice && knownValue(terms, spec.src.slice);
        if (value === null) {
          if (spec.dst.slice?.field === "metadata" && spec.src.text === spec.dst.text) break;
          return;
        }
        condition(spec.dst, value);
        break;
      }
      case "loadValue":
        if (!spec.dst.slice) return;
        program.push({ op: "set", dst: spec.dst.slice, value: spec.value });
        break;
      case "loadField": {
        const value = spec.src.slice && knownValue(terms, spec.src.slice);
        if (value === null || !spec.dst.slice) return;
        program.push({ op: "set", dst: spec.dst.slice, value });
        break;
      }
      case "output":
        return;
    }
  }
  const { match, unmodelled } = lowerMatch(learned, () => undefined);
  if (!match || unmodelled.length > 0 || !isOfOneConversation(match)) return;
  sw.net.rule(sw.table(a.table), {
    priority: a.priority,
    rows: [match],
    program,
    cookie: a.cookie,
    origin,
    certainty: "assumed",
    why: "learned from this flow once a packet has hit it",
  });
}

/** Both addresses are given: the flow speaks of one conversation's way back, and of nothing else. */
function isOfOneConversation(match: Match): boolean {
  const whole = (name: string) =>
    lowerMatch([{ name, slice: slice(name), value: 0n, mask: (1n << BigInt(slice(name).n)) - 1n }], () => undefined).match!;
  const has = (name: string) => whole(name).every((w) => match.some((x) => x.w === w.w && x.m === w.m));
  return (has("ip_src") && has("ip_dst")) || (has("ipv6_src") && has("ipv6_dst"));
}
