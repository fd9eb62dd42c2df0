/**
 * Cases kept as text: a scenario with what the real switch answered, so that it can be held against our side where there is no
 * switch. One file a case (`tools/test/cases/*.txt`):
 *
 *     # What differed.
 *     ask wire
 *     version OpenFlow15
 *     table=0,priority=1,cookie=0x1,ip actions=ct(table=1,zone=1)
 *     packet in_port=1,tcp,ip_src=10.0.0.1,…
 *       leaves by 2: tcp,ip_src=10.0.0.1,…
 *
 * Lines indented by two are the switch's answer to the packet above them.
 */
import type { Row } from "@plumbline/model";
import { flowLine, groupLine } from "../ofproto/tables.js";
import { type Answers, answersOf, type Loaded, loadTables } from "./compare.js";
import { Mirror } from "./mirror.js";
import { BRIDGE, KNOWN_MACS, PORTS, type PrivateSwitch } from "./private-switch.js";
import { packetLine, packetOf, type Scenario } from "./scenario.js";

export interface Case {
  /** Lines of comment, without `# `. */
  readonly about: readonly string[];
  readonly ask: Scenario["ask"];
  readonly version: string;
  readonly flows: readonly string[];
  readonly groups: readonly string[];
  readonly packets: readonly Row[];
  readonly answers: Answers;
}

export function caseOf(about: string, s: Scenario, answers: Answers): Case {
  return { ...s, about: about.split("\n"), flows: s.flows.map(flowLine), groups: s.groups.map(groupLine), answers };
}

export function caseText(c: Case): string {
  const ask = [c.ask.trace ? "trace" : "", c.ask.wire ? "wire" : ""].filter(Boolean).join(" ");
  const packets = c.packets.flatMap((p, i) => [`packet ${packetLine(p)}`, ...(c.answers[i] ?? []).map((a) => `  ${a}`)]);
  return `${[...c.about.map((a) => `# ${a}`), `ask ${ask}`, `version ${c.version}`, ...c.groups, ...c.flows, ...packets].join("\n")}\n`;
}

export function readCase(text: string): Case {
  const lines = text.split("\n").filter((l) => l.trim() !== "");
  const after = (word: string) => lines.filter((l) => l.startsWith(word)).map((l) => l.slice(word.length));
  const answers: string[][] = [];
  for (const l of lines) {
    if (l.startsWith("packet ")) answers.push([]);
    else if (l.startsWith("  ")) answers.at(-1)?.push(l.slice(2));
  }
  const ask = (after("ask ")[0] ?? "").split(" ");
  return {
    about: after("# "),
    ask: { trace: ask.includes("trace"), wire: ask.includes("wire") },
    version: after("version ")[0] ?? "OpenFlow15",
    flows: lines.filter((l) => l.startsWith("table=")),
    groups: lines.filter((l) => l.startsWith("group_id=")),
    packets: after("packet ").map(packetOf),
    answers,
  };
}

/** Our answers to a case, from its flows as they stand there. */
export function mirrored(c: Case): Answers {
  const heading = (kind: string) => `OFPST_${kind} reply (OF1.5) (xid=0x2):\n`;
  const mirror = new Mirror({
    show: [
      "0000",
      `    Bridge ${BRIDGE}`,
      "        datapath_type: dummy",
      ...PORTS.map((n) => portShown(`p${n}`, "dummy")),
      portShown(BRIDGE, "internal"),
    ].join("\n"),
    ports: `${heading("PORT_DESC")}${[...PORTS.map((n) => portDescribed(String(n), `p${n}`, n)), portDescribed("LOCAL", BRIDGE, 0xff)].join("")}`,
    flows: `${heading("FLOW")}${c.flows.map((f) => ` ${f}\n`).join("")}`,
    groups: `${heading("GROUP_DESC")}${c.groups.map((g) => ` ${g}\n`).join("")}`,
    fdb: ` port  VLAN  MAC                Age\n${KNOWN_MACS.map(([port, vlan, mac]) => `    ${port}    ${vlan}  ${mac}  static\n`).join("")}`,
    version: "OpenFlow15",
  });
  return answersOf(mirror, c.ask, c.packets).lines;
}

function portShown(name: string, type: string): string {
  return `        Port ${name}\n            Interface ${name}\n                type: ${type}\n`;
}
function portDescribed(number: string, name: string, last: number): string {
  return ` ${number}(${name}): addr:02:00:00:00:00:${last.toString(16).padStart(2, "0")}\n     config:     0\n     state:      0\n`;
}

/** Loads a case into a switch. */
export async function loadCase(sw: PrivateSwitch, c: Case): Promise<Loaded> {
  return loadTables(sw, c);
}
