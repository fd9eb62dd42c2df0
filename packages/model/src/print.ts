/**
 * The canonical text of the IR: one way to write each network, for tests, diffs and bug reports. Same network, same text.
 */
import { assertNever } from "./errors.js";
import { FIELDS, type Field } from "./fields.js";
import type { Action, ChooseBy, HashField, Match, Rule, Table } from "./ir.js";
import type { Network } from "./network.js";
import { formatValue } from "./packet.js";
import type { Slice } from "./row.js";

const OWNER: (Field | undefined)[] = [];
for (const f of FIELDS) if (!/^xx?reg/.test(f.name)) for (let i = 0; i < f.words; i++) OWNER[f.word + i] = f;

export function printSlice(s: Slice): string {
  const f = FIELDS.find((x) => x.name === s.field)!;
  return s.ofs === 0 && s.n === f.bits ? s.field : `${s.field}[${s.ofs}..${s.ofs + s.n - 1}]`;
}

/** `ip_dst=10.0.0.0/0xff000000,tp_dst=80`; an empty match prints as `any`. */
export function printMatch(match: Match): string {
  const values = new Map<Field, { v: bigint; m: bigint }>();
  for (const x of match) {
    const f = OWNER[x.w];
    if (!f) throw new Error(`word ${x.w} belongs to no field`);
    const shift = BigInt(32 * (f.words - 1 - (x.w - f.word)));
    const old = values.get(f) ?? { v: 0n, m: 0n };
    values.set(f, { v: old.v | (BigInt(x.v) << shift), m: old.m | (BigInt(x.m) << shift) });
  }
  const parts = [...values]
    .sort((a, b) => a[0].word - b[0].word)
    .map(([f, { v, m }]) => {
      const full = (1n << BigInt(f.bits)) - 1n;
      return m === full ? `${f.name}=${formatValue(f, v)}` : `${f.name}=0x${v.toString(16)}/0x${m.toString(16)}`;
    });
  return parts.join(",") || "any";
}

export function printProgram(program: readonly Action[]): string {
  return `{${program.map(printAction).join("; ")}}`;
}

export function printAction(a: Action): string {
  switch (a.op) {
    case "set":
      return `${printSlice(a.dst)} = 0x${a.value.toString(16)}`;
    case "move":
      return `${printSlice(a.dst)} = ${printSlice(a.src)}`;
    case "swap":
      return `${printSlice(a.a)} <-> ${printSlice(a.b)}`;
    case "push":
      return `push ${printSlice(a.src)}`;
    case "pop":
      return `pop ${printSlice(a.dst)}`;
    case "decTtl":
      return `dec_ttl else ${printProgram(a.expired)}`;
    case "greater":
      return `${printSlice(a.dst)} = ${printSlice(a.src)} > ${a.value}`;
    case "call":
      return `call ${a.table}`;
    case "goto":
      return `goto ${a.table}${a.unwind ? " unwind" : ""}`;
    case "return":
    case "decap":
    case "confirm":
      return a.op;
    case "ctClear":
      return "ct_clear";
    case "output":
      return `output ${typeof a.port === "number" ? a.port : printSlice(a.port)}${a.allowIn ? " allow-in" : ""}`;
    case "local":
      return a.note === undefined ? "local" : `local ${JSON.stringify(a.note)}`;
    case "drop":
      return `drop${a.rejected ? " rejected" : ""}${a.reason === undefined ? "" : ` ${JSON.stringify(a.reason)}`}`;
    case "emit":
      return `emit ${a.kind}${a.kind === "icmp-error" ? ` ${a.icmpType}/${a.icmpCode}` : ""}${a.swap ? " swap" : ""} ${printProgram(a.then)}`;
    case "encap":
      return `encap ${a.kind} port ${a.port}`;
    case "ct": {
      const zone = typeof a.zone === "number" ? String(a.zone) : printSlice(a.zone);
      const nat = a.nat === null ? "" : a.nat === "existing" ? " nat" : ` nat ${a.nat.type} ${printRange(a.nat.range)}`;
      const resume = a.resume === null ? "" : a.resume === "inplace" ? " inplace" : ` resume ${a.resume}`;
      return `ct ${a.tracker} zone ${zone}${a.commit ? " commit" : ""}${a.force ? " force" : ""}${nat}${a.exec.length > 0 ? ` exec ${printProgram(a.exec)}` : ""}${resume}`;
    }
    case "nat":
      return `nat ${a.type} ${printRange(a.range)}`;
    case "unnat":
      return `unnat ${a.type}`;
    case "choose":
      return `choose ${a.how}${a.by ? ` by ${printBy(a.by)}` : ""} [${a.options.map((o, i) => `${a.weights[i]}: ${printProgram(o)}`).join(", ")}]`;
    case "clone":
      return `clone ${printProgram(a.actions)}`;
    case "note":
    case "punt":
      return `${a.op} ${JSON.stringify(a.text)}`;
    case "unknown":
      return `unknown${a.go ? " go" : ""} ${JSON.stringify(a.why)} by ${JSON.stringify(a.command)} on ${JSON.stringify(a.on)}`;
    default:
      return assertNever(a);
  }
}

