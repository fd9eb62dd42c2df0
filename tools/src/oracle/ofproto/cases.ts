/**
 * Cases kept as text: tables with what the real switch answered, so that they can be held against our side where there is no
 * switch. One file a case (`tools/test/cases/ofproto-*.txt`):
 *
 *     # What differed.
 *     version OpenFlow15
 *     form dumped
 *     bridge br0
 *     flow table=0,priority=1,cookie=0x1,ip actions=ct(table=1,zone=1)
 *     group group_id=1,…
 *     file dump's line, where our side reads another text than these flows
 *     question br0 in_port=1,tcp,… --ct-next trk,est
 *       thread
 *         br0 0 0x1 priority=1 ip
 *         final unchanged
 *         actions ct(zone=1),recirc(#1)
 *
 * Lines indented by two are the switch's answer to the question above them; an answer that depends on the order of a flood is `flooded`.
 */
import { type Evidence, formOf, openOurs, ourLines } from "./ask.js";
import { type BridgeTables, FORMS, type Form, flowLine, groupLine, type Question, readFlow, readGroup, type TableSet } from "./tables.js";
import { BRIDGES, LEARNED, OPTIONS, portsText } from "./topology.js";

interface Asked {
  readonly question: Question;
  readonly flooded: boolean;
  readonly answer: readonly string[];
}
export interface Case {
  readonly about: readonly string[];
  readonly set: TableSet;
  /** Flows as dumped, by bridge, where the form is not `written`. */
  readonly dumps: ReadonlyMap<string, string>;
  readonly asked: readonly Asked[];
}

export function caseText(c: Case): string {
  const bridges = c.set.bridges.filter((b) => b.flows.length > 0 || b.groups.length > 0);
  return `${[
    ...c.about.map((a) => `# ${a}`),
    `version ${c.set.version}`,
    `form ${c.set.form}`,
    ...bridges.flatMap((b) => [
      `bridge ${b.name}`,
      ...b.groups.map((g) => `group ${groupLine(g)}`),
      ...b.flows.map((f) => `flow ${flowLine(f)}`),
      ...(formOf(c.set) === null
        ? []
        : (c.dumps.get(b.name) ?? "")
            .split("\n")
            .filter(Boolean)
            .map((l) => `file ${l}`)),
    ]),
    ...c.asked.flatMap((a) => [`question ${a.question.join(" ")}${a.flooded ? " (flooded)" : ""}`, ...a.answer.map((l) => `  ${l}`)]),
  ].join("\n")}\n`;
}

export function readCase(text: string): Case {
  const about: string[] = [];
  const bridges: { name: string; flows: BridgeTables["flows"][number][]; groups: BridgeTables["groups"][number][] }[] = [];
  const dumps = new Map<string, string>();
  const asked: { question: Question; flooded: boolean; answer: string[] }[] = [];
  let version = "OpenFlow15";
  let form: Form = "written";
  for (const line of text.split("\n")) {
    if (line.startsWith("  ")) asked.at(-1)!.answer.push(line.slice(2));
    const cut = line.indexOf(" ");
    const rest = line.slice(cut + 1);
    switch (cut < 0 ? "" : line.slice(0, cut)) {
      case "#":
        about.push(rest);
        break;
      case "version":
        version = rest;
        break;
      case "form":
        if (!(rest in FORMS)) throw new Error(`a case's form: ${rest}`);
        form = rest as Form;
        break;
      case "bridge":
        bridges.push({ name: rest, flows: [], groups: [] });
        break;
      case "group":
        bridges.at(-1)!.groups.push(readGroup(rest));
        break;
      case "flow":
        bridges.at(-1)!.flows.push(readFlow(rest));
        break;
      case "file":
        dumps.set(bridges.at(-1)!.name, `${dumps.get(bridges.at(-1)!.name) ?? ""}${rest}\n`);
        break;
      case "question":
        asked.push({ question: rest.replace(/ \(flooded\)$/, "").split(" "), flooded: rest.endsWith(" (flooded)"), answer: [] });
        break;
    }
  }
  // The switch has all bridges, whether or not they have tables.
  const others = BRIDGES.filter((b) => bridges.every((x) => x.name !== b.name)).map((b) => ({ name: b.name, flows: [], groups: [] }));
  return { about, set: { version, form, bridges: [...bridges, ...others] }, dumps, asked };
}

/** Our answers to a case, from its text alone. */
export function ourAnswers(c: Case): string[][] {
  const bridgeOf = (name: string) => BRIDGES.find((b) => b.name === name)!;
  const numberOf = (bridge: string, port: string) => bridgeOf(bridge).ports.find((p) => p.name === port)!.number;
  const learned = (bridge: string) =>
    ` port  VLAN  MAC                Age\n${LEARNED.filter(([b]) => b === bridge)
      .map(([, port, vlan, mac]) => ` ${numberOf(bridge, port)} ${vlan}  ${mac}  static\n`)
      .join("")}`;
  const tlvMap = OPTIONS.map((o) => `  0x${o.class.toString(16)}  0x${o.type.toString(16)}       ${o.length}  ${o.field}\n`).join("");
  const files = c.set.bridges.map(
    (b): Evidence => ({
      bridge: b.name,
      flows: c.dumps.get(b.name) ?? b.flows.map((f) => `${flowLine(f)}\n`).join(""),
      groups: b.groups.map((g) => `${groupLine(g)}\n`).join(""),
      fdb: learned(b.name),
      ports: portsText(bridgeOf(b.name)),
      tlvMap: `NXT_TLV_TABLE_REPLY (xid=0x2):\n mapping table:\n  class  type  length  match field\n ------  ----  ------  --------------\n${tlvMap}`,
    }),
  );
  const ours = openOurs(files);
  const answers = c.asked.map((a) => ourLines(ours, a.question, a.flooded, a.answer));
  ours.close();
  return answers;
}
