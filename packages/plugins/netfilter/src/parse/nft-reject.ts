/**
 * `reject` and what it answers with, for each family.
 */
import type { RejectWith, Statement } from "../ast.js";
import { type Cursor, NotUnderstood } from "./nft-lex.js";
import { l4 } from "./nft-selectors.js";
import { icmpCode } from "./values.js";

/** The word `reject` is taken already. */
export function rejectStatement(c: Cursor): Statement[] {
  let w: RejectWith = { kind: "icmp", v4: [3, 3], v6: [1, 4] };
  if (c.take("with")) {
    if (c.take("tcp")) {
      c.expect("reset");
      return [l4(6), { s: "reject", with: { kind: "tcp-reset" } }];
    }
    const kind = c.take("icmp", "icmpv6", "icmpx");
    if (!kind) throw new NotUnderstood(`'${c.rest()}' behind 'reject with'`);
    c.take("type");
    const code = c.next().text;
    const found = rejectWith(kind, code);
    if (!found) throw new NotUnderstood(`reject with ${kind} ${code}`);
    w = found;
  }
  return [{ s: "reject", with: w }];
}

/** icmpx: one name for both families (net/netfilter/nft_reject.c). */
const ICMPX: ReadonlyMap<string, readonly [v4: number, v6: number]> = new Map([
  ["no-route", [0, 0]],
  ["port-unreachable", [3, 4]],
  ["host-unreachable", [1, 3]],
  ["admin-prohibited", [13, 1]],
]);

function rejectWith(kind: string, code: string): RejectWith | null {
  if (kind === "icmpx") {
    const codes = ICMPX.get(code);
    return codes ? { kind: "icmp", v4: [3, codes[0]], v6: [1, codes[1]] } : null;
  }
  const n = icmpCode(code, kind === "icmp" ? 4 : 6);
  if (n === null) return null;
  return kind === "icmp" ? { kind: "icmp", v4: [3, n], v6: null } : { kind: "icmp", v4: null, v6: [1, n] };
}
