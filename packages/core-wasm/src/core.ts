/**
 * The fast machine: compiles a network into the memory of a WASM instance and runs packets there.
 *
 * `run` leaves the same events as the reference interpreter. `runFast` runs without recording and leaves only what
 * decides: where the packet ended, what it looked like there, and a hash of its path.
 */
import {
  type CompiledNetwork,
  type Event,
  type KnownConnection,
  type Machine,
  type Network,
  type Numbering,
  newRow,
  PlumblineError,
  ROW_WORDS,
  type Row,
  type RunOptions,
} from "@plumbline/model";
import { Arena } from "./arena.js";
import { type BatchOptions, type BatchResult, type Packed, runBatch } from "./batch.js";
import { compile, type Program } from "./compile.js";
import { KnownConnections } from "./known.js";
import {
  CODE,
  CT_TABLE,
  EVENT,
  EVENT_BYTES,
  MOST_TRACKERS,
  ROW_BYTES,
  ROW_STEP,
  S_INNER_ROW,
  S_INPUT_ROW,
  S_RESULT_ROW,
  STATE,
  V_ROW,
} from "./layout.js";
import { type Reads, readsOf } from "./reads.js";
import { align, CT_STATE_WORDS, layState, SCRIPT_WORDS, type StateLayout } from "./state.js";
import { MODULE_BYTES, moduleName } from "./wasm.js";

export interface CoreOptions {
  /** The most connections that are remembered; then the one used longest ago is forgotten (default 262144). */
  readonly connections?: number;
  /** Whether stretches of walks are remembered (assembly/trails.ts); results are the same without (default true). */
  readonly trails?: boolean;
}

/** What is left of a run without recording. */
export interface Fate {
  /**
   * Kind (LEAF) of the leaf that tells the fate: delivered before rejected, unknown, looped, unlinked, dropped; the first
   * among equals. What devices sent in answer (`emit`) does not count; 0 if there was nothing else.
   */
  readonly leaf: number;
  /** Its text index (0xffffffff: none), port (unlinked) or bound (looped). */
  readonly text: number;
  readonly rejected: boolean;
  readonly device: number;
  /** Hash over rules hit, choices, links and leaves of the whole run. */
  readonly path: bigint;
  /** The row at that leaf. */
  readonly row: Row;
}

const AT_WORK = "a replay is at work on this core: run packets between its chunks, or on another core";
const DEFAULT_CONNECTIONS = 1 << 18;

/** Names this core: see CompiledNetwork of the model. */
export const coreName = moduleName;

/** What {@link Core.ofCompiled} takes. */
export function compileNetwork(net: Network): CompiledNetwork {
  const { words, softEntries, wordsUsed } = compile(net, MODULE_BYTES);
  return { maker: moduleName(), words, softEntries, wordsUsed };
}

/** How a run is to be made: recorded or not, and how it chooses. */
export interface RunSettings {
  readonly record: boolean;
  readonly options: RunOptions;
}

export class Core implements Machine {
  private readonly connections: number;
  private readonly trails: boolean;
  private state!: StateLayout;
  private numbers!: Numbering;
  private wordsUsed = ROW_WORDS;
  private net!: Network;
  private known: { readonly connections: readonly KnownConnection[]; readonly tables: KnownConnections } | null = null;
  /** A replay is at work: its packet is in the memory, so nothing else may run. */
  private busy = false;

  private constructor(
    private readonly arena: Arena,
    options: CoreOptions,
  ) {
    this.connections = options.connections ?? DEFAULT_CONNECTIONS;
    this.trails = options.trails ?? true;
  }

  static createSync(net: Network, options: CoreOptions = {}): Core {
    const core = new Core(new Arena(), options);
    core.load(net);
    return core;
  }
  /** The core of a network that was compiled before by this module ({@link compileNetwork}): for recorded runs, whose events are all that it can tell. */
  static ofCompiled(compiled: CompiledNetwork, options: CoreOptions = {}): Core {
    const core = new Core(new Arena(), options);
    const numbering: Numbering = { sites: [], siteOf: new Map(), texts: [], textIndex: new Map() };
    core.take({ ...compiled, base: MODULE_BYTES, numbering }, { devices: [], tables: [], rules: [], links: [], trackers: [] });
    return core;
  }
  static async create(net: Network, options: CoreOptions = {}): Promise<Core> {
    return Core.createSync(net, options);
  }

