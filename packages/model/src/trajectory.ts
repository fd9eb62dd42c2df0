/**
 * What a run leaves behind: a list of events and leaves. Hops, branches and verdicts are made of these by the engine.
 */
import type { KnownConnection } from "./conntrack.js";
import type { Row } from "./row.js";

/** Event kinds. Numbers are shared with the core. */
export const EV = {
  /** a = device, b = port (0 with `c` = 1: from the device's own socket). The row is that after clearing. */
  enter: 1,
  /** a = table, b = rule, c = row index of the rule that matched. */
  hit: 2,
  /** a = table. */
  miss: 3,
  /** a = port, b = link index or 0xffffffff, c = new thread or 0xffffffff. */
  output: 4,
  /** a = resulting ct_state, b = zone, c = tracker. The row is that after the action (of the tracked copy). */
  ct: 5,
  /** a = choice site, b = option taken, c = number of options. */
  choice: 6,
  /** a = kind (SPAWN), b = new thread. */
  spawn: 7,
  /** a = LEAF kind, b = text index (Network.texts) or bound number, c = 1 if rejected. The row is the last. */
  leaf: 8,
  /** a = text index. note, punt and `unknown` with go. */
  note: 9,
  /** a = type (0 src, 1 dst). netfilter nat or unnat changed the packet. */
  nat: 10,
} as const;

export const SPAWN = { fork: 1, clone: 2, emit: 3 } as const;

export const LEAF = { local: 1, dropped: 2, unlinked: 3, unknown: 4, looped: 5 } as const;

/** Numbers of the bounds in a `looped` leaf. */
export const BOUND_NUMBER = { hops: 1, recirculations: 2, frames: 3, values: 4, encaps: 5, links: 6, threads: 7, events: 8 } as const;

export interface Event {
  readonly kind: number;
  readonly thread: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** The row at that moment, before the rule's program runs for `hit`. */
  readonly row: Row;
}

/** How a run chooses. `script` gives the options to take in order of the choices met; beyond it, option 0 (`first`) or the weighted flow hash (`hash`). */
export interface RunOptions {
  readonly script: readonly number[];
  readonly beyond: "first" | "hash";
  /** The packet inside, where the one that runs is the outer packet of a tunnel: with tun_id and tun_metadata0, as `decap` gives it. */
  readonly inner?: Row;
  /**
   * Instead of tracking: nothing is looked up or committed. Each `ct` with a resume takes the next of these as ct_state (OVS
   * bits; beyond the last: new|trk) of the packet that goes on tracked, in order of the `ct`s, which is that of their forks; ct_zone
   * is its zone, `exec` has written to ct_mark and ct_label as they were, and a `nat` range with an address has been applied as
   * its first address and port. A `ct` without a resume changes nothing, its event has state 0. `ofproto/trace` with `--ct-next`.
   */
  readonly ctStates?: readonly number[];
  /**
   * The packet is taken where it is inside the device: its registers, connection state and tunnel fields are as given, but for
   * in_port. Otherwise they are cleared when it enters.
   */
  readonly keep?: boolean;
}

/** A machine that runs packets: the reference interpreter, or the core. */
export interface Machine {
  /** Forgets all connections but those that {@link know} gave. */
  reset(): void;
  /** From now on every reset leaves these connections in the tables (later ones win where keys are taken); resets. Until it is called: none. */
  know(connections: readonly KnownConnection[]): void;
  /** Runs one packet that enters `device` at `port` (or starts at its socket: port null) on the present connections, and returns its events. */
  run(row: Row, device: number, port: number | null, options: RunOptions): Event[];
}

export type Verdict = "delivered" | "refused" | "unreachable" | "dropped" | "looped" | "expired" | "unknown";
