/**
 * The parser of logical actions (ovn-sb(5), Logical_Flow, "actions"; lib/actions.c of OVN), with OVN's error texts.
 */
import { combine, type Expr } from "../expr/ast.js";
import type { FieldRef, WriteScope } from "../expr/fields.js";
import { Lexer } from "../expr/lex.js";
import { parseConstant } from "../expr/parse.js";
import type { LogicalAction, NestName, PlainName } from "./ast.js";
import { type ActionContext, ActionReader, DEEPEST_NESTING } from "./context.js";
import * as controller from "./parse-controller.js";
import * as ct from "./parse-ct.js";
import * as lookup from "./parse-lookup.js";

export interface ParsedActions {
  /** Empty: the packet is dropped. */
  readonly actions: readonly LogicalAction[];
  /** What must hold besides the flow's match, not yet annotated. */
  readonly prereqs: Expr | undefined;
}

/** Throws {@link OvnSyntaxError} with OVN's text. */
export function parseActions(text: string, context: ActionContext): ParsedActions {
  const r = new ActionReader(new Lexer(text), context, "default", 0);
  const actions = parseList(r, "end");
  return { actions, prereqs: r.prereqs };
}

function parseList(r: ActionReader, sentinel: "end" | "}"): LogicalAction[] {
  const { lexer } = r;
  const out: LogicalAction[] = [];
  // `drop;` stands alone.
  if (lexer.token.type === "id" && lexer.token.text === "drop" && lexer.lookahead() === ";") {
    lexer.advance();
    lexer.advance();
    if (sentinel === "end") lexer.forceEnd();
    else lexer.force("}");
    return out;
  }
  while (!lexer.match(sentinel)) {
    out.push(parseOne(r));
    lexer.force(";");
  }
  return out;
}

const PLAIN: ReadonlySet<string> = new Set<PlainName>([
  "output",
  "ct_clear",
  "igmp",
  "handle_dhcpv6_reply",
  "ct_snat_to_vip",
  "mac_cache_use",
  "flood_remote",
]);
/** What nested actions require of the packet; undefined: what they contain does. */
const NESTS: { readonly [name: string]: { readonly needs?: string; readonly oldNeeds?: string } } = {
  clone: {},
  arp: { needs: "ip", oldNeeds: "ip4" },
  icmp4: { needs: "ip4" },
  icmp4_error: { needs: "ip4" },
  icmp6: { needs: "ip6" },
  icmp6_error: { needs: "ip6" },
  tcp_reset: { needs: "tcp" },
  sctp_abort: { needs: "sctp" },
  nd_na: { needs: "nd_ns" },
  nd_na_router: { needs: "nd_ns" },
  nd_ns: { needs: "ip", oldNeeds: "ip6" },
  reject: {},
};

const STATEMENTS: { readonly [name: string]: (r: ActionReader) => LogicalAction } = {
  next: parseNext,
  push: (r) => ({ type: "push", field: stackField(r) }),
  pop: (r) => ({ type: "pop", field: stackField(r, true) }),
  "ip.ttl": (r) => {
    r.lexer.force("--");
    r.require("ip");
    return { type: "plain", name: "ip.ttl--" };
  },
  ct_next: ct.parseCtNext,
  ct_commit: parseCtCommit,
  ct_commit_to_zone: ct.parseCtCommitToZone,
  ct_commit_nat: ct.parseCtCommitNat,
  ct_dnat: (r) => ct.parseCtNat(r, "ct_dnat"),
  ct_snat: (r) => ct.parseCtNat(r, "ct_snat"),
  ct_dnat_in_czone: (r) => ct.parseCtNat(r, "ct_dnat_in_czone"),
  ct_snat_in_czone: (r) => ct.parseCtNat(r, "ct_snat_in_czone"),
  ct_lb: (r) => ct.parseCtLb(r, "ct_lb"),
  ct_lb_mark: (r) => ct.parseCtLb(r, "ct_lb_mark"),
  ct_lb_mark_local: (r) => ct.parseCtLb(r, "ct_lb_mark_local"),
  get_arp: (r) => lookup.parseGetMac(r, "get_arp"),
  get_nd: (r) => lookup.parseGetMac(r, "get_nd"),
  put_arp: (r) => lookup.parsePutMac(r, "put_arp"),
  put_nd: (r) => lookup.parsePutMac(r, "put_nd"),
  put_fdb: lookup.parsePutFdb,
  set_queue: controller.parseSetQueue,
  set_meter: controller.parseSetMeter,
  log: controller.parseLog,
  trigger_event: controller.parseTriggerEvent,
  bind_vport: controller.parseBindVport,
  handle_svc_check: controller.parseHandleSvcCheck,
  fwd_group: controller.parseFwdGroup,
  handle_bfd_msg: (r) => {
    r.lexer.force("(");
    r.lexer.force(")");
    return { type: "plain", name: "handle_bfd_msg" };
  },
  commit_ecmp_nh: controller.parseCommitEcmpNh,
  commit_lb_aff: controller.parseCommitLbAff,
  sample: controller.parseSample,
  mirror: controller.parseMirror,
};

