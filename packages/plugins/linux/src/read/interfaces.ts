/**
 * `ip link` and `ip addr`, with or without `-d`, `-s`, `-o`; text and JSON. Both print an interface's head, so both yield
 * interface facts; addresses come from `ip addr` alone.
 *
 * Not read: statistics, queueing disciplines, alternative names.
 */
import type { AddressFact, InterfaceFact, ReadContext } from "@plumbline/model";
import { contains, parseAddress, parsePrefix } from "../address.js";
import { tableName } from "../command.js";
import { jsonElements, list, num, obj, str } from "./json-array.js";

const HEAD = /^(\d+): ([^:@\s]+)(?:@([^:\s]+))?: <([^>]*)>\s*(.*)$/;
const ONELINE_ADDRESS = /^(\d+): ([^:@\s]+)(?:@\S+)?\s+(inet6? .*)$/;

/** Words that begin a detail line without naming the interface's kind. */
const NOT_A_KIND = /^(link\/|inet6?$|valid_lft|RX|TX|RX:|TX:|altname|alias|addrgenmode|promiscuity|prog\/|parentbus|\d|vf$|.*_slave$)/;

/** The value behind a word of a line, or "". */
function after(words: readonly string[], word: string): string {
  const at = words.indexOf(word);
  return at >= 0 ? (words[at + 1] ?? "") : "";
}

interface Pending {
  fact: InterfaceFact;
  /** `@NAME` of a veth whose peer is in the same namespace. */
  peerName: string;
  line: number;
  text: string;
}

export function readInterfacesText(text: string, ctx: ReadContext): void {
  const found: Pending[] = [];
  let at: Pending | null = null;
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    // `-o` prints one line an interface, with `\` where the line would break.
    for (const piece of lines[i].split(/\\\s*/)) {
      const words = piece.trim().split(/\s+/).filter(Boolean);
      if (words.length === 0) continue;
      const head = HEAD.exec(piece);
      if (head) {
        at = { ...headOf(head), line: i + 1, text: piece.trim() };
        found.push(at);
        continue;
      }
      const oneline = ONELINE_ADDRESS.exec(piece);
      if (oneline) {
        address(oneline[2], oneline[3].trim().split(/\s+/), i + 1, piece.trim(), ctx);
        continue;
      }
      if (words[0] === "valid_lft") continue;
      if (!at) {
        ctx.problem("warning", i + 1, `a line before the first interface: '${piece.trim()}'`);
        continue;
      }
      if (words[0].startsWith("link/")) link(at, words);
      else if (words[0] === "inet" || words[0] === "inet6") address(at.fact.name, words, i + 1, piece.trim(), ctx);
      else if (/^\s/.test(piece) && at.fact.type === "" && !NOT_A_KIND.test(words[0])) {
        at.fact.type = words[0];
        if (words[0] === "vrf") at.fact.vrfTable = tableName(after(words, "table"));
      } else if (!/^\s/.test(piece) && i > 0) ctx.problem("warning", i + 1, `not a line of ip: '${piece.trim()}'`);
    }
  }
  for (const p of found) {
    if (p.peerName !== "" && p.fact.type === "veth") p.fact.peerIndex = found.find((x) => x.fact.name === p.peerName)?.fact.ifindex ?? 0;
    ctx.fact("linux.interface", p.fact, p.line, p.text);
  }
}

/** The default group is not worth a word. */
function groupOf(group: string): { group?: string } {
  return group === "" || group === "default" || group === "0" ? {} : { group };
}

function headOf(head: RegExpExecArray): { fact: InterfaceFact; peerName: string } {
  const [, ifindex, name, at, flags, rest] = head;
  const words = rest.split(/\s+/);
  const peer = /^if(\d+)$/.exec(at ?? "");
  return {
    peerName: at !== undefined && !peer ? at : "",
    fact: {
      name,
      ifindex: Number(ifindex),
      mac: "",
      peerIndex: peer ? Number(peer[1]) : 0,
      linkNetns: "",
      up: flags.split(",").includes("UP"),
      mtu: Number(after(words, "mtu")) || 0,
      type: "",
      master: after(words, "master"),
      ...groupOf(after(words, "group")),
    },
  };
}

function link(at: Pending, words: readonly string[]): void {
  if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(words[1] ?? "")) at.fact.mac = words[1];
  at.fact.linkNetns = after(words, "link-netns");
  if (words[0] === "link/loopback") at.fact.type = "loopback";
  at.text += ` ${words.slice(0, 2).join(" ")}`;
}

