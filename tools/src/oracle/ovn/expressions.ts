/**
 * Expressions held against the real `ovn-trace`: logical datapaths whose tables each have one expression, packets sent through
 * them, and what is compared: the complaint if OVN has one, else which tables' expressions held.
 */
import type { Match, Row } from "@plumbline/model";
import {
  addressSetConstants,
  annotate,
  compile,
  type Expr,
  expandTemplates,
  type FlowMatch,
  normalize,
  OvnSyntaxError,
  ovnSymbols,
  parseExpression,
  parseMicroflow,
  resolveConditions,
  simplify,
  symbolRelease,
  TooManyFlows,
  toMatches,
} from "@plumbline/plugin-ovn/expr";
import { ADDRESS_SETS, PORT_GROUPS, PORTS } from "./expression-parts.js";
import { type Operation, ovnRelease, PrivateSouthbound } from "./private-southbound.js";

/** Of one expression: looking through more of them is slow and shows nothing new. */
const MOST_FLOWS = 1000;
/** Expressions of a datapath, one a table. */
export const TABLES = 20;

/** Expressions, and packets (parts of a microflow) that meet each of them. */
export interface ExpressionCase {
  readonly expressions: readonly string[];
  readonly packets: readonly (readonly string[])[];
}
/** For each expression the complaint, or for each packet whether it holds. */
export interface ExpressionAnswers {
  /** By expression. */
  readonly answers: readonly (string | readonly boolean[])[];
}

/** What the release that is asked has. */
const release = symbolRelease(await ovnRelease());
const CONTEXT = {
  symbols: ovnSymbols(release),
  addressSets: new Map(Object.entries(ADDRESS_SETS).map(([name, elements]) => [name, addressSetConstants(elements)])),
  portGroups: new Map(Object.entries(PORT_GROUPS)),
};
const NO_TEMPLATES = new Map<string, string>();
const lookupPort = (name: string) => (name === "" ? 0 : PORTS[name]);

/** What we make of a case; throws if our own ways to evaluate disagree. */
export function ours(c: ExpressionCase): ExpressionAnswers {
  const rows = c.packets.map((p) => parseMicroflow(p.join(" && "), CONTEXT, lookupPort));
  return { answers: c.expressions.map((text) => answer(text, rows)) };
}

function answer(text: string, rows: readonly Row[]): string | boolean[] {
  try {
    const e = annotate(parseExpression(expandTemplates(text, NO_TEMPLATES, release), CONTEXT), CONTEXT.symbols);
    const direct = compile(e, { lookupPort });
    const flows = flowsOf(e);
    return rows.map((row) => {
      const holds = direct(row);
      if (flows && flows(row) !== holds) throw new Error(`${text}: its flows match otherwise than itself`);
      return holds;
    });
  } catch (err) {
    if (!(err instanceof OvnSyntaxError)) throw err;
    return err.message;
  }
}

/** Whether any flow of the expression matches, as a function of a packet; undefined if there are too many of them. */
function flowsOf(e: Expr): ((row: Row) => boolean) | undefined {
  let flows: FlowMatch[];
  try {
    flows = toMatches(
      normalize(
        resolveConditions(simplify(e), () => true),
        MOST_FLOWS,
      ),
      lookupPort,
      { whole: true },
    );
  } catch (err) {
    if (err instanceof TooManyFlows) return undefined;
    throw err;
  }
  if (flows.length > MOST_FLOWS) return undefined;
  const plain = flows.filter((f) => f.conj.length === 0 && f.conjId === 0);
  const parts = flows.filter((f) => f.conj.length > 0);
  const complete = flows.filter((f) => f.conjId > 0);
  return (row) => {
    if (plain.some((f) => matches(row, f.match))) return true;
    const found = parts.filter((f) => matches(row, f.match)).flatMap((f) => f.conj);
    return complete.some((f) => {
      const mine = found.filter((p) => p.id === f.conjId);
      return mine.length > 0 && new Set(mine.map((p) => p.clause)).size === mine[0].of;
    });
  };
}

