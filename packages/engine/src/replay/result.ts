/** What a replay is asked and what it answers. */
import type { ReplayCounters } from "@plumbline/core-wasm";
import type { Plugin } from "@plumbline/model";
import type { Session } from "../session.js";
import type { FlowSink } from "./flow-file.js";
import type { ToldPath } from "./paths.js";
import type { CaptureSource } from "./source.js";
import type { ReplayStats } from "./stats.js";
import type { Summary } from "./summary.js";

/** A capture, and where it was taken. */
export interface CaptureInput {
  readonly source: CaptureSource;
  /** `DEVICE:PORT`; else its name tells. */
  readonly at?: string;
}

export interface ReplayOptions {
  /** Plugins that may decode captures in formats that the core does not know (default: none). */
  readonly plugins?: readonly Plugin[];
  /** What to do where a branch is not known: the one by the flow's hash (default), or all, with their shares. */
  readonly choose?: "hash" | "enumerate";
  /** What the connection tables hold at the start: nothing (default), or what was dumped. */
  readonly conntrack?: "empty" | "dumped";
  readonly flows?: FlowSink;
  /** Takes every path that is told apart, once, in the order of first sight. */
  readonly paths?: (path: ToldPath) => void;
  /** Called now and then. */
  readonly progress?: (done: Progress) => void;
  /** The most flows of one capture held at a time (default 4194304); beyond it they are written out, and a connection may get a second record. */
  readonly maxFlows?: number;
  /**
   * How many flows may have their trajectory remembered at a time (default: all; 0: none). The result is the same, but for the counters of the cache
   * itself: it is an option for tests and measurements.
   */
  readonly maxTrajectories?: number;
  /** Threads that share the connections of one capture (default 1). Where connections may depend on each other one works, and the result says so. */
  readonly workers?: number;
}

/** How far a replay is: packets read, connections told (of several captures). */
export interface Progress {
  readonly packets: number;
  readonly bytes: number;
  readonly connections: number;
  readonly seconds: number;
}

/** What a replay needs of a session. */
export type ReplaySubject = Pick<Session, "net" | "num" | "annotators" | "core"> & Partial<Pick<Session, "dumped">>;

export interface CaptureReport {
  readonly name: string;
  /** Capture point, DEVICE:PORT. */
  readonly at: string;
  /** How entering frames are told from leaving ones. */
  readonly direction: string;
  readonly counters: ReplayCounters;
  /** What was wrong with the file, "" if nothing; what stands before it was used. */
  readonly problem: string;
}

export interface ReplayResult extends Summary {
  readonly schema: "plumbline.replay/1";
  readonly captures: readonly CaptureReport[];
  /** What a reader must know to take the numbers for what they are. */
  readonly notes: readonly string[];
  /** Threads that have worked on the capture. */
  readonly workers: number;
  readonly stats: ReplayStats;
}

/** Notes of which there is something to say. */
export function notesOf(notes: readonly (readonly [n: number, text: (counted: string) => string, what: string])[]): string[] {
  return notes.filter(([n]) => n > 0).map(([n, text, what]) => text(`${n} ${what}${n === 1 ? "" : "s"}`));
}

/** Notes on frames that are no flows. */
export function frameNotes(c: ReplayCounters): string[] {
  return notesOf([
    [c.foreign, (n) => `${n} neither entering nor leaving: from and for others`, "packet"],
    [c.otherLinks, (n) => `${n} of interfaces that are not Ethernet`, "packet"],
    [c.arp, (n) => `${n} not run`, "ARP frame"],
    [c.other, (n) => `${n} neither IP nor ARP`, "frame"],
    [c.shortEthernet + c.shortNetwork + c.shortTransport, (n) => `${n} cut within the headers by the capture's snapshot length`, "frame"],
    [c.badIp, (n) => `${n} with an IP header that contradicts itself`, "packet"],
    [c.flowless, (n) => `${n} of flows for which there was no memory; they are in no record`, "packet"],
  ]);
}
