/**
 * `ipset save` and `ipset list`: the members of the sets that `-m set` asks for.
 *
 * Both name a set's type ("hash:ip,port") and family; save has `create` and `add` lines, list a block a set with
 * `Members:`. Elements are values joined by commas, then options; `nomatch` makes an exception of an element.
 * Source: ipset(8).
 */

import { macNumber } from "@plumbline/model";
import type { IpSet, Value } from "../ast.js";
import type { Complain } from "./iptables.js";
import { exact, interfaceName, network, number, portRange, protocol, range } from "./values.js";

const PARTS: Readonly<Record<string, IpSet["parts"][number]>> = {
  ip: "address",
  net: "address",
  port: "port",
  mac: "mac",
  mark: "mark",
  iface: "interface",
};

type Building = { -readonly [K in keyof IpSet]: IpSet[K] };

export function parseIpsets(text: string, complain: Complain): { set: IpSet; line: number; text: string }[] {
  const out: { set: Building; line: number; text: string }[] = [];
  const byName = new Map<string, Building>();
  let current: Building | null = null;
  let members = false;
  const begin = (name: string, type: string, line: number, raw: string): Building => {
    const parts = type.split(":")[1]?.split(",") ?? [];
    const set: Building = {
      name,
      type,
      family: 4,
      parts: parts.map((p) => PARTS[p] ?? "address"),
      elements: [],
      members: [],
      timeout: false,
    };
    byName.set(name, set);
    out.push({ set, line, text: raw });
    return set;
  };
  text.split("\n").forEach((raw, i) => {
    const line = i + 1;
    const trimmed = raw.trim();
    if (trimmed === "" || trimmed.startsWith("#")) return;
    const create = /^create (\S+) (\S+)(.*)$/.exec(trimmed);
    if (create) {
      const set = begin(create[1], create[2], line, raw);
      if (/\bfamily inet6\b/.test(create[3])) set.family = 6;
      set.timeout = /\btimeout [1-9]/.test(create[3]);
      return;
    }
    const add = /^add (\S+) (.+)$/.exec(trimmed);
    if (add) {
      const set = byName.get(add[1]);
      if (!set) complain("warning", line, `an element of the set '${add[1]}', which was not created before`);
      else element(set, add[2], line, complain);
      return;
    }
    const field = /^(Name|Type|Header|Members|Revision|Size in memory|References|Number of entries|Comment):\s*(.*)$/.exec(trimmed);
    if (field && (field[1] === "Name" || current)) {
      members = field[1] === "Members";
      if (field[1] === "Name") current = begin(field[2], "", line, raw);
      else if (current && field[1] === "Type") {
        current.type = field[2];
        current.parts = (field[2].split(":")[1]?.split(",") ?? []).map((p) => PARTS[p] ?? "address");
      } else if (current && field[1] === "Header") {
        if (/\bfamily inet6\b/.test(field[2])) current.family = 6;
        current.timeout = /\btimeout [1-9]/.test(field[2]);
      }
      return;
    }
    if (current && members) element(current, trimmed, line, complain);
    else complain("warning", line, `not a line of ipset save or list: ${trimmed}`);
  });
  return out;
}

function element(set: Building, text: string, line: number, complain: Complain): void {
  const [value, ...options] = text.split(/\s+/);
  if (set.type === "list:set") {
    set.members.push(value);
    return;
  }
  const texts = value.split(",");
  const values = set.parts.map((part, i) => partValue(part, texts[i] ?? ""));
  if (texts.length !== set.parts.length || values.some((v) => v === null)) {
    complain(
      "warning",
      line,
      `an element of ${set.type} that is not understood: ${value}`,
      `What is asked of the set ${set.name} becomes unknown.`,
    );
    set.type = "";
    return;
  }
  set.elements.push({ values: values as IpSet["elements"][number]["values"][number][], nomatch: options.includes("nomatch") });
}

function partValue(part: IpSet["parts"][number], text: string): Value | { proto: number; port: Value } | null {
  switch (part) {
    case "address":
      return network(text)?.value ?? null;
    case "mac": {
      const m = macNumber(text);
      return m === null ? null : exact(m);
    }
    case "mark": {
      const n = number(text);
      return n === null ? null : exact(n);
    }
    case "interface":
      return text.startsWith("physdev:") ? null : interfaceName(text, "+");
    case "port": {
      const [proto, ports] = text.includes(":") ? text.split(":") : ["tcp", text];
      const p = protocol(proto);
      const r = portRange(ports, "-");
      return p === null || r === null ? null : { proto: p, port: range(r.lo, r.hi) };
    }
  }
}
