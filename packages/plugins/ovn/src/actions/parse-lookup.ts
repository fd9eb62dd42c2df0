/** Parsers of actions that ask or tell of MAC bindings and learned addresses, and of those with a mere result. */
import type { FieldRef } from "../expr/fields.js";
import type { LogicalAction, ResultName } from "./ast.js";
import type { ActionReader } from "./context.js";

type Of<T extends LogicalAction["type"]> = Extract<LogicalAction, { type: T }>;

export function parseGetMac(r: ActionReader, name: Of<"get_mac">["name"]): LogicalAction {
  const { lexer } = r;
  lexer.force("(");
  const port = r.field(0);
  lexer.force(",");
  const ip = r.field(name === "get_arp" ? 32 : 128);
  lexer.force(")");
  return { type: "get_mac", name, port, ip };
}

export function parsePutMac(r: ActionReader, name: Of<"put_mac">["name"]): LogicalAction {
  const { lexer } = r;
  lexer.force("(");
  const port = r.field(0);
  lexer.force(",");
  const ip = r.field(name === "put_arp" ? 32 : 128);
  lexer.force(",");
  const mac = r.field(48);
  lexer.force(")");
  return { type: "put_mac", name, port, ip, mac };
}

export function parseLookupMac(r: ActionReader, name: Of<"lookup_mac">["name"], dst: FieldRef): LogicalAction {
  const { lexer } = r;
  r.checkBit(dst);
  r.skipCall();
  const port = r.field(0);
  lexer.force(",");
  const ip = r.field(name.startsWith("lookup_arp") ? 32 : 128);
  let mac: FieldRef | undefined;
  if (!name.endsWith("_ip")) {
    lexer.force(",");
    mac = r.field(48);
  }
  lexer.force(")");
  return { type: "lookup_mac", name, dst, port, ip, mac };
}

export function parsePutFdb(r: ActionReader): LogicalAction {
  const { lexer } = r;
  lexer.force("(");
  const port = r.field(0);
  lexer.force(",");
  const mac = r.field(48);
  lexer.force(")");
  return { type: "put_fdb", port, mac };
}

export function parseGetFdb(r: ActionReader, name: Of<"get_fdb">["name"], dst: FieldRef): LogicalAction {
  r.skipCall();
  // A string field takes the port as well.
  if (dst.bits > 0) r.check(dst, 32, true);
  const mac = r.field(48);
  r.lexer.force(")");
  return { type: "get_fdb", name, dst, mac };
}

export function parseLookupFdb(r: ActionReader, dst: FieldRef): LogicalAction {
  r.skipCall();
  r.checkBit(dst);
  const port = r.field(0);
  r.lexer.force(",");
  const mac = r.field(48);
  r.lexer.force(")");
  return { type: "lookup_fdb", dst, port, mac };
}

/** The address may be IPv4 or IPv6. */
export function parseChkEvpnArp(r: ActionReader, dst: FieldRef): LogicalAction {
  r.skipCall();
  r.checkBit(dst);
  const ip = r.anyField();
  if (ip.bits !== 128) r.check(ip, 32, false);
  r.lexer.force(")");
  return { type: "chk_evpn_arp", dst, ip };
}

/** Bits of the result where it is more than one. */
const RESULT_BITS: { readonly [name: string]: number } = { ct_nw_dst: 32, ct_ip6_dst: 128, ct_tp_dst: 16, ct_proto: 8, ct_state_save: 8 };

export function parseResult(r: ActionReader, name: ResultName, dst: FieldRef): LogicalAction {
  const { lexer } = r;
  r.skipCall();
  if (!lexer.match(")")) lexer.fail(`${name} doesn't take any parameters`);
  r.check(dst, RESULT_BITS[name] ?? 1, true);
  if (name === "dns_lookup") r.require("udp");
  return { type: "result", name, dst };
}

export function parseCheckPktLarger(r: ActionReader, dst: FieldRef): LogicalAction {
  const { lexer } = r;
  r.checkBit(dst);
  lexer.advance();
  lexer.force("(");
  // What is no length OVN leaves for the end of the action to complain of: `check_pkt_larger(;` is none it minds.
  if (!lexer.isInt()) return { type: "check_pkt_larger", dst, length: 0 };
  const length = lexer.forceInt();
  lexer.force(")");
  return { type: "check_pkt_larger", dst, length };
}
