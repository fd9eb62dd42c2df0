/** Parsers of actions that ovn-controller carries out, or that are about ports, queues, meters, logs and samples. */

import type { FieldRef } from "../expr/fields.js";
import type { Lexer } from "../expr/lex.js";
import { parseConstantSet } from "../expr/parse.js";
import { type Endpoint, type L4, type LogicalAction, type OptionValue, SEVERITY, type Severity, VERDICTS } from "./ast.js";
import { type ActionReader, endpoint } from "./context.js";
import { DHCPV4_OPTIONS, DHCPV6_OPTIONS, EVENTS, ND_RA_OPTIONS, type OptionTable } from "./options.js";

type Of<T extends LogicalAction["type"]> = Extract<LogicalAction, { type: T }>;

function parseOption(r: ActionReader, table: OptionTable, what: string): OptionValue {
  const lexer: Lexer = r.lexer;
  if (lexer.token.type !== "id") lexer.syntaxError();
  const name = lexer.token.text;
  const option = table.get(name);
  if (!option) lexer.syntaxError(`expecting ${what} option name`);
  lexer.advance();
  lexer.force("=");
  const value = parseConstantSet(lexer);
  const wanted = option.kind === "str" || option.kind === "domain" || option.kind === "domains" ? "string" : "integer";
  if (option.kind !== "host_id" && value.kind !== wanted)
    lexer.fail(`${what} option ${name} requires ${wanted === "string" ? "string" : "numeric"} value.`);
  return { name, code: option.code, kind: option.kind, value };
}

function parsePutOpts(r: ActionReader, name: Of<"put_opts">["name"], dst: FieldRef, table: OptionTable, what: string): Of<"put_opts"> {
  r.skipCall();
  r.checkBit(dst);
  const options: OptionValue[] = [];
  while (!r.lexer.match(")")) {
    options.push(parseOption(r, table, what));
    r.lexer.match(",");
  }
  return { type: "put_opts", name, dst, options };
}

export function parsePutDhcpOpts(r: ActionReader, dst: FieldRef): LogicalAction {
  const a = parsePutOpts(r, "put_dhcp_opts", dst, r.context.dhcpOptions ?? DHCPV4_OPTIONS, "DHCPv4");
  if (!a.options.some((o) => o.name === "offerip")) r.lexer.fail("put_dhcp_opts requires offerip to be specified.");
  return a;
}
export function parsePutDhcpv6Opts(r: ActionReader, dst: FieldRef): LogicalAction {
  return parsePutOpts(r, "put_dhcpv6_opts", dst, r.context.dhcpv6Options ?? DHCPV6_OPTIONS, "DHCPv6");
}

/** Whether an option of a router advertisement has a value that makes sense. */
function raOptionOk({ name, value }: OptionValue): boolean {
  const string = value.kind === "string" ? value.values[0] : undefined;
  const integer = value.kind === "integer" ? value.values[0] : undefined;
  switch (name) {
    case "addr_mode":
      return string === "slaac" || string === "dhcpv6_stateful" || string === "dhcpv6_stateless";
    case "router_preference":
      return string === "MEDIUM" || string === "HIGH" || string === "LOW";
    case "slla":
      return integer?.format === "ethernet";
    case "prefix":
      return integer?.format === "ipv6" && integer.mask !== undefined;
    case "mtu":
      return integer?.format === "decimal";
    case "rdnss":
      return integer?.format === "ipv6" && integer.mask === undefined;
    default:
      return true;
  }
}

export function parsePutNdRaOpts(r: ActionReader, dst: FieldRef): LogicalAction {
  const lexer: Lexer = r.lexer;
  const a = parsePutOpts(r, "put_nd_ra_opts", dst, ND_RA_OPTIONS, "IPv6 ND RA");
  for (const o of a.options) if (o.value.values.length !== 1 || !raOptionOk(o)) lexer.fail(`Invalid value for "${o.name}" option`);
  const has = (name: string) => a.options.some((o) => o.name === name);
  const stateful = a.options.some((o) => o.name === "addr_mode" && o.value.values[0] === "dhcpv6_stateful");
  if (!has("slla")) lexer.fail("slla option not present");
  if (!stateful && !has("prefix")) lexer.fail("prefix option needs to be set when address mode is slaac/dhcpv6_stateless.");
  r.require("ip6");
  return a;
}

export function parseDhcpRelay(r: ActionReader, name: Of<"dhcp_relay">["name"], dst: FieldRef): LogicalAction {
  const lexer: Lexer = r.lexer;
  r.skipCall();
  r.checkBit(dst);
  const ipv4 = () => {
    const a = r.address();
    if (a?.family !== 4) lexer.syntaxError("expecting IPv4 dhcp relay and server ips");
    lexer.advance();
    return a.value;
  };
  const relay = ipv4();
  lexer.force(",");
  const server = ipv4();
  lexer.force(")");
  return { type: "dhcp_relay", name, dst, relay, server };
}

