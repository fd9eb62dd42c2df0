/**
 * Random routes and look-ups through `ip route get` and through us; what differs is shrunk.
 */
import { Interpreter, type Layer, type LayerQuestion } from "@plumbline/model";
import { openRoutes, type RouteAnswer } from "@plumbline/plugin-linux";
import { Namespace } from "../kernel/namespace.js";
import { Random } from "../random.js";
import { shrinkList } from "../shrink.js";
import { askKernel, type KernelRoute, routeDifferences } from "./kernel-answer.js";
import { type RouteNet, randomQuestions, randomRoutes } from "./random-routes.js";

/** What the host's commands print: the evidence. */
export type RouteDumps = Readonly<Record<string, string>>;

const DUMPS: Readonly<Record<string, readonly string[]>> = {
  ip_route_show_table_all: ["ip", "route", "show", "table", "all"],
  "ip_-6_route_show_table_all": ["ip", "-6", "route", "show", "table", "all"],
  ip_rule: ["ip", "rule"],
  "ip_-6_rule": ["ip", "-6", "rule"],
  ip_addr: ["ip", "addr"],
  ip_nexthop: ["ip", "nexthop"],
  sysctl: [
    "sysctl",
    "-a",
    "-r",
    "\\.(forwarding|ip_forward|rp_filter|accept_local|route_localnet|ignore_routes_with_linkdown|fib_multipath_hash_policy)$",
  ],
};
const JSON_FORMS = new Set(["ip_route_show_table_all", "ip_-6_route_show_table_all", "ip_rule", "ip_-6_rule", "ip_addr"]);

/** Dumps the present host, in the text or the JSON form of `ip`. */
export async function routeDumps(ns: Namespace, form: "text" | "json"): Promise<RouteDumps> {
  const out: Record<string, string> = {};
  for (const [name, [tool, ...args]] of Object.entries(DUMPS))
    out[name] = (await ns.run(form === "json" && JSON_FORMS.has(name) ? [tool, "-j", ...args] : [tool, ...args])).out;
  return out;
}

/** Asks us. */
export class RouteMirror {
  private readonly layer: Layer<RouteAnswer>;
  private readonly machine: Interpreter;
  constructor(dumps: RouteDumps) {
    const file = (name: string, family?: 4 | 6) => ({ file: name, text: dumps[name] ?? "", ...(family ? { family } : {}) });
    this.layer = openRoutes({
      routes: [file("ip_route_show_table_all", 4), file("ip_-6_route_show_table_all", 6)],
      rules: [file("ip_rule", 4), file("ip_-6_rule", 6)],
      addresses: [file("ip_addr")],
      nexthops: [file("ip_nexthop")],
      sysctl: [file("sysctl")],
    });
    this.machine = new Interpreter(this.layer.network);
  }

  get problems() {
    return this.layer.problems;
  }

  ask(line: string): RouteAnswer {
    const question: LayerQuestion = this.layer.ask(line);
    const { row, device, port, options } = question.run;
    return this.layer.answer(question, this.machine.run(row, device, port, options));
  }
}

interface RouteDifference {
  readonly seed: number;
  readonly differences: readonly string[];
  /** As a case file. */
  readonly text: string;
}

export interface RouteHunt {
  readonly seed: number;
  readonly lookups: number;
  readonly nets: number;
  /** Ends after so many nets with a difference. */
  readonly most?: number;
  told?(d: RouteDifference): void;
}

export interface RouteFound {
  readonly seed: number;
  nets: number;
  lookups: number;
  differing: number;
  /** By type of route or error: how often the kernel said so. */
  readonly said: Map<string, number>;
  readonly differences: RouteDifference[];
  seconds: number;
}

export async function huntRoutes(h: RouteHunt): Promise<RouteFound> {
  const began = performance.now();
  const found: RouteFound = { seed: h.seed, nets: 0, lookups: 0, differing: 0, said: new Map(), differences: [], seconds: 0 };
  const ns = Namespace.open();
  try {
    for (let n = 0; n < h.nets && found.differences.length < (h.most ?? Number.POSITIVE_INFINITY); n++) {
      const d = await oneNet(ns, h.seed + n, Math.ceil(h.lookups / h.nets), found);
      if (!d) continue;
      found.differences.push(d);
      h.told?.(d);
    }
  } finally {
    await ns.close();
  }
  found.seconds = (performance.now() - began) / 1000;
  return found;
}

/** Sets a host up; lines that `ip` refuses are none. */
export async function setUp(ns: Namespace, net: RouteNet): Promise<void> {
  await ns.fresh(net.spec);
  // A rule's line need not tell its family (`rule add iif e0`), and `ip -4` ends at the first IPv6 address.
  const isRule = (l: string) => l.startsWith("rule ");
  const batch = (lines: readonly string[]) => lines.map((l) => `${l}\n`).join("");
  await ns.run(["ip", "-force", "-batch", "-"], batch(net.lines.filter((l) => !isRule(l))));
  await ns.run(["ip", `-${net.version}`, "-force", "-batch", "-"], batch(net.lines.filter(isRule)));
  // The kernel enters the local routes of IPv6 addresses a little later (addrconf_dad_work()).
  const local = async () =>
    (await ns.run(["sh", "-c", "ip -6 -o addr show up | wc -l; ip -6 route show table local type local | wc -l"])).out.trim().split("\n");
  for (let tries = 0; tries < 10; tries++) {
    const [addresses, routes] = await local();
    if (Number(routes) >= Number(addresses)) break;
    await ns.run(["sleep", "0.02"]);
  }
}

