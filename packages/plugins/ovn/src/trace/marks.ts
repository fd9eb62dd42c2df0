/**
 * Marks: what a traced pipeline leaves on its way for the reader, as `note`s of the IR. Each stands for a line of ovn-trace's output
 * or for the end of what is indented under one.
 */
import type { Action, Row } from "@plumbline/model";
import type { LogicalPort } from "../logical/topology.js";

export type Mark =
  /** A line at the present depth. */
  | { readonly kind: "action" | "comment" | "error"; readonly text: string | ((row: Row) => string) }
  /** The packet leaves the egress pipeline by a port or group of that name. */
  | { readonly kind: "output"; readonly datapath: string; readonly name: string; readonly port: LogicalPort | undefined }
  /** A title; what follows is under it until its `end`. */
  | { readonly kind: "pipeline" | "change"; readonly text: Title; readonly indented?: boolean }
  | { readonly kind: "end" };

/** Its text, or how it is made of the packet at that moment. */
export type Title = string | ((row: Row, trace: TraceState) => string);

/** What texts know of the trace so far. */
export interface TraceState {
  /** The connection state was none that was asked for. */
  readonly ctDefault: boolean;
}

/** Makes marks and finds them again. */
export class Marks {
  private readonly of = new Map<Action, Mark>();

  make(mark: Mark): Action {
    const note: Action = { op: "note", text: mark.kind };
    this.of.set(note, mark);
    return note;
  }
  find(note: Action): Mark | undefined {
    return this.of.get(note);
  }
}
