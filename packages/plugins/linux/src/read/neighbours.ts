/**
 * `ip neigh`, `bridge fdb` and `ip nexthop`, text and JSON: what the kernel knows of who is next.
 */
import type { NexthopFact, ReadContext } from "@plumbline/model";
import { jsonElements, list, num, obj, str } from "./json-array.js";

const STATES = new Set(["REACHABLE", "STALE", "DELAY", "PROBE", "PERMANENT", "NOARP", "FAILED", "INCOMPLETE", "NONE"]);

/** Lines of `text` that are not empty, taken apart. */
function* rows(text: string): Generator<{ words: string[]; line: number; text: string }> {
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const t = lines[i].trim();
    if (t !== "") yield { words: t.split(/\s+/), line: i + 1, text: t };
  }
}

function after(words: readonly string[], word: string): string {
  const at = words.indexOf(word);
  return at >= 0 ? (words[at + 1] ?? "") : "";
}

export function readNeighboursText(text: string, ctx: ReadContext): void {
  for (const r of rows(text)) {
    const state = r.words.find((w) => STATES.has(w));
    if (!/^[0-9a-f.:]+$/i.test(r.words[0]) || after(r.words, "dev") === "" || state === undefined) {
      // Entries for proxy ARP have no state: `ADDRESS dev IF proxy`.
      if (!r.words.includes("proxy")) ctx.problem("warning", r.line, `not a neighbour: '${r.text}'`);
      continue;
    }
    ctx.fact("linux.neighbour", { dev: after(r.words, "dev"), address: r.words[0], mac: after(r.words, "lladdr"), state }, r.line, r.text);
  }
}

export function readNeighboursJson(text: string, ctx: ReadContext): void {
  for (const e of jsonElements(text)) {
    const v = e.value;
    const state = list(v["state"]).map(str)[0] ?? "";
    if (!STATES.has(state)) {
      if (v["proxy"] === undefined) ctx.problem("warning", e.line, `not a neighbour: '${e.text}'`);
      continue;
    }
    ctx.fact("linux.neighbour", { dev: str(v["dev"]), address: str(v["dst"]), mac: str(v["lladdr"]), state }, e.line, e.text);
  }
}

const FDB_STATES = ["permanent", "static", "extern_learn", "stale"];

export function readFdbText(text: string, ctx: ReadContext): void {
  for (const r of rows(text)) {
    if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(r.words[0]) || after(r.words, "dev") === "") {
      ctx.problem("warning", r.line, `not an entry of a forwarding table: '${r.text}'`);
      continue;
    }
    ctx.fact(
      "linux.bridge-fdb",
      {
        mac: r.words[0],
        dev: after(r.words, "dev"),
        master: after(r.words, "master"),
        vlan: Number(after(r.words, "vlan")) || 0,
        dst: after(r.words, "dst"),
        state: FDB_STATES.find((s) => r.words.includes(s)) ?? "",
      },
      r.line,
      r.text,
    );
  }
}

export function readFdbJson(text: string, ctx: ReadContext): void {
  for (const e of jsonElements(text)) {
    const v = e.value;
    ctx.fact(
      "linux.bridge-fdb",
      {
        mac: str(v["mac"]),
        dev: str(v["ifname"]),
        master: str(v["master"]),
        vlan: num(v["vlan"]),
        dst: str(v["dst"]),
        state: str(v["state"]) || (list(v["flags"]).includes("extern_learn") ? "extern_learn" : ""),
      },
      e.line,
      e.text,
    );
  }
}

export function readNexthopsText(text: string, ctx: ReadContext): void {
  for (const r of rows(text)) {
    const id = Number(after(r.words, "id"));
    if (r.words[0] !== "id" || !Number.isInteger(id) || id <= 0) {
      ctx.problem("warning", r.line, `not a next hop object: '${r.text}'`);
      continue;
    }
    const dev = after(r.words, "dev");
    const viaAt = r.words.indexOf("via");
    const via = viaAt < 0 ? "" : /^inet6?$/.test(r.words[viaAt + 1] ?? "") ? r.words[viaAt + 2] : r.words[viaAt + 1];
    const hop: NexthopFact | null =
      dev === "" && via === "" ? null : { via: via ?? "", dev, weight: 1, onlink: r.words.includes("onlink") };
    // `group 12/17,3`: members, each with its weight if that is not 1.
    const group = after(r.words, "group")
      .split("/")
      .filter(Boolean)
      .map((m) => ({ id: Number(m.split(",")[0]), weight: Number(m.split(",")[1] ?? 1) }));
    ctx.fact("linux.nexthop", { id, hop, group, blackhole: r.words.includes("blackhole") }, r.line, r.text);
  }
}

export function readNexthopsJson(text: string, ctx: ReadContext): void {
  for (const e of jsonElements(text)) {
    const v = e.value;
    const dev = str(v["dev"]);
    const via = str(v["gateway"]) || str(obj(v["via"])["host"]);
    ctx.fact(
      "linux.nexthop",
      {
        id: num(v["id"]),
        hop: dev === "" && via === "" ? null : { via, dev, weight: 1, onlink: list(v["flags"]).includes("onlink") },
        group: list(v["group"]).map((m) => ({ id: num(obj(m)["id"]), weight: num(obj(m)["weight"]) || 1 })),
        blackhole: "blackhole" in v,
      },
      e.line,
      e.text,
    );
  }
}