async function oneNet(ns: Namespace, seed: number, count: number, found: RouteFound): Promise<RouteDifference | null> {
  const r = new Random(seed);
  const net = randomRoutes(r);
  const questions = randomQuestions(r, net, count);
  const form = r.chance(0.3) ? ("json" as const) : ("text" as const);
  await setUp(ns, net);
  const kernel = await askKernel(ns, net.version, questions);
  const mirror = new RouteMirror(await routeDumps(ns, form));
  found.nets++;
  found.lookups += questions.length;
  const differing = questions.filter((q, i) => {
    const said = kernel[i].error || kernel[i].type;
    found.said.set(said, (found.said.get(said) ?? 0) + 1);
    return differs(mirror, q, kernel[i]).length > 0;
  });
  if (differing.length === 0) return null;
  // The kernel is not always done with what it was told when the dumps are taken: what differs is asked and dumped again.
  await ns.run(["sleep", "0.3"]);
  const again = await askKernel(ns, net.version, differing);
  const later = new RouteMirror(await routeDumps(ns, form));
  const still = differing.filter((q, i) => differs(later, q, again[i]).length > 0);
  const d = still.length === 0 ? null : await shrunk(ns, seed, net, form, still[0]);
  if (d) found.differing += still.length;
  return d;
}

function differs(mirror: RouteMirror, question: string, kernel: KernelRoute): string[] {
  try {
    return routeDifferences(kernel, mirror.ask(question));
  } catch (e) {
    return [`ours refuses '${question}': ${e instanceof Error ? e.message : String(e)}`];
  }
}

async function shrunk(
  ns: Namespace,
  seed: number,
  net: RouteNet,
  form: "text" | "json",
  question: string,
): Promise<RouteDifference | null> {
  let told: readonly string[] = [];
  let last = { kernel: null as KernelRoute | null, dumps: {} as RouteDumps };
  const still = async (lines: readonly string[]) => {
    await setUp(ns, { ...net, lines });
    const [kernel] = await askKernel(ns, net.version, [question]);
    const dumps = await routeDumps(ns, form);
    const d = differs(new RouteMirror(dumps), question, kernel);
    if (d.length > 0) {
      told = d;
      last = { kernel, dumps };
    }
    return d.length > 0;
  };
  // What was seen once and does not come again was the kernel at work on what it had been told.
  if (!(await still(net.lines))) return null;
  const lines = await shrinkList(net.lines, still);
  await still(lines);
  const text = routeCaseText({ notes: told, net: { ...net, lines }, questions: [{ question, kernel: last.kernel! }], dumps: last.dumps });
  return { seed, differences: told, text };
}

export interface RouteCase {
  readonly notes: readonly string[];
  readonly net: RouteNet;
  readonly questions: readonly { readonly question: string; readonly kernel: KernelRoute }[];
  readonly dumps: RouteDumps;
}

/** A case as a file: sections begin with `== name`. */
function routeCaseText(c: RouteCase): string {
  const lines = [
    ...c.notes.map((n) => `# ${n}`),
    `== net IPv${c.net.version} ${c.net.spec.interfaces.map((i) => i.name).join(" ")}`,
    ...Object.entries(c.net.spec.sysctl).map(([k, v]) => `sysctl ${k}=${v}`),
    ...c.net.lines,
    "== questions",
    ...c.questions.flatMap((q) => [q.question, `  ${JSON.stringify(q.kernel)}`]),
  ];
  for (const [file, text] of Object.entries(c.dumps)) if (text.trim() !== "") lines.push(`== dump ${file}`, text.trimEnd());
  return `${lines.join("\n")}\n`;
}

export function readRouteCase(text: string): RouteCase {
  const [head, ...parts] = text.split(/^== /m);
  const notes = head.split("\n").flatMap((l) => (l.startsWith("# ") ? [l.slice(2)] : []));
  const dumps: Record<string, string> = {};
  let net: RouteNet = { spec: { interfaces: [], sysctl: {}, batch: [] }, lines: [], version: 4 };
  const questions: { question: string; kernel: KernelRoute }[] = [];
  for (const part of parts) {
    const [title, ...body] = part.split("\n");
    const [word, ...rest] = title.split(" ");
    const lines = body.filter((l) => l.trim() !== "");
    if (word === "dump") dumps[rest[0]] = `${body.join("\n").trimEnd()}\n`;
    else if (word === "net") {
      const set = lines.filter((l) => l.startsWith("sysctl ")).map((l) => l.slice(7).split("=") as [string, string]);
      const interfaces = rest.slice(1).map((name, i) => ({ name, mac: `02:00:00:00:00:${(i + 1).toString(16).padStart(2, "0")}` }));
      net = {
        spec: { interfaces, sysctl: Object.fromEntries(set), batch: [] },
        lines: lines.filter((l) => !l.startsWith("sysctl ")),
        version: rest[0] === "IPv6" ? 6 : 4,
      };
    } else for (let i = 0; i + 1 < lines.length; i += 2) questions.push({ question: lines[i], kernel: JSON.parse(lines[i + 1]) });
  }
  return { notes, net, questions, dumps };
}

export function routeSummary(f: RouteFound): string {
  const said = [...f.said].sort(([, a], [, b]) => b - a).map(([k, n]) => `${k} ${n}`);
  return `seed ${f.seed}: ${f.lookups} look-ups on ${f.nets} hosts in ${f.seconds.toFixed(1)} s; the kernel said: ${said.join(", ")}\n${f.differing} look-ups on ${f.differences.length} hosts differ`;
}
