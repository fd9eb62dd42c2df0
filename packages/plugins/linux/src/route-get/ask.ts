/** Reads a question: a line as `ip route get` takes it. */
import { newRow, PlumblineError, type Row, set, setBits } from "@plumbline/model";
import { type Address, BITS, parseAddress } from "../address.js";
import type { HostEvidence, Interface } from "../lower/evidence.js";
import { protocolNumber } from "../lower/policy-rows.js";
import { interfaceOf } from "../lower/stack.js";
import { dsfield } from "../read/dsfield.js";
import { ASKED, type RouteDevice } from "./device.js";
import type { RouteSelectors } from "./model.js";

/** A question that was understood. */
export interface Asked {
  /** As given. */
  readonly dst: string;
  readonly destination: Address;
  readonly selectors: RouteSelectors;
  readonly source: Address | null;
  readonly iif: Interface | null;
  readonly oif: Interface | null;
  readonly row: Row;
}

const UDP = 17;

const bad = (line: string, why: string) =>
  new PlumblineError("USAGE", [
    `destination '${line}': ${why}`,
    "Write it as for ip route get: ADDRESS [from ADDRESS] [iif IF] [oif IF] [mark N] [uid N] [tos N] [ipproto P] [sport N] [dport N].",
  ]);

export function ask(line: string, defaults: RouteSelectors, evidence: HostEvidence, device: RouteDevice): Asked {
  const words = line.trim().split(/\s+/).filter(Boolean);
  const [dst, selectors] = select(line, words, defaults);
  const destination = address(line, dst);
  const source = selectors.from === undefined ? null : address(line, selectors.from);
  if (source && source.family !== destination.family) throw bad(line, "source and destination are of different families");
  const named = (name: string | undefined, what: string) => {
    if (name === undefined) return null;
    const i = interfaceOf(evidence, name);
    if (!i) throw bad(line, `there is no interface '${name}' (${what}): neither addresses nor routes name it`);
    return i;
  };
  const iif = named(selectors.iif, "iif");
  const oif = iif ? null : named(selectors.oif, "oif");
  if (oif && !device.bindable.includes(oif))
    throw bad(line, `the routes are too many to be looked up by every interface; give the one you want with --oif ${oif.name}`);

  const row = newRow();
  const v4 = destination.family === 4;
  set(row, "eth_type", v4 ? 0x0800 : 0x86dd);
  set(row, v4 ? "ip_dst" : "ipv6_dst", destination.value);
  if (source) set(row, v4 ? "ip_src" : "ipv6_src", source.value);
  set(row, "nw_tos", selectors.tos ?? 0);
  set(row, "ip_ttl", 64);
  // The kernel makes up an IPv4 packet of UDP where nothing is said (inet_rtm_getroute()).
  const proto = selectors.ipproto === undefined ? (v4 ? UDP : 0) : protocolNumber(selectors.ipproto);
  if (proto === null) throw bad(line, `'${selectors.ipproto}' is not an IP protocol`);
  set(row, "ip_proto", proto);
  set(row, "tp_src", selectors.sport ?? 0);
  set(row, "tp_dst", selectors.dport ?? 0);
  setBits(row, ASKED.mark, BigInt(selectors.mark ?? 0));
  // Of IPv6 packets that came in nobody is the owner.
  setBits(row, ASKED.uid, BigInt(selectors.uid ?? (iif && !v4 ? 0xffffffff : 0)));
  setBits(row, ASKED.iif, BigInt(iif?.number ?? 0));
  setBits(row, ASKED.oif, BigInt(oif?.number ?? 0));
  return { dst, destination, selectors, source, iif, oif, row };
}

function address(line: string, text: string): Address {
  const [alone, len] = text.split("/");
  const a = parseAddress(alone);
  if (!a || (len !== undefined && Number(len) !== BITS[a.family])) throw bad(line, `'${text}' is not an address`);
  return a;
}

type Mutable = { -readonly [K in keyof RouteSelectors]: RouteSelectors[K] };

function select(line: string, words: readonly string[], defaults: RouteSelectors): [dst: string, selectors: RouteSelectors] {
  const s: Mutable = { ...defaults };
  let dst = "";
  for (let i = 0; i < words.length; i++) {
    const w = words[i];
    const value = () => {
      const v = words[++i];
      if (v === undefined) throw bad(line, `nothing stands behind '${w}'`);
      return v;
    };
    const number = (max: number) => {
      const v = value();
      const n = Number(v);
      if (!Number.isInteger(n) || n < 0 || n > max) throw bad(line, `'${v}' is not a number that fits ${w}`);
      return n;
    };
    switch (w) {
      case "to":
        dst = value();
        break;
      case "from":
        s.from = value();
        break;
      case "iif":
        s.iif = value();
        break;
      case "oif":
      case "dev":
      case "vrf":
        s.oif = value();
        break;
      case "mark":
        s.mark = number(0xffffffff);
        break;
      case "uid":
        s.uid = number(0xffffffff);
        break;
      case "tos":
      case "dsfield": {
        const v = value();
        const n = dsfield(v);
        if (n === null) throw bad(line, `'${v}' is not a type of service`);
        s.tos = n;
        break;
      }
      case "ipproto":
        s.ipproto = value();
        break;
      case "sport":
        s.sport = number(0xffff);
        break;
      case "dport":
        s.dport = number(0xffff);
        break;
      default:
        if (dst !== "") throw bad(line, `'${w}' is not understood`);
        dst = w;
    }
  }
  if (dst === "") throw bad(line, "there is no destination");
  return [dst, s];
}
