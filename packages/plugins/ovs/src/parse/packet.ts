/**
 * The packet argument of `ofproto/trace`: a flow in OpenFlow's or in the datapath's words, and behind it, if given, a frame in
 * hexadecimal, whose headers then count (ofproto/ofproto-dpif-trace.c, parse_flow_and_packet).
 */
import { getBig, newRow, type Row, set, TUNNEL_FIELDS } from "@plumbline/model";
import type { PortRef } from "../ast.js";
import type { OvsTlvFact } from "../facts.js";
import { CT_FIELDS } from "../lower/bits.js";
import { BadArgument, bad } from "./badArgument.js";
import { isDatapathFlow, parseDatapathFlow } from "./datapathFlow.js";
import { parseExactFlow } from "./exactFlow.js";
import type { FlowMatch } from "./flowMatch.js";
import { frameFromHex, readFrame, VLAN_LIMIT } from "./frame.js";
import { type Names, NO_NAMES } from "./names.js";
import { termsOf } from "./terms.js";

export interface PacketText {
  readonly row: Row;
  /** OpenFlow port at which the packet enters, as `row` has it too; null where the text names a port of the datapath. */
  readonly inPort: PortRef | null;
  /** Port of the datapath, by number or name; null where the text is in OpenFlow's words, or names none. */
  readonly datapathPort: number | string | null;
  /** Which words the text is in. */
  readonly words: "openflow" | "datapath";
  /** The frame behind the flow. */
  readonly frame: Uint8Array | null;
}

export interface PacketOptions {
  /** Names of the bridge's ports. */
  readonly names?: Names;
  readonly tlvMap?: readonly OvsTlvFact[];
  readonly vlanLimit?: number;
}

/** Throws {@link BadArgument} with OVS's message. */
export function parsePacketText(text: string, options: PacketOptions = {}): PacketText {
  const { names = NO_NAMES, tlvMap = [], vlanLimit = VLAN_LIMIT } = options;
  const m = /^(.*?)\s+([0-9a-fA-F]{28,})\s*$/s.exec(text);
  const frame = m ? frameFromHex(m[2]) : null;
  const flow = frame ? m![1] : text.trim();
  if (flow === "") bad("the packet is empty");
  if (isDatapathFlow(flow)) {
    const { row, port } = parseDatapathFlow(flow, tlvMap, vlanLimit);
    return { row: frame ? readFrame(frame, contextOf(row), vlanLimit) : row, inPort: null, datapathPort: port, words: "datapath", frame };
  }
  let parsed: FlowMatch;
  try {
    parsed = parseExactFlow(flow, names);
  } catch (e) {
    if (!(e instanceof BadArgument)) throw e;
    return bad(`Bad openflow flow syntax: ${e.message}`);
  }
  const row = rowOf(parsed);
  const inPort = parsed.portNames.get("in_port") ?? parsed.value("in_port");
  return { row: frame ? readFrame(frame, contextOf(row), vlanLimit) : row, inPort, datapathPort: null, words: "openflow", frame };
}

/** The fields of a flow as a packet row. */
function rowOf(flow: FlowMatch): Row {
  const row = newRow();
  for (const t of termsOf(flow)) {
    if (!t.slice) bad(`${t.name}: packets here do not hold this field`);
    set(row, t.slice.field, t.value << BigInt(t.slice.ofs));
  }
  return row;
}

/** What comes with a packet, beside its headers: these a frame replaces. */
const CONTEXT = ["in_port", "pkt_mark", "skb_priority", "recirc_id", "dp_hash", ...CT_FIELDS, ...TUNNEL_FIELDS];

function contextOf(row: Row): Row {
  const out = newRow();
  for (const name of CONTEXT) set(out, name, getBig(row, name));
  return out;
}