function printBy(by: ChooseBy): string {
  if (by.kind === "map") return `${printSlice(by.field)} map ${by.map.join(",")}`;
  const field = (f: HashField): string =>
    `${printSlice(f.slice)}/0x${f.mask.toString(16)}${f.bytes === undefined ? "" : `:${f.bytes}`}${f.when ? ` if ${f.when.map(printMatch).join(" | ")}` : ""}`;
  return `hash ${by.param} of (${by.fields.map(field).join(", ")}) ids ${by.ids.join(",")}`;
}

function printRange(r: { min?: bigint; max?: bigint; keep?: bigint; portMin?: number; portMax?: number }): string {
  const span = (a: unknown, b: unknown) => (a === undefined ? "keep" : b === undefined || b === a ? String(a) : `${a}-${b}`);
  return `${span(r.min, r.max)}${r.keep === undefined ? "" : `/${r.keep}`}:${span(r.portMin, r.portMax)}`;
}

export function printRule(r: Rule, table: Table): string {
  const when =
    table.kind === "lpm" && r.prefix
      ? `prefix 0x${r.prefix.value.toString(16)}/${r.prefix.len} metric ${r.metric ?? 0}`
      : `${table.kind === "priority" ? `priority ${r.priority} ` : ""}${r.rows.map(printMatch).join(" | ") || "never"}`;
  const conj = r.conj ? ` ${r.conj.map((c) => `conjunction ${c.id} ${c.clause}/${c.of}`).join(" ")}` : "";
  return `${r.id}: ${when}${conj} -> ${printProgram(r.program)}`;
}

/** The whole network: trackers, devices with their tables and rules, links. */
export function printNetwork(net: Network): string {
  const out: string[] = net.trackers.map((t, i) => `tracker ${i} ${t.name} ${t.flavour}`);
  for (const d of net.devices) {
    out.push(`device ${d.id} ${d.name} ${d.kind} entry ${d.entry} origin ${d.origin}`);
    for (const p of d.ports) out.push(`  port ${p.number} ${p.name}`);
    for (const t of net.tables.filter((x) => x.device === d.id)) {
      out.push(`  table ${t.id} ${JSON.stringify(t.name)} ${t.stage} ${t.kind}${t.key ? ` ${printSlice(t.key)}` : ""}`);
      for (const r of t.rules) out.push(`    ${printRule(r, t)}`);
      if (t.miss.length > 0) out.push(`    miss -> ${printProgram(t.miss)}`);
    }
  }
  for (const l of net.links)
    out.push(
      `link ${l.device}:${l.port} -> ${l.toDevice}:${l.toPort}${l.keeps.length > 0 ? ` keeps ${l.keeps.join(",")}` : ""} ${l.certainty}${l.inline ? " inline" : ""}`,
    );
  return `${out.join("\n")}\n`;
}

/** `docs/fields.md`: the registry as a table. */
export function fieldsDocument(): string {
  const rows = FIELDS.map(
    (f) =>
      `| \`${f.name}\` | ${f.bits} | ${f.cls} | ${f.word}${f.words > 1 ? ` to ${f.word + f.words - 1}` : ""} | ${f.aliases.map((a) => `\`${a}\``).join(" ")} | ${f.needs.replaceAll("|", "\\|")} | ${f.doc} |`,
  );
  return `# Fields\n\nGenerated from \`packages/model/src/fields.ts\` by \`npm run gen\`; do not edit.\n\nA packet is a row of 32-bit words; a field wider than a word owns consecutive words, most significant first.\n\n| field | bits | class | words | also known as | needs | meaning |\n| --- | --- | --- | --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}
