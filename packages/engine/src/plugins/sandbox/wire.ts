/**
 * What crosses the border between the engine and a plugin's worker: plain data only.
 */
import type { Collectable, Device, HookChain, Link, Origin, Plugin, Port, Problem, Rule, Stage, Table, Tracker } from "@plumbline/model";

/** Given to the worker when it starts. */
export interface WorkerStart {
  /** The plugin's module. */
  readonly entry: string;
  readonly counts: SharedArrayBuffer;
}

/** What a plugin is, without its functions. */
export interface Described {
  readonly id: string;
  readonly title: string;
  /** Names of the parts that it has. */
  readonly parts: readonly string[];
  readonly stages: readonly Stage[];
  readonly facts: Plugin["facts"];
  readonly collects: readonly Collectable[] | undefined;
}

/** A file, without its content. */
export interface FileHead {
  /** Under this number its content is asked for. */
  readonly number: number;
  readonly path: string;
  readonly host: string;
  readonly command: string;
  readonly size: number;
}

/** A fact as a worker tells it: host and file are the engine's to say. */
export interface ToldFact {
  readonly kind: string;
  readonly data: unknown;
  readonly line: number;
  readonly text: string;
}
export type ToldProblem = Omit<Problem, "file">;

/** A table without its rules. */
export type TableHead = Omit<Table, "rules">;

/** The network as far as a worker needs it, or what is new in it. */
export interface NetworkState {
  /** True: `devices` and `tables` are all there are; false: what is behind those that it knows. */
  readonly whole: boolean;
  readonly devices: readonly Device[];
  readonly tables: readonly TableHead[];
  readonly links: readonly Link[];
  readonly trackers: readonly Tracker[];
  readonly rules: number;
}

/** What a plugin's lowering did, in one call. */
export interface NetworkChange {
  readonly devices: readonly Device[];
  /** New ports of devices that were there before. */
  readonly ports: readonly { readonly device: number; readonly port: Port }[];
  readonly tables: readonly TableHead[];
  readonly rules: readonly Rule[];
  readonly links: readonly Link[];
  readonly trackers: readonly Tracker[];
  /** Devices and tables that were there before and whose changeable parts are others now. */
  readonly changedDevices: readonly Pick<Device, "id" | "entry" | "origin" | "node" | "pod" | "aliases">[];
  readonly changedTables: readonly { readonly id: number; readonly miss: Table["miss"]; readonly missOrigin: Origin | null }[];
  /** Chains that were registered, under numbers by which they are built. */
  readonly hooks: readonly (Omit<HookChain, "build"> & { readonly number: number })[];
  /** Interpreters of packets to a controller: they cannot leave the worker. */
  readonly punts: number;
  readonly problems: readonly Problem[];
}
