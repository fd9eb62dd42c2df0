/**
 * What `ip route get` of the running kernel said, as data.
 */
import type { RouteAnswer } from "@plumbline/plugin-linux";
import type { Namespace } from "../kernel/namespace.js";

/** One look-up's answer. */
export interface KernelRoute {
  /** "" or the kernel's complaint: "Network is unreachable". */
  readonly error: string;
  readonly type: string;
  readonly via: string;
  readonly dev: string;
  /** Source as printed; "" where none is (of forwarded packets, where one was given). */
  readonly src: string;
  /** "" for main, or where no route decided. */
  readonly table: string;
}

const TYPES = new Set(["unicast", "local", "broadcast", "multicast", "anycast", "blackhole", "unreachable", "prohibit"]);
const NOTHING: KernelRoute = { error: "", type: "unicast", via: "", dev: "", src: "", table: "" };

/** Reads a line of `ip route get`. */
export function readRouteGet(line: string): KernelRoute {
  const words = line.trim().split(/\s+/);
  const out: { -readonly [K in keyof KernelRoute]: KernelRoute[K] } = { ...NOTHING };
  if (TYPES.has(words[0])) out.type = words.shift()!;
  for (let i = 1; i < words.length; i++) {
    switch (words[i]) {
      case "via":
        out.via = words[i + 1] === "inet6" || words[i + 1] === "inet" ? words[i + 2] : words[i + 1];
        break;
      case "dev":
      case "src":
      case "table":
        out[words[i] as "dev"] = words[i + 1];
        break;
    }
  }
  return out;
}

/** Asks the kernel of a namespace; one answer a question, in order. */
export async function askKernel(ns: Namespace, version: 4 | 6, questions: readonly string[]): Promise<KernelRoute[]> {
  const { out, err } = await ns.run(["ip", `-${version}`, "-force", "-batch", "-"], questions.map((q) => `route get ${q}\n`).join(""));
  const failed = new Map<number, string>();
  // What fails says so, with its line; what is answered is printed, without.
  for (const m of err.matchAll(/(?:^|\n)(?:RTNETLINK answers: |Error: )?([^\n]*)\nCommand failed -:(\d+)/g))
    failed.set(Number(m[2]) - 1, m[1]);
  const good = out.split(/\n(?=\S)/).filter((l) => l.trim() !== "");
  let n = 0;
  return questions.map((q, i) => {
    const error = failed.get(i);
    if (error !== undefined) return { ...NOTHING, type: "", error };
    const line = good[n++];
    if (line === undefined) throw new Error(`no answer to '${q}': ${err.slice(0, 300)}`);
    return readRouteGet(line);
  });
}

/** What of our answer is not the kernel's; empty if it is (of a multipath route: for one of its next hops). */
export function routeDifferences(kernel: KernelRoute, ours: RouteAnswer): string[] {
  const out: string[] = [];
  const say = (what: string, a: string, b: string) =>
    void (a !== b && out.push(`${what}: kernel ${a || "nothing"} | ours ${b || "nothing"}`));
  // The hop that the kernel took of several is the one whose check failed.
  if (ours.error === "" && kernel.error !== "" && ours.nexthops.some((h) => h.error === kernel.error)) return out;
  if (kernel.error !== "" || ours.error !== "") {
    say(
      "error",
      kernel.error,
      ours.error ||
        (ours.type === "unknown" ? `unknown: ${ours.why}` : `a route by ${ours.nexthops.map((h) => `${h.via} ${h.dev}`).join(", ")}`),
    );
    return out;
  }
  say("type", kernel.type, ours.type === "unknown" ? `unknown: ${ours.why}` : ours.type);
  if (out.length > 0) return out;
  const hop = ours.nexthops.find((h) => h.dev === kernel.dev && h.via === kernel.via && h.error === undefined);
  if (!hop) say("next hop", `${kernel.via} ${kernel.dev}`, ours.nexthops.map((h) => `${h.via} ${h.dev}`).join(", "));
  // IPv6 chooses the source by one next hop of several and the way by another.
  else if (!ours.dst.includes(":") || !ours.nexthops.some((h) => h.src === kernel.src)) say("src", kernel.src, hop.src);
  // Of an IPv6 route the table is told or not, from one look-up to the next.
  if (kernel.table !== "" || !ours.dst.includes(":")) say("table", kernel.table, ours.table === "main" ? "" : ours.table);
  return out;
}
