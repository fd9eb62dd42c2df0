/**
 * The module: loading it, and its exports. All arguments are numbers and addresses (see layout.ts).
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Exports {
  /** Binds the instance to a program and a state that the host has laid out. */
  bind(program: number, state: number): void;
  /** Runs the packet at S_INPUT_ROW; socket 1: from the device's own socket. */
  run(device: number, port: number, socket: number): void;
  /** Takes back what the last run did to the connections; 0 if the undo log was too short. */
  rollback(): number;
  forgetAll(): void;
  /** Enters the connection laid at `from` as a record; 0 if there is no room. */
  enterKnown(from: number): number;
  /** Decodes `captured` bytes at `frame` into a row; returns its FRAME_KIND. */
  decode(frame: number, captured: number, length: number, row: number): number;
  /** Runs the staged packets of the batch at address `b`. */
  batch(b: number): void;
  /** Works through the staged records of the replay at address `r`; returns a REPLAY_STATUS. */
  replay(r: number): number;
  /** Folds what was only counted into the flows, paths and counters of the replay at `r`. */
  settleAll(r: number): void;
  /** Rewrites the staged blocks of a pcapng as records of the replay at `r`; returns an UNWRAP_STATUS. */
  unwrap(r: number): number;
  /** Takes the flows out whose latest packet is not later than `time` (nanoseconds since 1970). */
  removeFlows(r: number, time: bigint): void;
  /** Look-ups of `n` packets at `keys` in the rule set at `img` (src/acl): the rules' numbers to `out`. */
  classifyByClasses(img: number, keys: number, n: number, out: number): void;
  classifyByLists(img: number, keys: number, n: number, out: number): void;
  classifyByParts(img: number, keys: number, n: number, out: number): void;
  classifyByTuples(img: number, keys: number, n: number, out: number): void;
  classifyByCuts(img: number, keys: number, n: number, out: number): void;
  classifyByScan(img: number, keys: number, n: number, out: number): void;
  /** The sum of `from` less the rule over results that are rules. */
  sumOfRules(out: number, n: number, from: number): number;
  /** Builders of classes (assembly/acl.ts). */
  classSlots(at: number, bytes: number): void;
  combine(
    a: number,
    na: number,
    b: number,
    nb: number,
    blocks: number,
    table: number,
    wide: number,
    sets: number,
    most: number,
    scratch: number,
  ): number;
  firstOfBoth(a: number, na: number, b: number, nb: number, blocks: number, table: number, scratch: number): void;
  listPairs(
    a: number,
    na: number,
    b: number,
    nb: number,
    blocks: number,
    records: number,
    none: number,
    table: number,
    pool: number,
    poolBytes: number,
    most: number,
    scratch: number,
  ): number;
  /** Makes the flow index of the replay at `r` anew. */
  indexFlows(r: number): void;
}

/** Bytes at the start of the memory that belong to the module's own constants. */
export const MODULE_BYTES = 65536;
export const PAGE_BYTES = 65536;
/** The most that one memory can have: 4 GiB. */
export const MAX_PAGES = 65536;

let compiled: WebAssembly.Module | undefined;
const moduleFile = () => readFileSync(new URL("../dist/core.wasm", import.meta.url));

/** The compiled module; one for all cores of the process. */
function wasmModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(moduleFile());
  return compiled;
}

/** Names the module: images that were made for it are good for no other. */
export function moduleName(): string {
  return createHash("sha256").update(moduleFile()).digest("hex").slice(0, 32);
}

/** An instance of the module over a memory. */
export function instantiate(memory: WebAssembly.Memory): Exports {
  const instance = new WebAssembly.Instance(wasmModule(), { env: { memory, abort: aborted, now: () => performance.now() } });
  return instance.exports as unknown as Exports;
}

function aborted(): never {
  throw new Error("the core met a state that its layout does not allow");
}
