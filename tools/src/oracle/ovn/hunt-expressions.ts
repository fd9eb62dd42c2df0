/** The hunt for expressions that we and the real OVN understand differently; what differs is made small. A seed repeats it. */
import { Random } from "../random.js";
import { shrinkList } from "../shrink.js";
import { type ExpressionCase, ours, TABLES, theirs } from "./expressions.js";
import { randomExpression, randomMicroflow } from "./random-expressions.js";

/** Packets that meet each expression. */
const PACKETS = 20;
/** Datapaths of one database: `ovn-trace` reads it at its start. */
const DATAPATHS = 50;
/** Differences made small in one hunt: each step asks a new `ovn-trace`. */
const SHRUNK = 3;

export interface ExpressionFindings {
  readonly expressions: number;
  /** Of them refused by OVN. */
  readonly refused: number;
  readonly evaluations: number;
  /** Evaluations that held. */
  readonly held: number;
  readonly differences: readonly string[];
}

export async function huntExpressions(seed: number, expressions: number): Promise<ExpressionFindings> {
  const r = new Random(seed);
  const count = { expressions: 0, refused: 0, evaluations: 0, held: 0 };
  const differences: string[] = [];
  while (count.expressions < expressions && differences.length < SHRUNK) {
    const cases = Array.from({ length: Math.min(DATAPATHS, Math.ceil((expressions - count.expressions) / TABLES)) }, () => randomCase(r));
    const answers = await theirs(cases);
    for (const [i, c] of cases.entries()) {
      const mine = ours(c).answers;
      for (const [table, answer] of answers[i].answers.entries()) {
        count.expressions++;
        if (typeof answer === "string") count.refused++;
        else {
          count.evaluations += answer.length;
          count.held += answer.filter((h) => h).length;
        }
        if (differences.length < SHRUNK && JSON.stringify(mine[table]) !== JSON.stringify(answer))
          differences.push(await small({ expressions: [c.expressions[table]], packets: c.packets }, seed));
      }
    }
  }
  return { ...count, differences };
}

function randomCase(r: Random): ExpressionCase {
  return {
    expressions: Array.from({ length: TABLES }, () => randomExpression(r)),
    packets: Array.from({ length: PACKETS }, () => randomMicroflow(r)),
  };
}

async function differs(c: ExpressionCase): Promise<boolean> {
  try {
    const [answers] = await theirs([c]);
    return JSON.stringify(answers) !== JSON.stringify(ours(c));
  } catch {
    // Packets that are none without what was dropped.
    return false;
  }
}

/** One expression with as little of it and of its packets as still differs, ready to be kept. */
async function small(failing: ExpressionCase, seed: number): Promise<string> {
  let packets = failing.packets;
  const fails = (text: string, p: ExpressionCase["packets"]) => differs({ expressions: [text], packets: p });
  let [text] = failing.expressions;
  packets = await shrinkList(packets, (p) => (p.length === 0 ? Promise.resolve(false) : fails(text, p)));
  const tokens = text.split(/(\s+)/);
  text = (await shrinkList(tokens, (t) => fails(t.join(""), packets))).join("");
  const [inport, ...rest] = packets[0] ?? [];
  if (packets.length === 1) packets = [[inport, ...(await shrinkList(rest, (p) => fails(text, [[inport, ...p]])))]];
  const [answers] = await theirs([{ expressions: [text], packets }]);
  const mine = JSON.stringify(ours({ expressions: [text], packets }).answers[0]);
  return caseText({ expression: text, packets, answer: answers.answers[0] }, `Seed ${seed}. Ours: ${mine}`);
}

/** A kept case: an expression, packets, and what OVN said. */
export interface KeptExpression {
  readonly expression: string;
  readonly packets: readonly (readonly string[])[];
  readonly answer: string | readonly boolean[];
}

function caseText(c: KeptExpression, note: string): string {
  const answer = typeof c.answer === "string" ? `error ${c.answer}` : c.answer.map((h) => (h ? "holds" : "does not")).join(", ");
  return [`# ${note}`, `expression: ${c.expression}`, ...c.packets.map((p) => `packet: ${p.join(" && ")}`), `answer: ${answer}`, ""].join(
    "\n",
  );
}

export function readExpressionCase(text: string): KeptExpression {
  const lines = text.split("\n");
  const of = (key: string) => lines.filter((l) => l.startsWith(`${key}: `)).map((l) => l.slice(key.length + 2));
  const [answer] = of("answer");
  return {
    expression: of("expression")[0],
    packets: of("packet").map((p) => p.split(" && ")),
    answer: answer.startsWith("error ") ? answer.slice(6) : answer.split(", ").map((w) => w === "holds"),
  };
}

export function expressionSummary(f: ExpressionFindings): string {
  return `${f.expressions} expressions (${f.refused} refused by OVN), ${f.evaluations} evaluations (${f.held} held), ${f.differences.length} differences`;
}
