/**
 * What a loaded snapshot is: its files, what was read in them, and what was not.
 */
import type { EvidenceFile, FactBase, Plugin, Problem } from "@plumbline/model";

/** A file that a plugin has read. */
export interface SourceFile {
  readonly file: EvidenceFile;
  /** The plugin's id. */
  readonly plugin: string;
  /** As in Claim.what: "OpenFlow flows of br-int". */
  readonly what: string;
  readonly form: number;
  /** Facts that were read in it. */
  readonly facts: number;
  /** "" for the snapshot itself, else the path of the overlay that it comes from. */
  readonly overlay: string;
}

/** A file that a plugin could read, and that was left aside for a better one. */
export interface SetAsideFile {
  readonly file: EvidenceFile;
  readonly plugin: string;
  readonly what: string;
  readonly overlay: string;
  /** form: the same evidence in a poorer form; overlay: an overlay holds it. */
  readonly because: "form" | "overlay";
  /** The path that is used in its stead. */
  readonly instead: string;
}

export interface UnrecognisedFile {
  readonly file: EvidenceFile;
  readonly overlay: string;
}

export interface Snapshot {
  /** The folder that paths are relative to, or the archive. */
  readonly root: string;
  /** Paths of the overlays, as given. */
  readonly overlays: readonly string[];
  /** The plugins that it was read with. */
  readonly plugins: readonly Plugin[];
  /** In order of their paths. */
  readonly files: readonly SourceFile[];
  readonly facts: FactBase;
  readonly problems: readonly Problem[];
  readonly setAside: readonly SetAsideFile[];
  readonly unrecognised: readonly UnrecognisedFile[];
}
