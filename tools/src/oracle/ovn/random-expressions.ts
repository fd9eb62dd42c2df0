/** Random expressions of OVN's match language, right and wrong ones, and random microflows to evaluate them on. */
import type { Random } from "../random.js";
import { constant, FIELDS, type FieldName, PREDICATES, packetValue } from "./expression-parts.js";

const field = (name: string): FieldName => FIELDS.find((f) => f.name === name)!;
const OPERATORS = ["==", "==", "==", "!=", "<", "<=", ">", ">="];
const DEEPEST = 3;

/** An expression; now and then one that OVN refuses. */
export function randomExpression(r: Random): string {
  const e = r.chance(0.35) ? term(r) : compound(r, 0);
  return r.chance(0.04) ? broken(r, e) : e;
}

function compound(r: Random, depth: number): string {
  if (depth >= DEEPEST || r.chance(0.3)) return term(r);
  const parts = Array.from({ length: r.between(2, 3) }, () => (r.chance(0.5) ? compound(r, depth + 1) : term(r)));
  const e = `(${parts.join(r.pick([" && ", " || "]))})`;
  return r.chance(0.08) ? `!${e}` : e;
}

function term(r: Random): string {
  if (r.chance(0.35)) return predicate(r);
  if (r.chance(0.03)) return r.pick(['is_chassis_resident("p1")', '!is_chassis_resident("p2")', "0", "1", "!1"]);
  const f = r.pick(FIELDS);
  if (f.bits > 1 && !f.nominal && r.chance(0.15)) return subfield(r, f);
  return comparison(r, f, f.name);
}

function predicate(r: Random): string {
  const p = r.pick(PREDICATES);
  if (r.chance(0.1)) return `${p.name} ${r.pick(["==", "!="])} ${r.int(2)}`;
  // Nominal ones are refused where they are negated: rarely asked.
  return r.chance(p.nominal ? 0.02 : 0.4) ? `!${p.name}` : p.name;
}

function subfield(r: Random, f: FieldName): string {
  const low = r.int(f.bits);
  const high = r.between(low, Math.min(f.bits - 1, low + 31));
  const name = `${f.name}[${low === high && r.chance(0.5) ? low : `${low}..${high}`}]`;
  if (low === high && r.chance(0.5)) return r.chance(0.5) ? name : `!${name}`;
  return comparison(r, { name, bits: high - low + 1, kind: "number" }, name);
}

