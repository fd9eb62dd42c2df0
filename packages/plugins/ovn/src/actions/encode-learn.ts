/** Actions that have the switch learn flows, or sample packets. */
import { type FieldRef, type PacketField, resolveField } from "../expr/fields.js";
import { FLAG, PACKET_FIELDS, registerField, widestRegisterField } from "../expr/logical-fields.js";
import { hexText } from "../expr/token.js";
import { type LogicalAction, PROTOCOL_NUMBER } from "./ast.js";
import { type Encoder, FLAGS } from "./encoder.js";
import { addressText } from "./format.js";

type Of<T extends LogicalAction["type"]> = Extract<LogicalAction, { type: T }>;

const DATAPATH = `${PACKET_FIELDS.metadata.nxm}[]`;

/** The same connection's packets from this MAC address, and those of the other direction. */
export function encodeCommitEcmpNh(e: Encoder, { ipv6, proto }: Of<"commit_ecmp_nh">): void {
  const { ecmpNhMac, ecmpNh } = e.context.tables;
  const [src, dst] = ipv6 ? [PACKET_FIELDS.ipv6_src, PACKET_FIELDS.ipv6_dst] : [PACKET_FIELDS.ip_src, PACKET_FIELDS.ip_dst];
  const from = PACKET_FIELDS[`${proto}_src`];
  const to = PACKET_FIELDS[`${proto}_dst`];
  const found = `load:0x1->${FLAGS.nxm}[${FLAG.lookup_commit_ecmp_nh}]`;
  const type = `eth_type=${ipv6 ? "0x86dd" : "0x800"}`;
  const times = "idle_timeout=20,hard_timeout=30,delete_learned";
  const number = `nw_proto=${PROTOCOL_NUMBER[proto]}`;
  const same = (f: PacketField) => `${f.nxm}[]`;
  const turned = (a: PacketField, b: PacketField) => `${a.nxm}[]=${b.nxm}[0..-1]`;
  const here = [DATAPATH, same(PACKET_FIELDS.eth_src), type, same(src), same(dst), number, same(from), same(to), found];
  const back = [DATAPATH, type, turned(src, dst), turned(dst, src), number, turned(from, to), turned(to, from), found];
  e.add(
    { op: "other", text: `learn(table=${ecmpNhMac},${times},${here.join(",")})` },
    { op: "other", text: `learn(table=${ecmpNh},${times},${back.join(",")})` },
  );
}

export function encodeCommitLbAff(e: Encoder, a: Of<"commit_lb_aff">): void {
  const { context } = e;
  const v4 = a.vip.address.family === 4;
  const source = v4 ? PACKET_FIELDS.ip_src : PACKET_FIELDS.ipv6_src;
  const backend = v4 ? registerField(4) : widestRegisterField(1);
  const parts = [
    `table=${context.tables.lbAffinity}`,
    `idle_timeout=${a.timeout}`,
    "delete_learned",
    `cookie=${hexText(BigInt(context.cookie))}`,
    DATAPATH,
    `eth_type=${v4 ? "0x800" : "0x86dd"}`,
    `${source.nxm}[]`,
    `${v4 ? "ip_dst" : "ipv6_dst"}=${addressText(a.vip.address)}`,
    ...(a.proto ? [`nw_proto=${PROTOCOL_NUMBER[a.proto]}`, `${a.proto}_dst=${a.vip.port}`] : []),
    `load:0x1->${FLAGS.nxm}[${FLAG.use_lb_aff_session}]`,
    `load:${hexText(a.backend.address.value)}->${backend.nxm}[]`,
    ...(a.backend.port > 0 ? [`load:${hexText(BigInt(a.backend.port))}->${registerField(2).nxm}[0..15]`] : []),
  ];
  e.add({ op: "other", text: `learn(${parts.join(",")})` });
}

/** Bits of the datapath's key in a sample's domain. */
const DOMAIN_KEY = 0xffffff;

export function encodeSample(e: Encoder, a: Of<"sample">): void {
  const { context } = e;
  if (!context.hasCollectorSet(a.collectorSet)) return;
  const domain = ((a.domain << 24) >>> 0) + (context.datapathKey & DOMAIN_KEY);
  const point = a.point === "$cookie" ? context.cookie : typeof a.point === "number" ? a.point : rangeText(a.point);
  const set = `probability=${a.probability},collector_set_id=${a.collectorSet}`;
  e.add({ op: "other", text: `sample(${set},obs_domain_id=${domain},obs_point_id=${point})` });
}

function rangeText(f: FieldRef): string {
  const { field, ofs, bits } = resolveField(f);
  return `${field.nxm}[${ofs}..${ofs + bits - 1}]`;
}