/** Functions whose value is assigned: `reg0[0] = lookup_arp(…)`. */
const FUNCTIONS: { readonly [name: string]: (r: ActionReader, dst: FieldRef) => LogicalAction } = {
  select: ct.parseSelect,
  put_dhcp_opts: controller.parsePutDhcpOpts,
  put_dhcpv6_opts: controller.parsePutDhcpv6Opts,
  put_nd_ra_opts: controller.parsePutNdRaOpts,
  dhcp_relay_req_chk: (r, dst) => controller.parseDhcpRelay(r, "dhcp_relay_req_chk", dst),
  dhcp_relay_resp_chk: (r, dst) => controller.parseDhcpRelay(r, "dhcp_relay_resp_chk", dst),
  check_pkt_larger: lookup.parseCheckPktLarger,
  lookup_arp: (r, dst) => lookup.parseLookupMac(r, "lookup_arp", dst),
  lookup_nd: (r, dst) => lookup.parseLookupMac(r, "lookup_nd", dst),
  lookup_arp_ip: (r, dst) => lookup.parseLookupMac(r, "lookup_arp_ip", dst),
  lookup_nd_ip: (r, dst) => lookup.parseLookupMac(r, "lookup_nd_ip", dst),
  get_fdb: (r, dst) => lookup.parseGetFdb(r, "get_fdb", dst),
  get_remote_fdb: (r, dst) => lookup.parseGetFdb(r, "get_remote_fdb", dst),
  lookup_fdb: lookup.parseLookupFdb,
  chk_evpn_arp: lookup.parseChkEvpnArp,
  ...Object.fromEntries(
    (
      [
        "dns_lookup",
        "chk_lb_hairpin",
        "chk_lb_hairpin_reply",
        "check_in_port_sec",
        "check_out_port_sec",
        "chk_ecmp_nh_mac",
        "chk_ecmp_nh",
        "chk_lb_aff",
        "ct_nw_dst",
        "ct_ip6_dst",
        "ct_tp_dst",
        "ct_proto",
        "ct_state_save",
      ] as const
    ).map((name) => [name, (r: ActionReader, dst: FieldRef) => lookup.parseResult(r, name, dst)]),
  ),
};

function parseOne(r: ActionReader): LogicalAction {
  const { lexer } = r;
  if (lexer.token.type === "template") lexer.fail("Unexpanded template.");
  if (lexer.token.type !== "id") lexer.syntaxError();
  const ahead = lexer.lookahead();
  if (ahead === "=" || ahead === "<->" || ahead === "[") return parseAssignment(r);
  const name = lexer.token.text;
  const nest = Object.hasOwn(NESTS, name);
  const statement = Object.hasOwn(STATEMENTS, name) ? STATEMENTS[name] : undefined;
  if (!nest && !statement && !PLAIN.has(name)) lexer.syntaxError("expecting action");
  lexer.advance();
  if (nest) return parseNest(r, name as NestName);
  return statement ? statement(r) : { type: "plain", name: name as PlainName };
}

function parseNext(r: ActionReader): LogicalAction {
  const { lexer } = r;
  const { context } = r;
  if (context.tables === 0) lexer.fail('"next" action not allowed here.');
  let { pipeline } = context;
  let table = r.nextTable;
  if (lexer.match("(")) {
    if (lexer.isInt()) table = lexer.forceInt();
    else
      do {
        if (lexer.matchId("pipeline")) {
          lexer.force("=");
          if (lexer.matchId("ingress")) pipeline = "ingress";
          else if (lexer.matchId("egress")) pipeline = "egress";
          else lexer.syntaxError('expecting "ingress" or "egress"');
        } else if (lexer.matchId("table")) {
          lexer.force("=");
          table = lexer.forceInt();
        } else lexer.syntaxError('expecting "pipeline" or "table"');
      } while (lexer.match(","));
    lexer.force(")");
  }
  if (table >= context.tables) lexer.fail(`"next" action cannot advance beyond table ${context.tables - 1}.`);
  return { type: "next", pipeline, table, from: { pipeline: context.pipeline, table: context.table } };
}