function address(ifname: string, words: readonly string[], line: number, text: string, ctx: ReadContext): void {
  const family = words[0] === "inet6" ? 6 : 4;
  // `inet A peer B/LEN`: a point-to-point address; the prefix is the peer's.
  const peer = after(words, "peer");
  const own = words[1] ?? "";
  const [addr, ownLen] = own.split("/");
  const len = peer !== "" ? BITS_OF[family] : ownLen === undefined ? BITS_OF[family] : Number(ownLen);
  if (!/^[0-9a-f.:]+$/i.test(addr) || Number.isNaN(len)) {
    ctx.problem("warning", line, `not an address: '${own}'`);
    return;
  }
  const fact: AddressFact = {
    ifname,
    address: addr,
    prefixLen: len,
    family,
    scope: after(words, "scope"),
    // Of IPv6 the word stands for a temporary address (RFC 8981).
    secondary: family === 4 && words.includes("secondary"),
    ...((words.includes("tentative") || words.includes("dadfailed")) && !words.includes("optimistic") ? { tentative: true } : {}),
    ...(words.includes("deprecated") ? { deprecated: true } : {}),
  };
  ctx.fact("linux.address", fact, line, text);
}
const BITS_OF = { 4: 32, 6: 128 } as const;

export function readInterfacesJson(text: string, ctx: ReadContext): void {
  for (const e of jsonElements(text)) {
    const v = e.value;
    const name = str(v["ifname"]);
    if (name === "") {
      ctx.problem("warning", e.line, "an element without an interface name (ifname)");
      continue;
    }
    const mac = str(v["address"]);
    const loopback = v["link_type"] === "loopback";
    const kind = str(obj(v["linkinfo"])["info_kind"]);
    // With `link_netnsid` or `link_netns` the index counts in another namespace; `link` names a device of this one.
    ctx.fact(
      "linux.interface",
      {
        name,
        ifindex: num(v["ifindex"]),
        mac: /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) ? mac : "",
        peerIndex: num(v["link_index"]),
        linkNetns: str(v["link_netns"]),
        up: list(v["flags"]).includes("UP"),
        mtu: num(v["mtu"]),
        type: loopback ? "loopback" : kind,
        master: str(v["master"]),
        ...groupOf(str(v["group"])),
        ...(kind === "vrf" ? { vrfTable: tableName(str(obj(obj(v["linkinfo"])["info_data"])["table"])) } : {}),
      },
      e.line,
      e.text,
    );
    for (const a of list(v["addr_info"]).map(obj)) {
      const local = str(a["local"]);
      if (local === "") continue;
      ctx.fact(
        "linux.address",
        {
          ifname: name,
          address: local,
          prefixLen: a["address"] !== undefined ? (a["family"] === "inet6" ? 128 : 32) : num(a["prefixlen"]),
          family: a["family"] === "inet6" ? 6 : 4,
          scope: str(a["scope"]),
          secondary: a["secondary"] === true && a["family"] !== "inet6",
          ...((a["tentative"] === true || a["dadfailed"] === true) && a["optimistic"] !== true ? { tentative: true } : {}),
          ...(a["deprecated"] === true ? { deprecated: true } : {}),
        },
        e.line,
        JSON.stringify(a),
      );
    }
  }
}

/** `ip -br addr`: name, state, addresses; what is secondary follows from their order, the scope from the address. */
export function readBriefAddresses(text: string, ctx: ReadContext): void {
  text.split("\n").forEach((raw, i) => {
    const words = raw.trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) return;
    if (words.length < 2 || !/^[A-Z]+$/.test(words[1])) {
      ctx.problem("warning", i + 1, `not a line of ip -br addr: '${raw.trim()}'`);
      return;
    }
    const ifname = words[0].replace(/@.*$/, "");
    const networks: string[] = [];
    for (let w = 2; w < words.length; w++) {
      const [own, len] = words[w].split("/");
      const address = parseAddress(own);
      if (!address) {
        ctx.problem("warning", i + 1, `not an address: '${words[w]}'`);
        continue;
      }
      const peer = words[w + 1] === "peer";
      if (peer) w += 2;
      const { family } = address;
      const prefixLen = peer || len === undefined ? BITS_OF[family] : Number(len);
      // A network's first address is the primary one (inet_insert_ifa).
      const network = parsePrefix(`${own}/${prefixLen}`);
      const secondary = family === 4 && networks.some((n) => n.endsWith(`/${prefixLen}`) && contains(parsePrefix(n)!, network!));
      networks.push(`${own}/${prefixLen}`);
      const scope = /^127\.|^::1$/.test(own) ? "host" : /^fe80:/i.test(own) ? "link" : "global";
      ctx.fact("linux.address", { ifname, address: own, prefixLen, family, scope, secondary }, i + 1, raw.trim());
    }
  });
}
