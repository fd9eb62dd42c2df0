/**
 * What is kept of an opened southbound database: flows, the rows that a trace looks at, and what the core made of its pipelines. With it,
 * opening the same files again is reading one file.
 *
 * Its name is made of the contents of the files, so that it can never be of another database; a core that is not the one which made
 * it does not use it.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Action, CompiledNetwork, Problem } from "@plumbline/model";
import type { Row } from "../database.js";
import { FlowTable } from "../db/flow-table.js";
import { keptFile, type Numbers, readKept } from "../db/kept-file.js";
import { type OvnFile, Southbound } from "../db/southbound.js";
import { Texts } from "../db/texts.js";
import type { Columns } from "../values.js";
import type { RuleMap } from "./compile.js";
import type { Site } from "./script.js";

/** Databases of fewer flows are not worth a file. */
export const LEAST_FLOWS = 20_000;

/** What a trace needs of pipelines, once they are compiled. */
export interface Opened {
  readonly southbound: Southbound;
  readonly problems: readonly Problem[];
  readonly rules: RuleMap;
  readonly texts: readonly string[];
  readonly sites: readonly Site[];
}

/** A digest of the plugin's own code: what another version has made is not looked at. */
function ownCode(): string {
  const hash = createHash("sha256");
  const root = fileURLToPath(new URL("..", import.meta.url));
  for (const f of readdirSync(root, { recursive: true, encoding: "utf8" }).sort())
    if (/\.[jt]s$/.test(f)) hash.update(readFileSync(join(root, f)));
  return hash.digest("hex");
}

/** The name under which these files are kept. */
export function nameOf(files: readonly OvnFile[]): string {
  const hash = createHash("sha256").update(ownCode());
  for (const f of files) hash.update(`${f.name.length} ${f.name} ${f.bytes.length}\n`).update(f.bytes);
  return `ovn-${hash.digest("hex").slice(0, 40)}`;
}

interface Info {
  readonly maker: string;
  readonly softEntries: number;
  readonly wordsUsed: number;
  readonly stages: readonly string[];
  readonly sets: readonly string[];
  readonly files: Southbound["files"];
  readonly known: readonly string[];
  readonly rows: readonly (readonly [
    table: string,
    rows: readonly (readonly [uuid: string, file: number, line: number, columns: Columns])[],
  ])[];
  readonly problems: readonly Problem[];
  readonly placeOf: readonly (readonly [number, number])[];
  readonly stageOf: readonly (readonly [number, number])[];
  readonly ownStageOf: readonly (readonly [number, number])[];
  readonly texts: readonly string[];
  readonly sites: readonly (readonly [how: string, options: readonly (readonly [field: string, value: string] | 0)[]])[];
}

export function keptPieces({ southbound, problems, rules, texts, sites }: Opened, compiled: CompiledNetwork): Uint8Array[] {
  const { flows, files } = southbound;
  const parts = flows.parts;
  const fileNumber = new Map(files.map((f, i) => [f.name, i]));
  const info: Info = {
    maker: compiled.maker,
    softEntries: compiled.softEntries,
    wordsUsed: compiled.wordsUsed,
    stages: parts.stages,
    sets: parts.sets,
    files,
    known: [...southbound.known],
    rows: [...southbound.tables].map(([table, rows]) => [
      table,
      [...rows].map(([id, r]) => [id, fileNumber.get(r.origin.file) ?? 0, r.origin.line, r.columns]),
    ]),
    problems,
    placeOf: [...rules.placeOf],
    stageOf: [...rules.stageOf],
    ownStageOf: [...rules.ownStageOf],
    texts,
    sites: sites.map((s) => [s.how, s.options.map((o) => destination(o))]),
  };
  const { blob, starts } = flows.texts.parts;
  return keptFile(info, { ...parts.numbers, blob, starts, flowOf: rules.flowOf, words: compiled.words });
}

/** Where an option of a choice sends the packet: all that is asked of options later. */
function destination(option: readonly Action[]): readonly [string, string] | 0 {
  const a = option.find((x) => x.op === "set" && (x.dst.field === "ip_dst" || x.dst.field === "ipv6_dst"));
  return a?.op === "set" ? [a.dst.field, a.value.toString(16)] : 0;
}

export function readPieces(bytes: Uint8Array): Opened & { readonly compiled: CompiledNetwork } {
  const { info: raw, parts } = readKept(bytes);
  const info = raw as Info;
  const part = <T extends Numbers>(name: string) => parts[name] as T;
  const texts = Texts.from({ blob: part<Uint8Array>("blob"), starts: part<Uint32Array>("starts") });
  const flows = FlowTable.from({ numbers: parts as Record<string, Uint32Array>, stages: info.stages, sets: info.sets }, texts);
  const southbound = new Southbound(flows);
  southbound.files.push(...info.files);
  for (const t of info.known) southbound.known.add(t);
  for (const [table, rows] of info.rows) {
    const of = new Map<string, Row>();
    for (const [id, file, line, columns] of rows) {
      const uuid = id.startsWith("#") ? "" : id;
      of.set(id, { database: "southbound", table, uuid, columns, origin: { file: info.files[file]?.name ?? "", line, text: "" } });
    }
    southbound.tables.set(table, of);
  }
  const { maker, softEntries, wordsUsed } = info;
  return {
    southbound,
    problems: info.problems,
    rules: {
      flowOf: part<Int32Array>("flowOf"),
      placeOf: new Map(info.placeOf),
      stageOf: new Map(info.stageOf),
      ownStageOf: new Map(info.ownStageOf),
    },
    texts: info.texts,
    sites: info.sites.map(([how, options]) => ({ how, options: options.map((o) => (o === 0 ? [] : [sent(o[0], BigInt(`0x${o[1]}`))])) })),
    compiled: { maker, softEntries, wordsUsed, words: part<Uint32Array>("words") },
  };
}

const sent = (field: string, value: bigint): Action => ({ op: "set", dst: { field, ofs: 0, n: field === "ip_dst" ? 32 : 128 }, value });