function stackField(r: ActionReader, write = false): FieldRef {
  r.lexer.force("(");
  const f = r.anyField();
  if (write) r.check(f, f.bits, true);
  r.lexer.force(")");
  return f;
}

function parseCtCommit(r: ActionReader): LogicalAction {
  if (r.lexer.token.type === "{") return { type: "ct_commit", actions: parseBraces(r, "ip", "ct_commit") };
  if (r.old && r.lexer.token.type === "(") return ct.parseOldCtCommit(r);
  r.require("ip");
  return { type: "ct_commit", actions: [] };
}

function parseNest(r: ActionReader, name: NestName): LogicalAction {
  const { needs, oldNeeds } = NESTS[name]!;
  return { type: "nest", name, actions: parseBraces(r, (r.old && oldNeeds) || needs, name === "clone" ? "default" : r.scope) };
}

/** `{ … }`. What nested actions need of the packet they make is nothing that this one must fulfil, but where it is a copy of it. */
function parseBraces(r: ActionReader, needs: string | undefined, scope: WriteScope): LogicalAction[] {
  r.lexer.force("{");
  if (r.depth + 1 === DEEPEST_NESTING) r.lexer.fail("maximum depth of nested actions reached");
  const inner = new ActionReader(r.lexer, r.context, scope, r.depth + 1);
  const actions = parseList(inner, "}");
  if (needs !== undefined) r.require(needs);
  else if (inner.prereqs) r.prereqs = r.prereqs ? combine("and", inner.prereqs, r.prereqs) : inner.prereqs;
  return actions;
}

function parseAssignment(r: ActionReader): LogicalAction {
  const { lexer } = r;
  const dst = r.anyField();
  if (lexer.match("<->")) return parseMove(r, dst, true);
  if (!lexer.match("=")) lexer.syntaxError("expecting `=' or `<->'");
  if (lexer.token.type !== "id") return parseLoad(r, dst);
  const { text } = lexer.token;
  const call = Object.hasOwn(FUNCTIONS, text) && lexer.lookahead() === "(" ? FUNCTIONS[text] : undefined;
  return call ? call(r, dst) : parseMove(r, dst, false);
}

function parseLoad(r: ActionReader, dst: FieldRef): LogicalAction {
  r.check(dst, dst.bits, true);
  const value = parseConstant(r.lexer, dst);
  if (dst.symbol.controllerField && typeof value !== "string") return { type: "controller load", dst, value };
  return { type: "load", dst, value };
}

function parseMove(r: ActionReader, dst: FieldRef, exchange: boolean): LogicalAction {
  const { lexer } = r;
  const src = r.anyField();
  const ls = dst.symbol;
  const rs = src.symbol;
  const kind = (width: number) => (width > 0 ? "integer" : "string");
  if (ls.width > 0 !== rs.width > 0)
    lexer.fail(
      exchange
        ? `Can't exchange ${kind(ls.width)} field (${ls.name}) with ${kind(rs.width)} field (${rs.name}).`
        : `Can't assign ${kind(rs.width)} field (${rs.name}) to ${kind(ls.width)} field (${ls.name}).`,
    );
  if (dst.bits !== src.bits)
    lexer.fail(
      exchange
        ? `Can't exchange ${dst.bits}-bit field with ${src.bits}-bit field.`
        : `Can't assign ${src.bits}-bit value to ${dst.bits}-bit destination.`,
    );
  if (dst.bits === 0 && ls.field!.bits !== rs.field!.bits)
    lexer.fail(`String fields ${ls.name} and ${rs.name} are incompatible for ${exchange ? "exchange" : "assignment"}.`);
  r.check(dst, dst.bits, true);
  r.check(src, src.bits, exchange);
  return exchange ? { type: "exchange", a: dst, b: src } : { type: "move", dst, src };
}