  /** Takes another network in place of the present one. All connections are forgotten, known ones too, sessions of replay are over. */
  load(net: Network): void {
    this.take(compile(net, MODULE_BYTES), net);
  }

  private take(program: Program, net: Network): void {
    if (net.trackers.length > MOST_TRACKERS)
      throw new PlumblineError("INTERNAL", [`the network has ${net.trackers.length} connection trackers; the core names ${MOST_TRACKERS}`]);
    const state = layState(program.base + 4 * program.words.length, this.connections, program.softEntries, this.trails);
    // What is new is zero, and costs nothing as long as nobody writes there.
    const had = this.arena.bytes.length;
    this.arena.reserve(state.end);
    this.arena.words.set(program.words, program.base >>> 2);
    for (const z of state.zero) this.arena.zero(z.start, Math.min(z.end, Math.max(z.start, had)));
    for (const [address, value] of state.header) this.arena.put(address, value);
    this.net = net;
    this.state = state;
    this.numbers = program.numbering;
    this.wordsUsed = program.wordsUsed;
    this.known = null;
    this.arena.exports.bind(program.base, state.base);
  }

  /** How choices and texts are numbered in events: `numbering` of the model. */
  get numbering(): Numbering {
    return this.numbers;
  }

  reset(): void {
    this.arena.exports.forgetAll();
    this.known?.tables.restore();
  }

  know(connections: readonly KnownConnection[]): void {
    if (this.known?.connections !== connections) {
      this.arena.exports.forgetAll();
      const { base, connections: table } = this.state;
      this.known =
        connections.length === 0 ? null : { connections, tables: new KnownConnections(this.arena, table, connections, base + S_INPUT_ROW) };
    }
    this.reset();
  }

  run(row: Row, device: number, port: number | null, options: RunOptions): Event[] {
    this.execute(row, device, port, { record: true, options });
    return this.events();
  }

  /** Runs one packet without recording. */
  runFast(row: Row, device: number, port: number | null, options: RunOptions): Fate {
    this.execute(row, device, port, { record: false, options });
    return this.fate;
  }

  /** Runs many packets without recording; see {@link BatchResult}. */
  batch(packets: Packed, options: BatchOptions): BatchResult {
    if (this.busy) throw new Error(AT_WORK);
    return runBatch(this.inside, packets, options);
  }

  /** What is left of the last run. */
  get fate(): Fate {
    const leaf = this.header("S_LEAF");
    const at = (this.state.base + S_RESULT_ROW) >>> 2;
    const row = leaf === 0 ? newRow() : this.arena.words.slice(at, at + ROW_WORDS).fill(0, this.header("S_ROW_BYTES") / 4);
    return {
      leaf,
      text: this.header("S_LEAF_TEXT"),
      rejected: this.header("S_LEAF_REJECTED") !== 0,
      device: this.header("S_LEAF_DEVICE"),
      path: this.arena.getBig(this.state.base + STATE.S_PATH_LOW),
      row,
    };
  }

  /** Connections in the tables, those forgotten for want of room, and packets that found no room at all. */
  get connectionCounts(): { known: number; forgotten: number; refused: number } {
    const at = (name: keyof typeof CT_TABLE) => this.arena.get(this.state.connections + CT_TABLE[name]);
    return { known: at("K_COUNT"), forgotten: at("K_EVICTED"), refused: at("K_REFUSED") };
  }

  private execute(row: Row, device: number, port: number | null, settings: RunSettings): void {
    if (this.busy) throw new Error(AT_WORK);
    this.set(settings.record ? CODE.RECORD_EVENTS : 0, settings.options);
    this.setHeader("S_ANSWERED", 0);
    const { inner } = settings.options;
    // Events show whole rows.
    const used = settings.record ? ROW_WORDS : Math.max(this.wordsUsed, behindLast(row), inner ? behindLast(inner) : 0);
    this.setHeader("S_ROW_BYTES", rowBytes(used));
    this.setHeader("S_HAS_INNER", inner ? 1 : 0);
    if (inner) this.arena.words.set(inner, (this.state.base + S_INNER_ROW) >>> 2);
    this.arena.words.set(row, (this.state.base + S_INPUT_ROW) >>> 2);
    this.arena.exports.run(device, port ?? 0, port === null ? 1 : 0);
    this.checkScript();
  }

  private checkScript(): void {
    if (this.header("S_WRONG_OPTION")) throw new Error("the script asks for an option that the choice does not have");
  }

