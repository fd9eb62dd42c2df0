/**
 * One layer alone, from files: what `plumbline ofproto trace`, `ovn trace`, `netfilter trace` and `route get` ask of a plugin.
 *
 * A plugin opens a layer from texts: it lowers them to a network of their own, reads questions, and tells answers from the
 * events that a run leaves. The same pipelines run here as in a whole trace; only questions and answers have the shape of the
 * program that an engineer would ask on the machine (ovs-appctl ofproto/trace, ovn-trace, nft monitor trace, ip route get).
 */
import type { Problem } from "./facts.js";
import type { Network } from "./network.js";
import type { Row } from "./row.js";
import type { Event, RunOptions } from "./trajectory.js";

/** One run to be made. */
export interface LayerRun {
  readonly row: Row;
  /** Index in Network.devices. */
  readonly device: number;
  /** Port of the device at which the packet enters, null for its own socket. */
  readonly port: number | null;
  readonly options: RunOptions;
  /** Connections of earlier runs are forgotten first. */
  readonly fresh: boolean;
}

/** A question that was understood. `Q` is what the layer keeps of it for the answer. */
export interface LayerQuestion<Q = unknown> {
  readonly run: LayerRun;
  readonly about: Q;
}

/** What a core made of a network: it can be kept and used by the same core again, in place of the network. */
export interface CompiledNetwork {
  /** Which core: another one cannot use it. */
  readonly maker: string;
  readonly words: Uint32Array;
  readonly softEntries: number;
  readonly wordsUsed: number;
}

/** Where layers that are dear to open are kept, by names made of the contents of their files. */
export interface LayerStore {
  /** What is kept under a name, if anything. */
  read(name: string): Uint8Array | undefined;
  /** Keeps these pieces, one behind the other. */
  write(name: string, pieces: readonly Uint8Array[]): void;
  /** Something kept cannot be used, or cannot be kept. */
  note(message: string): void;
}

/** A layer, opened. `Answer` is the JSON of docs/schemas. */
export interface Layer<Answer, Q = unknown> {
  readonly network: Network;
  /** What was kept of an earlier opening of the same files. Where it is of use, `network` need not be asked for, which may be dear. */
  readonly compiled?: CompiledNetwork | undefined;
  /** Takes what was made of `network`, to be kept; the network is not asked for again. */
  keep?(compiled: CompiledNetwork): void;
  /** What of the files could not be used. */
  readonly problems: readonly Problem[];
  /** Reads a question: the packet, and options of its own behind it. Throws {@link UsageError}. */
  ask(line: string): LayerQuestion<Q>;
  /** A better run for the question, now that the last one's events show which choices it meets; null if that one was good. */
  again?(question: LayerQuestion<Q>, events: readonly Event[]): LayerRun | null;
  answer(question: LayerQuestion<Q>, events: readonly Event[]): Answer;
  /** The answer as the asked program would print it, without a last line break. */
  text(answer: Answer, question: LayerQuestion<Q>): string;
}
