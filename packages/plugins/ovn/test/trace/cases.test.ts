/** Recorded answers of the real ovn-trace, over the databases that it had. */
import { Interpreter, type Layer, PlumblineError } from "@plumbline/model";
import { describe, expect, test } from "vitest";
import { type OvnQuestion, type OvnTrace, openOvn } from "../../src/index.js";
import { sharedCases } from "../expr/shared.js";

interface State {
  readonly id: number;
  readonly sb: string;
}
interface Case {
  readonly id: string;
  readonly state: number;
  readonly argv: readonly string[];
  readonly stdout: string;
}
interface Question {
  readonly line: string;
  readonly form: "detailed" | "summary" | "minimal";
}

/** The options and the microflow of an ovn-trace command line; undefined for what is asked of another program. */
function questionOf(argv: readonly string[]): Question | undefined {
  const args = argv[0] === "ovs-appctl" ? argv.slice(argv.indexOf("trace") + 1) : argv.slice(1);
  const options: string[] = [];
  const rest: string[] = [];
  let form: Question["form"] = "detailed";
  for (let i = 0; i < args.length; i++) {
    const m = /^(--(?:ct|lb-dst))(?:=(.*))?$/.exec(args[i]!);
    if (m) options.push(`${m[1]} ${m[2] ?? args[++i]}`);
    else if (args[i] === "--summary" || args[i] === "--minimal" || args[i] === "--detailed") form = args[i]!.slice(2) as Question["form"];
    else if (args[i]!.startsWith("--ovs")) return undefined;
    else if (!args[i]!.startsWith("--")) rest.push(args[i]!);
  }
  const microflow = rest.at(-1)!;
  // A question to the switch, not to OVN.
  if (microflow.startsWith("in_port=")) return undefined;
  const datapath = rest.length > 1 ? [`--datapath ${rest[0]}`] : [];
  return { line: [microflow, ...datapath, ...options].join(" "), form };
}

/** Without what differs from run to run; the recorder's process gave states of `--ct` to its first question only. */
function masked(text: string): string {
  return text
    .replace(/^# .*\n/, "")
    .replace(/uuid [0-9a-f]{8}/g, "uuid -")
    .replace(/ \(northd\.c:\d+\)/g, "")
    .replace(/ \/\* default \(use --ct to customize\) \*\//g, "")
    .replace(/(ct_next\(.*\)|ct_.*)\n\s*-+\n/g, "$1\n")
    .trim();
}

function names(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((m) => m[1]!);
}

const cases = sharedCases<Case>("traces.jsonl");
const states = sharedCases<State>("states.jsonl");

describe.skipIf(!cases || !states)("ovn-trace", () => {
  test("every recorded trace", { timeout: 300_000 }, () => {
    const layers = new Map<number, { layer: Layer<OvnTrace, OvnQuestion>; machine: Interpreter }>();
    const open = (id: number) => {
      let l = layers.get(id);
      if (!l) {
        const layer = openOvn({ sb: { name: "sb", bytes: new TextEncoder().encode(states!.find((s) => s.id === id)!.sb) } });
        layers.set(id, (l = { layer, machine: new Interpreter(layer.network) }));
      }
      return l;
    };
    const different: { id: string; got: string; want: string }[] = [];
    let compared = 0;
    for (const c of cases!) {
      const q = questionOf(c.argv);
      if (!q) continue;
      compared++;
      const { layer, machine } = open(c.state);
      let got: string;
      try {
        let asked = layer.ask(q.line);
        const run = () => {
          machine.reset();
          return machine.run(asked.run.row, asked.run.device, asked.run.port, asked.run.options);
        };
        let events = run();
        for (let again = layer.again!(asked, events); again; again = layer.again!(asked, events)) {
          asked = { ...asked, run: again };
          events = run();
        }
        const answer = layer.answer(asked, events);
        const text = layer.text(answer, asked);
        if (q.form === "detailed") got = masked(text);
        else if (q.form === "minimal") got = answer.outputs.map((o) => o.port).join(" ");
        else got = names(text, /output to "([^"]*)"/g).join(" ");
      } catch (e) {
        if (!(e instanceof PlumblineError)) throw e;
        got = "error";
      }
      let want: string;
      if (/^(error parsing flow|unknown |microflow does not)/.test(c.stdout)) want = "error";
      else if (q.form === "detailed") want = masked(c.stdout);
      else want = names(c.stdout, q.form === "minimal" ? /\boutput\("([^"]*)"\)/g : /output to "([^"]*)"/g).join(" ");
      if (got !== want) different.push({ id: c.id, got, want });
    }
    expect(compared).toBeGreaterThan(700);
    expect(different).toEqual([]);
  });
});
