/**
 * The hunt for differences: random scenarios, both sides asked, what differs made small. A seed repeats a case.
 */
import { Random } from "../random.js";
import { caseOf, caseText } from "./cases.js";
import { compare, loadScenario, NotAnswerable } from "./compare.js";
import { PrivateSwitch } from "./private-switch.js";
import { conversation, randomConnections } from "./random-connections.js";
import { packetsFor } from "./random-packets.js";
import { randomTables, TABLE_KINDS } from "./random-tables.js";
import { reduce } from "./reduce.js";
import type { Scenario } from "./scenario.js";
import { SwitchGone } from "./unixctl.js";

/** Packets of a table case, and at most of a connection case. */
const PACKETS = { tables: 30, connections: 20 };
export type Subject = keyof typeof PACKETS;

export interface Findings {
  readonly subject: Subject;
  readonly cases: number;
  readonly packets: number;
  /** Flows given, and of them refused by the switch. */
  readonly flows: number;
  readonly refused: number;
  /** Cases that the switch could not answer, with the reason; cases at which it ended. */
  readonly unanswered: readonly string[];
  /** Match fields and actions of the flows, by name, with how many flows have them. */
  readonly fields: ReadonlyMap<string, number>;
  readonly actions: ReadonlyMap<string, number>;
  /** Differences, each as a seed and a case ready to be kept. */
  readonly differences: readonly { readonly seed: number; readonly text: string }[];
}

/** Looks at `cases` scenarios from `seed` on. Stops at the third difference: shrinking takes its time. */
export async function hunt(subject: Subject, seed: number, cases: number): Promise<Findings> {
  const fields = new Map<string, number>();
  const actions = new Map<string, number>();
  const unanswered: string[] = [];
  const differences: { seed: number; text: string }[] = [];
  const count = { cases: 0, packets: 0, flows: 0, refused: 0 };
  let sw = await PrivateSwitch.start();
  try {
    for (let s = seed; s < seed + cases && differences.length < 3; s++) {
      try {
        const { scenario, refused, differs } = await look(sw, subject, new Random(s));
        count.cases++;
        count.packets += scenario.packets.length;
        count.flows += scenario.flows.length;
        count.refused += refused;
        note(scenario, fields, actions);
        if (differs) differences.push({ seed: s, text: await small(sw, scenario, s) });
      } catch (e) {
        if (!(e instanceof NotAnswerable || e instanceof SwitchGone)) throw e;
        unanswered.push(`seed ${s}: ${e.message}`);
        if (!sw.isAlive) {
          await sw.stop();
          sw = await PrivateSwitch.start();
        }
      }
    }
  } finally {
    await sw.stop();
  }
  return { subject, ...count, unanswered, fields, actions, differences };
}

async function look(sw: PrivateSwitch, subject: Subject, r: Random): Promise<{ scenario: Scenario; refused: number; differs: boolean }> {
  if (subject === "connections") {
    const pipeline = randomConnections(r);
    const { mirror, refused } = await loadScenario(sw, pipeline);
    const scenario = { ...pipeline, packets: conversation(r, mirror, pipeline, PACKETS.connections) };
    const { differs } = await compare(sw, mirror, scenario.ask, scenario.packets);
    return { scenario, refused: refused.length, differs: differs >= 0 };
  }
  const kind = r.pick(TABLE_KINDS);
  const tables = randomTables(r, kind);
  const { mirror, refused } = await loadScenario(sw, tables);
  const scenario = { ...tables, packets: packetsFor(r, mirror, kind === "state", PACKETS.tables) };
  const { differs } = await compare(sw, mirror, scenario.ask, scenario.packets);
  return { scenario, refused: refused.length, differs: differs >= 0 };
}

/** The smallest form, as a case with the switch's answers, ours as comments where they differ. */
async function small(sw: PrivateSwitch, scenario: Scenario, seed: number): Promise<string> {
  const least = await reduce(sw, scenario);
  const { mirror } = await loadScenario(sw, least);
  const { switched, mirrored, differs } = await compare(sw, mirror, least.ask, least.packets);
  const ours = differs < 0 ? ["(not seen again: the switch answered otherwise at first)"] : mirrored[differs];
  return caseText(caseOf([`Seed ${seed}, packet ${differs + 1}. Ours:`, ...ours].join("\n"), least, switched));
}

function note(s: Scenario, fields: Map<string, number>, actions: Map<string, number>): void {
  const add = (to: Map<string, number>, names: Iterable<string>) => {
    for (const n of new Set(names)) to.set(n, (to.get(n) ?? 0) + 1);
  };
  for (const f of s.flows) {
    add(
      fields,
      f.match.flatMap((m) => m.split(",")).map((m) => m.split("=")[0]),
    );
    add(actions, f.actions.flatMap(actionNames));
  }
  for (const g of s.groups) add(actions, [`group ${g.type}`, ...g.buckets.flatMap((b) => b.actions.flatMap(actionNames))]);
}

/** Names in an action's text: `ct(commit,nat(src))` is `ct`, `ct commit` and `ct nat`; `resubmit(,3,ct)` has a name of its own. */
function actionNames(text: string): string[] {
  const name = /^\w*/.exec(text)![0];
  if (name === "ct")
    return ["ct", ...[...text.matchAll(/\b(commit|force|nat\b(?:\((?:src|dst))?|exec|table)/g)].map((m) => `ct ${m[1].replace("(", " ")}`)];
  if (name === "resubmit") return [/,ct\)$/.test(text) ? "resubmit ct" : /^resubmit\(\d/.test(text) ? "resubmit as port" : "resubmit"];
  if (text.includes("(")) return [name];
  return text.split(/,(?=[a-z_]+[:(])/).map((t) => /^\w*/.exec(t)![0]);
}

/** The findings in a few lines. */
export function summary(f: Findings): string {
  const listed = (m: ReadonlyMap<string, number>) =>
    [...m]
      .sort()
      .map(([n, c]) => `${n} ${c}`)
      .join(", ");
  return [
    `${f.subject}: ${f.cases} cases, ${f.packets} packets, ${f.flows} flows (${f.refused} refused by the switch), ${f.unanswered.length} cases unanswered, ${f.differences.length} differences`,
    `  match fields: ${listed(f.fields)}`,
    `  actions: ${listed(f.actions)}`,
    ...f.unanswered.map((u) => `  unanswered: ${u}`),
  ].join("\n");
}
