/** Actions as OVS prints them (lib/ofp-actions.c, ofpacts_format; lib/learn.c, lib/bundle.c, lib/multipath.c). */
import { ipv4Text, ipv6Text, macText } from "@plumbline/model";
import type { CtSpec, FieldSlice, LearnAction, LearnSpec, NatSpec, OvsAction, TableRef } from "../ast.js";
import { fieldSlice, formatSlice, ovsField } from "../fields.js";
import { bytesMask } from "../parse/fieldValue.js";
import { PACKET_TYPES } from "../parse/headers.js";
import { PORT } from "../ports.js";
import { hex, hexDigits, nameText, portText, valueText } from "./value.js";

/** A list of actions; `drop` where there are none. */
export function printActions(actions: readonly OvsAction[]): string {
  const shown = actions.filter((a) => a.kind !== "drop");
  return shown.length === 0 ? "drop" : shown.map(printAction).join(",");
}

function subfield(s: FieldSlice): string {
  const f = ovsField(s.field);
  return f ? formatSlice(f, s.ofs, s.bits) : s.text;
}

function table(t: TableRef): string {
  return typeof t === "number" ? String(t) : nameText(t);
}

function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(".");
}

/** One action. */
export function printAction(a: OvsAction): string {
  switch (a.kind) {
    case "output": {
      const port = portText(a.port);
      if (a.port === PORT.controller) return `CONTROLLER:${a.maxLen ?? 0}`;
      return typeof a.port === "number" && a.port >= 0xff00 ? port : `output:${port}`;
    }
    case "outputTrunc":
      return `output(port=${portText(a.port)},max_len=${a.maxLen})`;
    case "outputField":
      return `output:${subfield(a.src)}`;
    case "controller":
      return controller(a);
    case "enqueue":
      return `enqueue:${portText(a.port)}:${a.queue}`;
    case "setQueue":
      return `set_queue:${a.queue}`;
    case "popQueue":
      return "pop_queue";
    case "setField":
      return write(a);
    case "deleteField":
      return `delete_field:${a.dst.field}`;
    case "move":
      return `move:${subfield(a.src)}->${subfield(a.dst)}`;
    case "push":
      return `push:${subfield(a.src)}`;
    case "pop":
      return `pop:${subfield(a.dst)}`;
    case "decTtl":
      return a.controllers.length === 0 ? "dec_ttl" : `dec_ttl(${a.controllers.join(",")})`;
    case "decMplsTtl":
      return "dec_mpls_ttl";
    case "decNshTtl":
      return "dec_nsh_ttl";
    case "popVlan":
      return a.form;
    case "pushVlan":
      return `push_vlan:${hexDigits(a.ethertype, 1)}`;
    case "pushMpls":
      return `push_mpls:${hexDigits(a.ethertype, 4)}`;
    case "popMpls":
      return `pop_mpls:${hexDigits(a.ethertype, 4)}`;
    case "encap": {
      const name = Object.keys(PACKET_TYPES).find((n) => PACKET_TYPES[n] === a.packetType) ?? "UNKNOWN";
      const props = [
        ...(a.mdType === 0 ? [] : [`md_type=${a.mdType}`]),
        ...a.tlvs.map((t) => `tlv(${hexDigits(t.class, 4)},${t.type},${hex(BigInt(`0x0${hexBytes(t.value).replace(/\./g, "")}`))})`),
      ];
      return `encap(${name}${props.length === 0 ? "" : `(${props.join(",")})`})`;
    }
    case "decap":
      return a.packetType === null ? "decap()" : `decap(packet_type(ns=${a.packetType >>> 16},type=${hex(a.packetType & 0xffff)}))`;
    case "resubmit": {
      if (a.inPort !== null && a.table === null && !a.ct) return `resubmit:${portText(a.inPort)}`;
      const port = a.inPort === null ? "" : portText(a.inPort);
      return `resubmit(${port},${a.table === null ? "" : table(a.table)}${a.ct ? ",ct" : ""})`;
    }
    case "goto":
      return `goto_table:${table(a.table)}`;
    case "writeActions":
      return `write_actions(${printActions(a.actions)})`;
    case "clearActions":
      return "clear_actions";
    case "writeMetadata":
      return `write_metadata:${hex(a.value)}${a.mask === 0xffffffffffffffffn ? "" : `/${hex(a.mask)}`}`;
    case "meter":
      return `meter:${a.id}`;
    case "ct":
      return ct(a);
    case "ctClear":
      return "ct_clear";
    case "group":
      return `group:${a.id}`;
    case "clone":
      return `clone(${printActions(a.actions)})`;
    case "conjunction":
      return `conjunction(${a.id},${a.clause}/${a.of})`;
    case "checkPktLarger":
      return `check_pkt_larger(${a.size})->${subfield(a.dst)}`;
    case "drop":
      return "drop";
    case "exit":
      return "exit";
    case "learn":
      return learn(a);
    case "bundle":
      return `${a.dst ? "bundle_load" : "bundle"}(${a.fields},${a.basis},${a.algorithm},ofport,${a.dst ? `${subfield(a.dst)},` : ""}members:${a.members.map(portText).join(",")})`;
    case "multipath":
      return `multipath(${a.fields},${a.basis},${a.algorithm},${a.links},${a.arg},${subfield(a.dst)})`;
    case "note":
      return `note:${hexBytes(a.bytes)}`;
    case "sample": {
      const id = (x: number | FieldSlice) => (typeof x === "number" ? String(x) : subfield(x));
      return (
        `sample(probability=${a.probability},collector_set_id=${a.collectorSet},obs_domain_id=${id(a.obsDomain)},obs_point_id=${id(a.obsPoint)}` +
        `${a.samplingPort === null ? "" : `,sampling_port=${portText(a.samplingPort)}`}${a.direction === "" ? "" : `,${a.direction}`})`
      );
    }
    case "finTimeout": {
      const parts = [...(a.idle ? [`idle_timeout=${a.idle}`] : []), ...(a.hard ? [`hard_timeout=${a.hard}`] : [])];
      return `fin_timeout(${parts.join(",")})`;
    }
    case "unrollXlate":
      return "unroll_xlate";
    case "debugRecirc":
      return "debug_recirc";
    case "debugSlow":
      return "debug_slow";
    case "bad":
      return a.text;
  }
}

