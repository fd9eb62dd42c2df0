/**
 * A rule set written as text, with what makes packets meet its rules read from the rules' own words.
 */
import { ipv4Number, ipv6Number, set } from "@plumbline/model";
import { address, type Draw, type Hint, setAddress, setProtocol, within } from "../draw.js";
import { sportOf } from "../pieces-iptables.js";
import type { DrawnSet } from "../random-iptables.js";
import { readRuleSet, type Tool } from "../rule-set.js";

const isAddress = (text: string) => ipv4Number(text.split("/")[0]) !== null || ipv6Number(text.split("/")[0]) !== null;

/** The rule set of that text; `style` is for the coverage table. */
export function fromText(d: Draw, style: string, tool: Tool, text: string): DrawnSet {
  const set = readRuleSet(tool, d.version, text);
  return { style, set, rules: set.rules.map((l) => ({ hints: hintsOf(d, l.text), kinds: kindsOf(l.text) })) };
}

/** Words of a rule that name a match or a target. */
function kindsOf(text: string): string[] {
  const out = [...text.matchAll(/ -m (\S+)| -j (\S+)|(?: |^)(masquerade|notrack|vmap|map|fib|numgen|dnat|snat|reject|accept|drop)\b/g)].map(
    (m) => m[1] ?? m[2] ?? m[3],
  );
  return [...new Set(out.map((k) => (/^[A-Z]+$|^[a-z\d]+$/.test(k) ? k : "CHAIN")))];
}

function hintsOf(d: Draw, text: string): Hint[] {
  const out: Hint[] = [];
  // Not what is asked for in the negative.
  const word = (pattern: string) => new RegExp(`(?<!! )(?<!!= )(?:^|\\s)(?:${pattern})\\s+(?!!)"?([^\\s",]+)`).exec(text)?.[1];
  const proto = word("-p|meta l4proto|ip protocol") ?? /(?:^|\s)(tcp|udp|sctp) [sd]port/.exec(text)?.[1];
  if (proto === "tcp" || proto === "udp" || proto === "icmp" || proto === "sctp") out.push((p) => setProtocol(d, p.row, proto, sportOf(p)));
  const port = /dports? (?:\{ ?)?(\d+)/.exec(text)?.[1];
  if (port) out.push((p) => set(p.row, "tp_dst", Number(port)));
  const src = word("-s|saddr");
  if (src && isAddress(src)) out.push((p) => setAddress(p.row, "src", within(d, src)));
  const dst = word("-d|daddr");
  if (dst && isAddress(dst)) out.push((p) => setAddress(p.row, "dst", within(d, dst)));
  // Elements of maps: one of the addresses with its port.
  const keys = [...text.matchAll(/([\da-f.:]+\.[\da-f.:]+) \. (tcp|udp) \. (\d+) :/g)];
  if (keys.length > 0) {
    const [, a, l4, n] = d.random.pick(keys);
    out.push((p) => {
      setProtocol(d, p.row, l4 as "tcp" | "udp", sportOf(p));
      set(p.row, "tp_dst", Number(n));
      setAddress(p.row, "dst", a);
    });
  }
  const iface = d.interfaces.indexOf(word("-i|iifname") ?? "");
  if (iface >= 0) out.push((p) => void (p.in = p.in === null ? null : d.interfaces[iface]));
  const out_ = d.interfaces.indexOf(word("-o|oifname") ?? "");
  if (out_ >= 0) out.push((p) => setAddress(p.row, "dst", address(d, d.random.pick(["near", "far"]), out_)));
  if (/--dst-type LOCAL|fib daddr type local/.test(text)) out.push((p) => setAddress(p.row, "dst", address(d, "own")));
  return out;
}
