/**
 * Plain conjunctions among OVN's matches: `ct.new && ip4.dst == 192.0.2.1 && tcp && tcp.dst == 80`.
 *
 * Only these are taken apart here, and of them only what asks for the packet's headers; conditions on connection state,
 * flags, registers and ports are left out of what is asked, because a packet that is not run through the pipeline has none.
 */

/** What a plain conjunction asks of the headers. */
export interface HeaderTerms {
  /** `ip4.dst == A`. */
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly protocol: string | undefined;
}

/** Fields whose conditions are not asked: they are the pipeline's own. */
const PIPELINE =
  /^!?(ct|ct_mark|ct_label|ct_state|flags|reg\d+|xreg\d+|xxreg\d+|inport|outport|is_chassis_resident|flood|igmp_\w+|rtr|eth|ip\.ttl|pkt)\b/;

/** The header conditions of a match, or null if it is no plain conjunction of equalities. */
export function conjunctionOf(match: string): HeaderTerms | null {
  const terms = partsOf(match);
  if (!terms) return null;
  let address: string | undefined;
  let port: number | undefined;
  let protocol: string | undefined;
  for (const term of terms) {
    const dst = /^ip4\.dst == (\d+\.\d+\.\d+\.\d+)$/.exec(term)?.[1];
    const l4 = /^(tcp|udp|sctp)(?:\.dst == (\d+))?$/.exec(term);
    if (dst !== undefined) {
      if (address !== undefined && address !== dst) return null;
      address = dst;
    } else if (l4) {
      if (protocol !== undefined && protocol !== l4[1]) return null;
      protocol = l4[1];
      if (l4[2] !== undefined) port = Number(l4[2]);
    } else if (!/^(ip|ip4|1)$/.test(term) && !PIPELINE.test(term)) return null;
  }
  return { address, port, protocol };
}

/** The terms of a conjunction, its parentheses removed; null if something else than `&&` joins them. */
function partsOf(match: string): string[] | null {
  const text = unwrapped(match.trim());
  const terms: string[] = [];
  let depth = 0;
  let from = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') quoted = !quoted;
    if (quoted) continue;
    if (c === "(" || c === "{") depth++;
    else if (c === ")" || c === "}") depth--;
    else if (depth === 0 && text.startsWith("||", i)) return null;
    else if (depth === 0 && text.startsWith("&&", i)) {
      terms.push(text.slice(from, i));
      from = i + 2;
      i++;
    }
  }
  terms.push(text.slice(from));
  const out: string[] = [];
  for (const t of terms.map((x) => x.trim())) {
    const inner = unwrapped(t);
    if (inner === t) {
      out.push(t);
      continue;
    }
    const more = partsOf(inner);
    if (!more) return null;
    out.push(...more);
  }
  return out;
}

/** Without parentheses around the whole. */
function unwrapped(text: string): string {
  if (!text.startsWith("(") || !text.endsWith(")")) return text;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "(") depth++;
    if (text[i] === ")" && --depth === 0 && i < text.length - 1) return text;
  }
  return unwrapped(text.slice(1, -1).trim());
}