function controller(a: Extract<OvsAction, { kind: "controller" }>): string {
  if (a.reason === "action" && a.id === 0 && a.userdata.length === 0 && !a.pause && a.meter === null) return `CONTROLLER:${a.maxLen}`;
  const parts: string[] = [];
  if (a.reason !== "action") parts.push(`reason=${a.reason}`);
  if (a.maxLen !== 0xffff) parts.push(`max_len=${a.maxLen}`);
  if (a.id !== 0) parts.push(`id=${a.id}`);
  if (a.userdata.length > 0) parts.push(`userdata=${hexBytes(a.userdata)}`);
  if (a.pause) parts.push("pause");
  if (a.meter !== null) parts.push(`meter_id=${a.meter}`);
  return `controller(${parts.join(",")})`;
}

type Write = Extract<OvsAction, { kind: "setField" }>;

function write(a: Write): string {
  const { value, form } = a;
  switch (form) {
    case "set_field": {
      const f = ovsField(a.dst.field)!;
      const all = (1n << BigInt(a.dst.bits)) - 1n;
      const dscp = f.name === "nw_tos";
      const mask = a.mask === (dscp ? 0xfcn : all) ? bytesMask(f.bytes) : a.mask;
      return `set_field:${valueText(f, value, mask, a.portName)}->${f.name}`;
    }
    case "load":
      return loads(a);
    case "mod_vlan_vid":
    case "set_vlan_vid":
      return `${form}:${value & 0xfffn}`;
    case "mod_vlan_pcp":
    case "set_vlan_pcp":
      return `${form}:${value >> 13n}`;
    case "mod_dl_src":
    case "mod_dl_dst":
      return `${form}:${macText(value)}`;
    case "mod_nw_src":
    case "mod_nw_dst":
      return `${form}:${ipv4Text(value)}`;
    case "set_tunnel":
    case "set_tunnel64":
      return `set_tunnel${form === "set_tunnel64" || value > 0xffffffffn ? "64" : ""}:${hex(value)}`;
    case "set_mpls_label":
    case "set_mpls_tc":
    case "set_mpls_ttl":
      return `${form}(${value})`;
    default:
      return `${form}:${value}`;
  }
}