function comparison(r: Random, f: FieldName, name: string): string {
  let op = f.nominal && r.chance(0.95) ? "==" : r.pick(OPERATORS);
  if (r.chance(0.15)) {
    const set = `{${Array.from({ length: r.between(1, 4) }, () => constant(r, f)).join(r.pick([", ", ",", " "]))}}`;
    if (r.chance(0.97) && /[<>]/.test(op)) op = r.pick(["==", "!="]);
    return `${name} ${f.nominal ? "==" : op} ${set}`;
  }
  const c = constant(r, f);
  if (/[<>]/.test(op) && /[/$@"]/.test(c) && r.chance(0.95)) op = "==";
  if (f.kind === "number" && !f.nominal && f.bits > 1 && r.chance(0.08)) {
    const [a, b] = r.pick([
      ["<", "<"],
      ["<=", "<"],
      ["<", "<="],
      ["<=", "<="],
      [">", ">="],
      [">=", ">="],
    ]);
    const v = r.int(Math.min(2 ** f.bits, 70_000));
    const w = r.int(Math.min(2 ** f.bits, 70_000));
    return `${v} ${a} ${name} ${b} ${w}`;
  }
  const e = r.chance(0.08) ? `${c} ${op} ${name}` : `${name} ${op} ${c}`;
  return r.chance(f.nominal ? 0.02 : 0.08) ? `!(${e})` : e;
}

const NOISE = [
  "(",
  ")",
  "{",
  "}",
  "[",
  "]",
  "==",
  "!=",
  "<",
  "=",
  "&",
  "|",
  "&&",
  "||",
  "!",
  "..",
  ",",
  ";",
  "$",
  "@",
  "@pg9",
  "$as9",
  "^x",
];
const MORE = [
  "0x",
  "01",
  "0xg",
  "1/0x3",
  "10.0.0",
  "fe:x",
  '"',
  '"\\q"',
  "/* */",
  "/",
  "99999999999999999999",
  "nosuch.field",
  "eth",
  "%",
  "256.0.0.1",
  "010.0.0.01",
  "0000010.0.0.1",
  "::1.2.3.4",
  "1::2::3",
  "aa:bb:cc:dd:ee:ff:00",
  "0x123456789012345678901234567890123",
  "//",
  "^t",
];

/** With a token lost, doubled or put in. */
export function broken(r: Random, e: string): string {
  const parts = e.split(/(\s+|[(){}[\],!])/).filter((p) => p !== "");
  const at = r.int(parts.length);
  switch (r.int(4)) {
    case 0:
      parts.splice(at, 1);
      break;
    case 1:
      parts.splice(at, 0, parts[at]);
      break;
    case 2:
      parts.splice(at, 0, ` ${r.pick([...NOISE, ...MORE])} `);
      break;
    default:
      parts[at] = ` ${r.pick([...NOISE, ...MORE])} `;
  }
  return parts.join("");
}

/** A packet as an expression that fixes each field it mentions: parts joined by `&&`. */
export function randomMicroflow(r: Random): string[] {
  const parts: string[] = [];
  const fix = (...names: string[]) => {
    for (const n of names) parts.push(`${n} == ${packetValue(r, field(n))}`);
  };
  fix("inport", "eth.src", "eth.dst");
  const kind = r.pick(["tcp", "udp", "sctp", "icmp4", "ip4", "tcp6", "udp6", "icmp6", "nd", "arp", "rarp", "none"]);
  const v6 = /6$|^nd/.test(kind);
  if (kind === "arp") fix("arp.op", "arp.spa", "arp.tpa", "arp.sha", "arp.tha");
  else if (kind === "rarp") parts.push("rarp");
  else if (kind !== "none") {
    fix(...(v6 ? ["ip6.src", "ip6.dst"] : ["ip4.src", "ip4.dst"]), "ip.dscp", "ip.ecn");
    if (v6) fix("ip6.label");
    if (kind === "nd")
      parts.push("ip.ttl == 255", "icmp6.type == 135", "icmp6.code == 0", `nd.target == ${packetValue(r, field("nd.target"))}`);
    else fix("ip.ttl");
    const base = kind.replace(/6$/, "");
    if (base === "tcp" || base === "udp" || base === "sctp") fix(`${base}.src`, `${base}.dst`);
    if (base === "tcp") fix("tcp.flags");
    if (kind === "icmp4") parts.push(`icmp4.type == ${r.pick([0, 3, 8])}`, `icmp4.code == ${r.int(3)}`);
    if (kind === "icmp6") parts.push(`icmp6.type == ${r.pick([128, 130, 133, 134, 143])}`, `icmp6.code == ${r.int(2)}`);
    if (kind === "ip4") parts.push(`ip.proto == ${r.pick([2, 47])}`);
    if (r.chance(0.1)) parts.push(`ip.frag == ${r.pick([1, 3])}`);
  }
  if (r.chance(0.25)) parts.push("vlan.present", `vlan.vid == ${r.pick([0, 1, 100])}`, `vlan.pcp == ${r.int(8)}`);
  for (const n of ["xxreg0", "xxreg1", "xreg4", "ct_mark", "ct_label", "pkt.mark"]) if (r.chance(0.3)) fix(n);
  if (r.chance(0.3)) parts.push(`flags == 0x${r.bits(16).toString(16)}`);
  if (r.chance(0.4)) parts.push(`ct_state == 0x${(0x20 | r.int(0x100)).toString(16)}`);
  return parts;
}