function matches(row: Row, match: Match): boolean {
  return match.every((x) => (row[x.w] & x.m) >>> 0 === x.v);
}

/** What `ovn-trace` makes of cases, each of at most {@link TABLES} expressions. */
export async function theirs(cases: readonly ExpressionCase[]): Promise<ExpressionAnswers[]> {
  const sb = await PrivateSouthbound.start([setup(), ...cases.map(datapath)]);
  try {
    const out: ExpressionAnswers[] = [];
    for (const [i, c] of cases.entries()) {
      // Logical port names are unique in a database: each datapath has its own, and those that expressions speak of.
      const texts = await Promise.all(
        c.packets.map((p) => sb.trace(`dp${i + 1}`, p.map((part) => part.replace(/^inport == "/, `inport == "dp${i + 1}.`)).join(" && "))),
      );
      const hits = texts.map((t) => new Set([...t.matchAll(/^\s*(\d+)\. .*, priority 100, uuid/gm)].map((m) => Number(m[1]))));
      out.push({ answers: c.expressions.map((_, table) => hits.map((h) => h.has(table))) });
    }
    const complaints = sb.complaints();
    return out.map(({ answers }, i) => ({
      answers: answers.map((a, table) => complaint(complaints, here(i, cases[i].expressions[table]))?.replaceAll(`dp${i + 1}.`, "") ?? a),
    }));
  } finally {
    await sb.stop();
  }
}

/** Some releases name the text with its templates expanded. */
function complaint(complaints: ReadonlyMap<string, string>, text: string): string | undefined {
  return complaints.get(text) ?? complaints.get(expandTemplates(text, NO_TEMPLATES, release));
}

/** The expression with the names of the datapath's own ports. */
function here(index: number, text: string): string {
  return text.replaceAll(/"(p[123])"/g, `"dp${index + 1}.$1"`).replaceAll(/@(pg[12]|none)\b/g, `@dp${index + 1}.$1`);
}

function insert(table: string, row: Record<string, unknown>, name?: string): Operation {
  return { op: "insert", table, row, ...(name === undefined ? {} : { "uuid-name": name }) };
}

function setup(): Operation[] {
  const sets = Object.entries(ADDRESS_SETS).map(([name, v]) => insert("Address_Set", { name, addresses: ["set", v] }));
  return [insert("SB_Global", {}), ...sets];
}

function datapath(c: ExpressionCase, index: number): Operation[] {
  const key = index + 1;
  const dp = ["named-uuid", `d${key}`];
  const uuid = `00000000-0000-0000-0000-${key.toString(16).padStart(12, "0")}`;
  const named: Record<string, unknown> = {
    tunnel_key: key,
    external_ids: [
      "map",
      [
        ["name", `dp${key}`],
        ["logical-switch", uuid],
      ],
    ],
  };
  const out = [insert("Datapath_Binding", named, `d${key}`)];
  for (const [name, n] of Object.entries(PORTS))
    out.push(insert("Port_Binding", { logical_port: `dp${key}.${name}`, datapath: dp, tunnel_key: n }));
  for (const [name, ports] of Object.entries(PORT_GROUPS))
    out.push(insert("Port_Group", { name: `${key}_dp${key}.${name}`, ports: ["set", ports.map((p) => `dp${key}.${p}`)] }));
  // ovn-trace prints no flow that matches everything and only goes on; `igmp` does nothing there but is printed.
  for (const [table, text] of c.expressions.entries())
    for (const [priority, match, actions] of [
      [100, here(index, text), "igmp; next;"],
      [0, "1", "next;"],
    ])
      out.push(
        insert("Logical_Flow", {
          logical_datapath: dp,
          pipeline: "ingress",
          table_id: table,
          priority,
          match,
          actions,
          external_ids: ["map", [["stage-name", `t${table}`]]],
        }),
      );
  return out;
}