const LARGEST_QUEUE = 0xf000;

export function parseSetQueue(r: ActionReader): LogicalAction {
  const lexer: Lexer = r.lexer;
  lexer.force("(");
  if (!lexer.isInt()) lexer.syntaxError("expecting `;'");
  const queue = lexer.forceInt();
  lexer.force(")");
  if (queue > LARGEST_QUEUE) lexer.fail(`Queue ID ${queue} for set_queue is not in valid range 0 to ${LARGEST_QUEUE}.`);
  return { type: "set_queue", queue };
}

export function parseSetMeter(r: ActionReader): LogicalAction {
  const lexer: Lexer = r.lexer;
  const number = () => {
    const { type, format, value } = lexer.token;
    lexer.advance();
    return type === "integer" && format === "decimal" ? value : 0n;
  };
  lexer.force("(");
  const rate = number();
  const burst = lexer.match(",") ? number() : 0n;
  lexer.force(")");
  if (rate === 0n) lexer.fail("Rate 0 for set_meter is not in valid.");
  return { type: "set_meter", rate, burst };
}

const LONGEST_LOG_NAME = 64;

export function parseLog(r: ActionReader): LogicalAction {
  const lexer: Lexer = r.lexer;
  let name: string | undefined;
  let meter: string | undefined;
  let severity: Severity = "info";
  let verdict: Of<"log">["verdict"] | undefined;
  if (lexer.match("("))
    while (!lexer.match(")")) {
      if (lexer.matchId("verdict")) {
        lexer.force("=");
        verdict = VERDICTS.find((v) => lexer.matchId(v));
        if (!verdict) lexer.syntaxError("unknown verdict");
      } else if (lexer.matchId("name")) {
        lexer.force("=");
        if (lexer.token.type === "string" && new TextEncoder().encode(lexer.token.text).length >= LONGEST_LOG_NAME)
          lexer.syntaxError("name must be shorter than 64 characters");
        name = r.string("expecting string");
      } else if (lexer.matchId("severity")) {
        lexer.force("=");
        if (lexer.token.type !== "id") lexer.syntaxError("expecting severity");
        const found = (Object.keys(SEVERITY) as Severity[]).find((s) => lexer.matchId(s));
        if (!found) lexer.syntaxError("unknown severity");
        severity = found;
      } else if (lexer.matchId("meter")) {
        lexer.force("=");
        meter = r.string("expecting string");
      } else lexer.syntaxError();
      lexer.match(",");
    }
  if (!verdict) lexer.syntaxError("expecting verdict");
  return { type: "log", name, verdict, severity, meter };
}

export function parseTriggerEvent(r: ActionReader): LogicalAction {
  const lexer: Lexer = r.lexer;
  lexer.force("(");
  if (!lexer.matchId("event")) lexer.syntaxError("Expecting 'event' option");
  lexer.force("=");
  if (lexer.token.type !== "string" || lexer.token.text.length >= LONGEST_LOG_NAME) lexer.syntaxError("Expecting string");
  const event = lexer.token.text;
  const table = EVENTS.get(event);
  if (!table) lexer.syntaxError("Unknown event '-1'");
  lexer.advance();
  lexer.match(",");
  const options: OptionValue[] = [];
  let meter: string | undefined;
  while (!lexer.match(")")) {
    if (lexer.matchId("meter")) {
      lexer.force("=");
      meter = r.string("expecting string") || meter;
    } else options.push(parseOption(r, table, event));
    lexer.match(",");
  }
  for (const o of options) checkEventOption(lexer, o);
  return { type: "trigger_event", event, meter, options };
}

function checkEventOption(lexer: Lexer, o: OptionValue): void {
  const text = o.value.values[0];
  if (o.value.values.length !== 1 || typeof text !== "string") lexer.fail(`Invalid value for "${o.name}" option`);
  switch (o.name) {
    case "vip":
      if (!endpoint(text)) lexer.fail(`Invalid load balancer VIP '${text}'`);
      break;
    case "protocol":
      if (text !== "tcp" && text !== "udp" && text !== "sctp")
        lexer.fail(`Load balancer protocol '${text}' is not 'tcp', 'udp', or 'sctp'`);
      break;
    case "load_balancer":
      if (!/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(text)) lexer.fail(`Load balancer '${text}' is not a UUID`);
      break;
  }
}

export function parseBindVport(r: ActionReader): LogicalAction {
  const lexer: Lexer = r.lexer;
  lexer.force("(");
  const vport = r.string("expecting port name string");
  lexer.force(",");
  const parent = r.field(0);
  lexer.force(")");
  return { type: "bind_vport", vport, parent };
}

