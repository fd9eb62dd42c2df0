/** Whether the plugin reads the same out of the text and the JSON of one output, and whether it reads the policies as bgpd applies them. */
import type { Fact } from "@plumbline/model";
import frr from "@plumbline/plugin-frr";
import { readInline } from "@plumbline/plugin-sdk";
import type { Outputs } from "./ask.js";

export interface Comparison {
  readonly pairs: number;
  readonly facts: number;
  /** What differs, with the output. */
  readonly differences: readonly string[];
}

/** Problems that only say that FRR had no answer. */
const NO_ANSWER = /^(vtysh gave no answer|the list was not given)/;

function read(command: string, text: string): { facts: string[]; problems: string[] } {
  const name = `router/vtysh_${command.replace(/[ /]/g, "_")}`;
  const r = readInline(frr, name, text, { host: "router", command: `vtysh ${command}` });
  const kept = r.facts.filter((f: Fact) => f.kind !== "host.address-claim").map((f) => `${f.kind} ${JSON.stringify(sorted(f.data))}`);
  return {
    facts: kept.sort(),
    problems: r.problems.map((p) => `${p.line} ${p.message}`).filter((p) => !NO_ANSWER.test(p.replace(/^\d+ /, ""))),
  };
}

/** A fact without what the two forms need not have alike. */
function comparable(command: string, fact: string, text: string): string {
  // A session that is not up tries one thing after the other, and the two forms are asked one after the other.
  let f = fact.replace(/"state":"(Connect|OpenSent|OpenConfirm|Active|Idle)"/, '"state":"down"');
  // Of what is sent, releases print another next hop in text than in JSON; what goes out is set when it does.
  if (/ advertised-routes$/.test(command)) f = f.replace(/"nexthop":"[^"]*",/, "");
  // FRR 10's text has the attributes before the outgoing policy, its JSON those behind it.
  if (/ advertised-routes$/.test(command) && /u unsorted/.test(text)) f = f.replace(/"(asPath":"[^"]*"|localPref":\d+),/g, "");
  // The JSON of a whole table in detail does not tell to whom prefixes are advertised.
  if (/ detail$/.test(command)) f = f.replace(/"advertisedTo":(null|\[[^\]]*\]),?/, "");
  return f;
}

function sorted(x: unknown): unknown {
  if (Array.isArray(x)) return x.map(sorted);
  if (typeof x !== "object" || x === null) return x;
  return Object.fromEntries(
    Object.entries(x)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}

export function compareForms(out: Outputs): Comparison {
  const differences: string[] = [];
  let pairs = 0;
  let facts = 0;
  for (const command of Object.keys(out.shows)) {
    if (command.endsWith(" json")) continue;
    const text = read(command, out.shows[command]);
    facts += text.facts.length;
    for (const p of text.problems) differences.push(`${out.router}: ${command}: problem: ${p}\n${out.shows[command]}`);
    const json = out.shows[`${command} json`];
    if (json === undefined) continue;
    pairs++;
    const other = read(`${command} json`, json);
    for (const p of other.problems) differences.push(`${out.router}: ${command} json: problem: ${p}`);
    for (const list of [text, other]) list.facts = list.facts.map((f) => comparable(command, f, out.shows[command]));
    const onlyText = text.facts.filter((f) => !other.facts.includes(f));
    const onlyJson = other.facts.filter((f) => !text.facts.includes(f));
    // An output that this release does not have in one form is no difference.
    if (/Unknown command/.test(out.shows[command]) || /Unknown command/.test(json)) continue;
    if (onlyText.length + onlyJson.length > 0)
      differences.push(
        [`${out.router}: ${command}`, ...onlyText.map((f) => `  text ${f}`), ...onlyJson.map((f) => `  json ${f}`)].join("\n"),
      );
  }
  return { pairs, facts, differences };
}
