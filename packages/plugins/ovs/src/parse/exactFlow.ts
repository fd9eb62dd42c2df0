/**
 * A packet as `ofproto/trace` takes it in OpenFlow's words (lib/ofp-flow.c, parse_ofp_exact_flow): stricter than a match. Each
 * field may be given once, as a whole, and only where what stands before it says that the packet has it.
 */
import { plainField } from "../fields.js";
import { PORT } from "../ports.js";
import { BadArgument, bad } from "./badArgument.js";
import { packetHas } from "./check.js";
import { bytesMask, parseFieldValue } from "./fieldValue.js";
import { FlowMatch } from "./flowMatch.js";
import { shorthand } from "./match.js";
import { type Names, NO_NAMES } from "./names.js";
import { nextKeyValue } from "./scan.js";

/** A packet's fields; those that are not named are zero, and in_port is NONE. Throws {@link BadArgument} with OVS's message. */
export function parseExactFlow(text: string, names: Names = NO_NAMES): FlowMatch {
  const flow = new FlowMatch();
  // All packets begin with Ethernet where nothing else is said.
  for (let kv = nextKeyValue(text, 0); kv; kv = nextKeyValue(text, kv.end)) {
    const { key } = kv;
    const protocol = shorthand(key);
    if (protocol) {
      if (flow.value("eth_type") !== 0) bad(`${text}: Ethernet type set multiple times`);
      if (protocol[1] !== 0 && flow.value("nw_proto") !== 0) bad(`${text}: network protocol set multiple times`);
      flow.put("eth_type", BigInt(protocol[0]), 0xffffn);
      if (protocol[1] !== 0) flow.put("nw_proto", BigInt(protocol[1]), 0xffn);
      continue;
    }
    const f = plainField(key);
    if (!f || f.newer) bad(`${text}: unknown field ${key}`);
    if (!packetHas(flow, f.needs)) bad(`${text}: prerequisites not met for setting ${key}`);
    const option = /^tun_metadata(\d+)$/.exec(f.storage);
    // `vlan_vid` has the bit that says there is a tag.
    const given = f.name === "vlan_vid" ? flow.get("vlan_tci").value & 0x1fffn : flow.read(f).value;
    if (option ? flow.options.has(Number(option[1])) : given !== 0n) bad(`${text}: field ${key} set multiple times`);
    let value: ReturnType<typeof parseFieldValue>;
    try {
      value = parseFieldValue(f, kv.value ?? "", names);
      if (value.mask !== bytesMask(f.bytes)) bad(`${kv.value}: wildcards not allowed here`);
    } catch (e) {
      if (!(e instanceof BadArgument)) throw e;
      bad(`${text}: bad value for ${key} (${e.message})`);
    }
    flow.setField(f, value);
  }
  if (flow.value("in_port") === 0 && !flow.portNames.has("in_port")) flow.put("in_port", BigInt(PORT.none), 0xffffn);
  return flow;
}