export function parseHandleSvcCheck(r: ActionReader): LogicalAction {
  r.lexer.force("(");
  const port = r.field(0);
  r.lexer.force(")");
  return { type: "handle_svc_check", port };
}

export function parseFwdGroup(r: ActionReader): LogicalAction {
  const lexer: Lexer = r.lexer;
  let liveness = false;
  const ports: string[] = [];
  if (lexer.match("(")) {
    if (lexer.matchId("liveness")) {
      lexer.force("=");
      liveness = r.matchWord("true");
      if (!liveness && !r.matchWord("false")) lexer.syntaxError("expecting true or false");
      lexer.force(",");
    }
    if (lexer.matchId("childports")) {
      lexer.force("=");
      while (!lexer.match(")")) {
        ports.push(r.string("expecting logical switch port"));
        lexer.match(",");
      }
    }
  }
  return { type: "fwd_group", liveness, ports, table: r.nextTable };
}

function parseProtocol(r: ActionReader): L4 {
  for (const p of ["tcp", "udp", "sctp"] as const) if (r.lexer.matchId(p)) return p;
  return r.lexer.syntaxError("invalid protocol");
}

export function parseCommitEcmpNh(r: ActionReader): LogicalAction {
  const lexer: Lexer = r.lexer;
  lexer.force("(");
  if (!lexer.matchId("ipv6")) lexer.syntaxError("invalid parameter");
  lexer.force("=");
  const ipv6 = r.matchWord("true");
  if (!ipv6 && !r.matchWord("false")) lexer.syntaxError("expecting true or false");
  lexer.force(",");
  if (!lexer.matchId("proto")) lexer.syntaxError("invalid parameter");
  lexer.force("=");
  const proto = parseProtocol(r);
  lexer.force(")");
  return { type: "commit_ecmp_nh", ipv6, proto };
}

export function parseCommitLbAff(r: ActionReader): LogicalAction {
  const lexer: Lexer = r.lexer;
  const named = (name: string): Endpoint => {
    if (!lexer.matchId(name)) lexer.syntaxError("invalid parameter");
    lexer.force("=");
    const found = lexer.token.type === "string" ? endpoint(lexer.token.text) : undefined;
    if (!found) lexer.syntaxError("invalid parameter");
    lexer.advance();
    return found;
  };
  lexer.force("(");
  const vip = named("vip");
  lexer.force(",");
  const backend = named("backend");
  if (backend.address.family !== vip.address.family) lexer.syntaxError("invalid protocol family");
  lexer.force(",");
  let proto: L4 | undefined;
  if (vip.port > 0) {
    if (!lexer.matchId("proto")) lexer.syntaxError("invalid parameter");
    lexer.force("=");
    proto = parseProtocol(r);
    lexer.force(",");
  }
  if (!lexer.matchId("timeout")) lexer.syntaxError("invalid parameter");
  lexer.force("=");
  const timeout = r.uint16("affinity timeout");
  lexer.force(")");
  return { type: "commit_lb_aff", vip, backend, proto, timeout };
}

export function parseSample(r: ActionReader): LogicalAction {
  const lexer: Lexer = r.lexer;
  let probability = 0;
  let collectorSet = 0;
  let domain = 0;
  let point: Of<"sample">["point"] = 0;
  const isDecimal = () => lexer.token.type === "integer" && lexer.token.format === "decimal";
  const open = lexer.match("(");
  while (open && !lexer.match(")")) {
    if (lexer.matchId("probability")) {
      lexer.force("=");
      // Anything else is met again as an argument of its own.
      if (isDecimal()) probability = r.uint16("probability");
    } else if (lexer.matchId("collector_set")) {
      lexer.force("=");
      if (lexer.token.type === "integer") collectorSet = Number(lexer.token.value & 0xffffffffn);
      lexer.advance();
    } else if (lexer.matchId("obs_domain")) {
      lexer.force("=");
      if (lexer.token.type === "integer") domain = Number(lexer.token.value & 0xffffffffn);
      lexer.advance();
      if (domain > 0xff) lexer.syntaxError("obs_domain must be 8-bit long");
    } else if (lexer.matchId("obs_point")) {
      lexer.force("=");
      if (lexer.token.type === "macro" && lexer.token.text === "cookie") {
        lexer.advance();
        point = "$cookie";
      } else if (isDecimal()) point = r.uint32("obs_point");
      else if (r.old) lexer.syntaxError("malformed sample observation_point_id");
      else point = r.field(32);
    } else lexer.syntaxError("unknown argument");
    lexer.match(",");
  }
  if (probability === 0) lexer.fail("probability must be greater than zero");
  return { type: "sample", probability, collectorSet, domain, point };
}

export function parseMirror(r: ActionReader): LogicalAction {
  r.lexer.force("(");
  const port = r.string("expecting port name string");
  r.lexer.force(")");
  return { type: "mirror", port };
}
