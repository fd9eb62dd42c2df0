/**
 * Marks: what a traced pipeline leaves on its way for the reader, as `note`s of the IR. Each stands for a line of ovn-trace's output
 * or for the end of what is indented under one.
 *
 * A mark is its text, so that a compiled pipeline can be kept in a file. What depends on the packet stands in it as a
 * {@link variable}, which the reader fills in with the packet as it was at that moment.
 */
import { type Action, getBig, getBits, macText, type Row, type Slice } from "@plumbline/model";

export type MarkKind =
  /** The n-th action of the flow that was hit, counted as they are printed. */
  | "action"
  /** A line at the present depth. */
  | "comment"
  | "error"
  /** The packet leaves the egress pipeline by the port or group in its outport. */
  | "output"
  /** A title; what follows is under it until its `end`. */
  | "pipeline"
  | "change"
  | "end";

export interface Mark {
  readonly kind: MarkKind;
  readonly text: string;
  /** Indented even where it is the last of its list. */
  readonly indented: boolean;
}

const LETTERS: Readonly<Record<MarkKind, string>> = {
  action: "a",
  comment: "c",
  error: "e",
  output: "o",
  pipeline: "p",
  change: "t",
  end: "x",
};
const KINDS = new Map(Object.entries(LETTERS).map(([kind, letter]) => [letter, kind as MarkKind]));
const KNOWN = new Map<string, Action>();

/** The note that is this mark; equal marks are one note. */
export function mark(kind: MarkKind, text = "", indented = false): Action {
  const whole = `${LETTERS[kind]}${indented ? "+" : "-"}${text}`;
  let note = KNOWN.get(whole);
  if (!note) KNOWN.set(whole, (note = { op: "note", text: whole }));
  return note;
}

/** The mark that a note's text is. */
export function markOf(text: string): Mark | undefined {
  const kind = KINDS.get(text[0]);
  return kind && { kind, indented: text[1] === "+", text: text.slice(2) };
}

/** What stands for something of the packet in a mark's text. */
export type Variable =
  /** Names as the CMS gave them. */
  | "datapath"
  | "inport"
  | "outport"
  /** ` /* default … *\/` if the connection state was none that was asked for. */
  | "defaulted"
  /** Names of the bits of ct_state. */
  | "ct_state"
  | "eth.dst";

const FENCE = "\u0001";
export const variable = (name: Variable): string => `${FENCE}${name}${FENCE}`;
/** The number in some bits of the packet. */
export const bits = ({ field, ofs, n }: Slice): string => `${FENCE}bits ${field} ${ofs} ${n}${FENCE}`;

/** What variables need besides the packet. */
export interface TextContext {
  datapathName(row: Row): string;
  portName(row: Row, side: "inport" | "outport"): string;
  /** The connection state was none that was asked for. */
  readonly defaulted: boolean;
}

const STATE_NAMES = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"];
const CT_STATE: Slice = { field: "ct_state", ofs: 0, n: 32 };

export function render(text: string, row: Row, context: TextContext): string {
  if (!text.includes(FENCE)) return text;
  return text
    .split(FENCE)
    .map((part, i) => (i % 2 === 0 ? part : textOfVariable(part, row, context)))
    .join("");
}

function textOfVariable(name: string, row: Row, context: TextContext): string {
  switch (name) {
    case "datapath":
      return context.datapathName(row);
    case "inport":
    case "outport":
      return context.portName(row, name);
    case "defaulted":
      return context.defaulted ? " /* default (use --ct to customize) */" : "";
    case "ct_state": {
      const state = Number(getBits(row, CT_STATE));
      return STATE_NAMES.filter((_, bit) => (state >> bit) & 1).join("|") || "0";
    }
    case "eth.dst":
      return macText(getBig(row, "eth_dst"));
    default: {
      const [, field, ofs, n] = name.split(" ");
      return String(getBits(row, { field, ofs: Number(ofs), n: Number(n) }));
    }
  }
}
