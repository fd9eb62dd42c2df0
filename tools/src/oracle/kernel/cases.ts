/**
 * Cases as files: host, rules, dumps, packets and what the kernel answered, so that they can be asked again without a kernel.
 *
 * Sections begin with a line `== name`. Packets are rows as text (`eth0 eth_type=0x800,ip_src=…`), with the kernel's answer
 * below each, indented.
 */
import type { Answer } from "./answer.js";
import type { Draft } from "./draw.js";
import type { HostDumps, TestHost } from "./host.js";
import { rowFromText, rowText } from "./row-text.js";
import { type RuleSet, readRuleSet, ruleSetText, type Tool } from "./rule-set.js";
import type { Asked } from "./scene.js";

export interface KernelCase {
  readonly host: TestHost;
  readonly set: RuleSet;
  /** How nft's rules are listed. */
  readonly form: "text" | "json";
  readonly asked: readonly Asked[];
  /** Why it is kept; comment lines. */
  readonly notes: readonly string[];
  /** What the host's commands printed, where it was recorded. */
  readonly dumps?: HostDumps;
}

const packetLine = (p: Draft) => `${p.in ?? "-"} ${rowText(p.row)}`;
const answerLines = (a: Answer) => [
  `  hit ${a.steps.join(", ") || "-"}`,
  `  end ${a.end}`,
  ...(a.packet ? [`  packet ${a.packet}`] : []),
  ...a.made.map((m) => `  made ${m}`),
];

export function caseText(c: KernelCase): string {
  const { interfaces, sysctl, batch } = c.host;
  const lines = [
    ...c.notes.map((n) => `# ${n}`),
    "== host",
    `interfaces ${interfaces.map((i) => `${i.name}=${i.mac}`).join(" ")}`,
    ...Object.entries(sysctl).map(([k, v]) => `sysctl ${k}=${v}`),
    ...batch,
    `== rules ${c.set.tool} IPv${c.set.version} ${c.form}`,
    ruleSetText(c.set).trimEnd(),
    "== packets",
    ...c.asked.flatMap((a) => [packetLine(a.packet), ...answerLines(a.kernel)]),
  ];
  for (const [file, text] of Object.entries(c.dumps ?? {})) lines.push(`== dump ${file}`, text.trimEnd());
  return `${lines.join("\n")}\n`;
}

export function readCase(text: string): KernelCase {
  const notes: string[] = [];
  const sections: { head: string; lines: string[] }[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("== ")) sections.push({ head: line.slice(3), lines: [] });
    else if (sections.length === 0) {
      if (line.startsWith("# ")) notes.push(line.slice(2));
    } else sections[sections.length - 1].lines.push(line);
  }
  const section = (name: string) => {
    const s = sections.find((x) => x.head.split(" ")[0] === name);
    if (!s) throw new Error(`a case without a section '${name}'`);
    return s;
  };
  const [, tool, version, form] = section("rules").head.split(" ");
  const dumps = Object.fromEntries(
    sections.filter((s) => s.head.startsWith("dump ")).map((s) => [s.head.slice(5), `${s.lines.join("\n").trimEnd()}\n`]),
  );
  return {
    notes,
    host: readHost(section("host").lines),
    set: readRuleSet(tool as Tool, version === "IPv6" ? 6 : 4, section("rules").lines.join("\n")),
    form: form === "json" ? "json" : "text",
    asked: readPackets(section("packets").lines),
    dumps,
  };
}

function readHost(lines: readonly string[]): TestHost {
  const interfaces = [];
  const sysctl: Record<string, string> = {};
  const batch: string[] = [];
  for (const line of lines.filter((l) => l.trim() !== "")) {
    const [word, ...rest] = line.split(" ");
    if (word === "interfaces")
      for (const i of rest) {
        const at = i.indexOf("=");
        interfaces.push({ name: i.slice(0, at), mac: i.slice(at + 1) });
      }
    else if (word === "sysctl") {
      const [k, v] = rest[0].split("=");
      sysctl[k] = v;
    } else batch.push(line);
  }
  return { interfaces, sysctl, batch };
}

function readPackets(lines: readonly string[]): Asked[] {
  const out: { packet: Draft; kernel: { steps: string[]; end: string; packet: string; made: string[] } }[] = [];
  for (const line of lines.filter((l) => l.trim() !== "")) {
    if (!line.startsWith("  ")) {
      const at = line.indexOf(" ");
      const iface = line.slice(0, at);
      out.push({
        packet: { in: iface === "-" ? null : iface, row: rowFromText(line.slice(at + 1)) },
        kernel: { steps: [], end: "", packet: "", made: [] },
      });
      continue;
    }
    const [, word, rest] = /^ {2}(\S+) (.*)$/.exec(line) ?? [];
    const { kernel } = out[out.length - 1];
    if (word === "hit") kernel.steps = rest === "-" ? [] : rest.split(", ");
    else if (word === "end") kernel.end = rest;
    else if (word === "packet") kernel.packet = rest;
    else if (word === "made") kernel.made.push(rest);
  }
  return out;
}