  private set(keep: number, options: RunOptions): void {
    this.setHeader("S_RECORD", keep);
    this.setHeader("S_KEEP", options.keep ? 1 : 0);
    this.setHeader("S_BEYOND", options.beyond === "hash" ? CODE.BEYOND_HASH : CODE.BEYOND_FIRST);
    const script = options.script.slice(0, SCRIPT_WORDS);
    this.setHeader("S_SCRIPT_LENGTH", script.length);
    this.arena.words.set(script, this.state.script >>> 2);
    const states = options.ctStates?.slice(0, CT_STATE_WORDS);
    this.setHeader("S_CT_STATE_COUNT", states ? states.length : CODE.NONE);
    if (states) this.arena.words.set(states, this.state.ctStates >>> 2);
  }

  /** The events of the last recorded run; their rows are views of one copy. */
  private events(): Event[] {
    const count = this.header("S_EVENT_COUNT");
    const from = this.state.events >>> 2;
    const words = this.arena.words.slice(from, from + (count * EVENT_BYTES) / 4);
    return Array.from({ length: count }, (_, i) => {
      const at = (i * EVENT_BYTES) >>> 2;
      const row = at + V_ROW / 4;
      return {
        kind: words[at + EVENT.V_KIND / 4],
        thread: words[at + EVENT.V_THREAD / 4],
        a: words[at + EVENT.V_A / 4],
        b: words[at + EVENT.V_B / 4],
        c: words[at + EVENT.V_C / 4],
        row: words.subarray(row, row + ROW_WORDS),
      };
    });
  }

  private header(name: keyof typeof STATE): number {
    return this.arena.get(this.state.base + STATE[name]);
  }
  private setHeader(name: keyof typeof STATE, value: number): void {
    this.arena.put(this.state.base + STATE[name], value);
  }

  /** What a replay session needs of its core. */
  get inside(): CoreInside {
    return {
      arena: this.arena,
      end: this.state.end,
      base: this.state.base,
      reads: () => readsOf(this.net),
      hold: (settings) => {
        this.set(settings.record ? CODE.RECORD_EVENTS : 0, settings.options);
        this.setHeader("S_ROW_BYTES", rowBytes(this.wordsUsed));
        this.busy = true;
      },
      release: () => {
        this.busy = false;
      },
      batch: (options, words, keepLog, work) => {
        this.set(CODE.RECORD_DIGEST, options);
        this.setHeader("S_ANSWERED", 0);
        this.setHeader("S_HAS_INNER", 0);
        this.setHeader("S_ROW_BYTES", rowBytes(Math.max(this.wordsUsed, words)));
        this.arena.put(this.state.connections + CT_TABLE.K_LOG_ON, keepLog ? 1 : 0);
        try {
          work();
          this.checkScript();
        } finally {
          this.arena.put(this.state.connections + CT_TABLE.K_LOG_ON, 0);
        }
      },
      keepLog: (on) => this.arena.put(this.state.connections + CT_TABLE.K_LOG_ON, on ? 1 : 0),
      /** Runs the packet at S_INPUT_ROW again with recording, as if it had not run. Null: its changes could not be taken back. */
      again: (device, port) => {
        if (!this.arena.exports.rollback()) return null;
        this.setHeader("S_RECORD", CODE.RECORD_EVENTS);
        this.setHeader("S_ROW_BYTES", ROW_BYTES);
        this.arena.exports.run(device, port ?? 0, port === null ? 1 : 0);
        this.setHeader("S_RECORD", 0);
        this.setHeader("S_ROW_BYTES", rowBytes(this.wordsUsed));
        return this.events();
      },
    };
  }
}

/** The number of words up to the last that is not zero. */
function behindLast(row: Row): number {
  let n = row.length;
  while (n > 0 && row[n - 1] === 0) n--;
  return n;
}
const rowBytes = (words: number): number => align(4 * words, ROW_STEP);

export interface CoreInside {
  readonly arena: Arena;
  /** Address behind the core's state, where a session may lay its areas. */
  readonly end: number;
  readonly base: number;
  /** What of a packet's headers the network can tell apart. */
  reads(): Reads;
  hold(settings: RunSettings): void;
  release(): void;
  /** Sets the core up for packets with the first `words` words, and lets `work` run them. */
  batch(options: RunOptions, words: number, keepLog: boolean, work: () => void): void;
  keepLog(on: boolean): void;
  again(device: number, port: number | null): Event[] | null;
}
