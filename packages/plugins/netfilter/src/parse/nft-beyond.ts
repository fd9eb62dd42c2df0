/**
 * nft's matches on what no dump of the rules and no header that is followed tells: clocks, sockets, options, contents.
 *
 * Each is read as far as its end and becomes `outside`, of which both ways are followed. What packets that are followed never have
 * (extension headers, IPsec) is answered.
 */
import type { Statement } from "../ast.js";
import type { Cursor } from "./nft-lex.js";
import { braced } from "./nft-sets.js";

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** Keys by the word before them. */
const KEYS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    "meta",
    words(
      "time hour day skuid skgid cgroup cpu random iifgroup oifgroup iiftype oiftype iifkind oifkind sdif sdifname rtclassid priority nftrace ibrname obrname",
    ),
  ],
  ["ct", words("helper expiration bytes packets avgpkt id label timeout event")],
  ["ip", words("version hdrlength id checksum frag-off option length")],
  ["ip6", words("version priority length")],
  ["tcp", words("sequence ackseq doff reserved window checksum urgptr option")],
  ["udp", words("length checksum")],
  ["udplite", words("csumcov checksum")],
  ["sctp", words("vtag checksum chunk")],
  ["dccp", words("type option")],
  ["icmp", words("sequence mtu gateway checksum")],
  ["icmpv6", words("sequence mtu parameter-problem checksum taddr daddr max-delay")],
  ["esp", words("spi sequence")],
  ["ah", words("nexthdr hdrlength reserved spi sequence")],
  ["comp", words("nexthdr flags cpi")],
  ["socket", words("transparent mark wildcard cgroupv2")],
]);
/** `meta` may be left out before these. */
const BARE = words("skuid skgid iifgroup oifgroup cpu cgroup iiftype oiftype rtclassid");
const EXTENSIONS = words("exthdr hbh dst frag mh srh");
const OPTION_FIELDS = words("kind length size count left right tsval tsecr type ptr value addr");

/** A match of that kind at the cursor; null, and the cursor where it was, if there is none. */
export function beyondThePacket(c: Cursor): Statement[] | null {
  const start = c.position;
  const word = c.peek();
  const key = c.peek(1);
  if (word === "meta" && key === "secpath") {
    take(c, 2);
    return [...(c.take("missing", "exists", "0", "1") === "missing" ? [] : [NEVER])];
  }
  if (EXTENSIONS.has(word)) {
    take(c, 2);
    return comparison(c) === "missing" ? [] : [NEVER];
  }
  if (!keyWords(c, word, key)) {
    c.seek(start);
    return null;
  }
  if (c.peek() === "set") {
    if (word !== "tcp" || key !== "option") {
      c.seek(start);
      return null;
    }
    take(c, 1);
    take(c, c.peek() === "rt" ? 2 : 1);
    return [{ s: "note", text: c.between(start, c.position) }];
  }
  const presence = comparison(c);
  const of = BARE.has(word) ? word : key;
  const local = of === "skuid" || of === "skgid" || of === "cgroup";
  const how = c.between(start, c.position);
  const clock = of === "time" || of === "hour" || of === "day";
  return [{ s: "outside", how, usual: clock || local || presence === "missing" || / != | ! /.test(how), ...(local && { local }) }];
}

const NEVER: Statement = { s: "match", selectors: ["meta l4proto"], not: false, set: { tuples: [] } };

function take(c: Cursor, n: number): void {
  for (let i = 0; i < n; i++) c.next();
}

/** Takes the words that name what is compared. */
function keyWords(c: Cursor, word: string, key: string): boolean {
  if (BARE.has(word)) {
    take(c, 1);
    return true;
  }
  if (/^@(ll|nh|th|ih)$/.test(word)) {
    // @th,16,16
    take(c, 5);
    return true;
  }
  if (word === "rt") {
    take(c, key === "ip" || key === "ip6" ? 3 : 2);
    return true;
  }
  if (word === "ipsec") {
    take(c, 2);
    if (c.take("spnum")) take(c, 1);
    take(c, c.peek() === "ip" || c.peek() === "ip6" ? 2 : 1);
    return true;
  }
  if (word === "osf") {
    take(c, 1);
    if (c.take("ttl")) take(c, 1);
    take(c, 1);
    return true;
  }
  if (word === "ct" && (key === "original" || key === "reply") && (KEYS.get("ct")?.has(c.peek(2)) ?? false)) {
    take(c, 3);
    return true;
  }
  if (!KEYS.get(word)?.has(key)) return false;
  take(c, 2);
  if (key === "option" || key === "chunk") {
    take(c, 1);
    if (OPTION_FIELDS.has(c.peek())) take(c, 1);
  } else if (key === "cgroupv2" && c.take("level")) take(c, 1);
  return true;
}

/** Takes a comparison with all its values; "missing" or "exists" if it is that. */
function comparison(c: Cursor): "missing" | "exists" | null {
  const presence = c.take("missing", "exists");
  if (presence) return presence as "missing" | "exists";
  if (c.take("&", "and")) take(c, 1);
  c.take("==", "!=", "<", "<=", ">", ">=", "!");
  if (c.peek() === "{") {
    braced(c);
    return null;
  }
  if (c.take("vmap", "map")) {
    if (c.peek() === "{") braced(c);
    else take(c, 1);
    return null;
  }
  take(c, 1);
  while (c.take("-", ",", ".")) take(c, 1);
  return null;
}