/** A load of more than 64 bits is several (next_load_segment). */
function loads(a: Write): string {
  const f = ovsField(a.dst.field)!;
  const out: string[] = [];
  // All of `nw_tos` is named, of which DSCP is written.
  const mask = f.name === "nw_tos" && a.dst.bits === 8 ? 0xffn : a.mask;
  for (let i = 0; i < a.dst.bits; ) {
    if (((mask >> BigInt(i)) & 1n) === 0n) {
      i++;
      continue;
    }
    let n = 1;
    while (n < 64 && i + n < a.dst.bits && ((mask >> BigInt(i + n)) & 1n) === 1n) n++;
    const part = fieldSlice(f, a.dst.ofs + i, n);
    out.push(`load:${hex((a.value >> BigInt(i)) & ((1n << BigInt(n)) - 1n))}->${part.text}`);
    i += n;
  }
  return out.join(",");
}

function ct(a: CtSpec): string {
  const parts: string[] = [];
  if (a.commit) parts.push("commit");
  if (a.force) parts.push("force");
  if (a.table !== null) parts.push(`table=${table(a.table)}`);
  if (typeof a.zone !== "number") parts.push(`zone=${subfield(a.zone)}`);
  else if (a.zone !== 0) parts.push(`zone=${a.zone}`);
  if (a.nat) parts.push(nat(a.nat));
  if (a.exec.length > 0) parts.push(`exec(${printActions(a.exec)})`);
  if (a.alg !== "") parts.push(`alg=${a.alg}`);
  return `ct(${parts.join(",")})`;
}

function nat(n: NatSpec): string {
  if (n.type === "existing") return "nat";
  let range = "";
  if (n.min !== undefined) {
    const bracket = n.family === 6 && (n.portMin ?? 0) !== 0;
    const address = (v: bigint) => (n.family === 4 ? ipv4Text(v) : bracket ? `[${ipv6Text(v)}]` : ipv6Text(v));
    range = `=${address(n.min)}${n.max !== undefined && n.max !== 0n && n.max !== n.min ? `-${address(n.max)}` : ""}`;
  }
  if (n.portMin) range += `:${n.portMin}${n.portMax && n.portMax !== n.portMin ? `-${n.portMax}` : ""}`;
  return `nat(${[`${n.type}${range}`, ...n.flags].join(",")})`;
}

function learn(a: LearnAction): string {
  const parts = [`table=${table(a.table)}`];
  if (a.idleTimeout) parts.push(`idle_timeout=${a.idleTimeout}`);
  if (a.hardTimeout) parts.push(`hard_timeout=${a.hardTimeout}`);
  if (a.finIdleTimeout) parts.push(`fin_idle_timeout=${a.finIdleTimeout}`);
  if (a.finHardTimeout) parts.push(`fin_hard_timeout=${a.finHardTimeout}`);
  if (a.priority !== 32768) parts.push(`priority=${a.priority}`);
  if (a.sendFlowRem) parts.push("send_flow_rem");
  if (a.deleteLearned) parts.push("delete_learned");
  if (a.cookie !== 0n) parts.push(`cookie=${hex(a.cookie)}`);
  if (a.limit !== 0) parts.push(`limit=${a.limit}`);
  if (a.resultDst) parts.push(`result_dst=${subfield(a.resultDst)}`);
  return `learn(${[...parts, ...a.specs.map(learnSpec)].join(",")})`;
}

function learnSpec(s: LearnSpec): string {
  switch (s.kind) {
    case "matchValue": {
      const f = ovsField(s.dst.field)!;
      if (s.dst.ofs === 0 && s.dst.bits === f.bits) return `${f.name}=${valueText(f, s.value, bytesMask(f.bytes))}`;
      return `${subfield(s.dst)}=${hex(s.value)}`;
    }
    case "matchField": {
      const same = s.src.field === s.dst.field && s.src.ofs === s.dst.ofs;
      return same ? subfield(s.dst) : `${subfield(s.dst)}=${subfield(s.src)}`;
    }
    case "loadValue":
      return `load:${hex(s.value)}->${subfield(s.dst)}`;
    case "loadField":
      return `load:${subfield(s.src)}->${subfield(s.dst)}`;
    case "output":
      return `output:${subfield(s.src)}`;
  }
}
