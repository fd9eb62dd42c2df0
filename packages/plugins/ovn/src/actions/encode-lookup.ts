/** Actions that ask the tables of ovn-controller, or tell ovn-controller what they found. */
import { type FieldRef, resolveField } from "../expr/fields.js";
import { FLAG, PACKET_FIELDS, widestRegisterField } from "../expr/logical-fields.js";
import type { LogicalAction } from "./ast.js";
import type { ControllerTables } from "./controller-tables.js";
import { type Encoder, INPORT, isField, OUTPORT, ones, register, wholeField } from "./encoder.js";
import type { SubField } from "./openflow.js";
import { OPCODE, resultUserdata, userdata } from "./userdata.js";

type Of<T extends LogicalAction["type"]> = Extract<LogicalAction, { type: T }>;

const { eth_src, eth_dst } = PACKET_FIELDS;

export function encodeGetMac(e: Encoder, a: Of<"get_mac">): void {
  const ip = a.name === "get_arp" ? register("reg0") : widestRegisterField(e.context.form.neighbourRegister);
  e.withArguments(
    [
      { src: resolveField(a.port), dst: OUTPORT },
      { src: resolveField(a.ip), dst: ip },
    ],
    () => {
      e.set(eth_dst, 0n);
      e.resubmit(e.context.tables.macBinding);
    },
  );
}

export function encodePutMac(e: Encoder, a: Of<"put_mac">): void {
  e.withArguments(
    [
      { src: resolveField(a.port), dst: INPORT },
      { src: resolveField(a.ip), dst: a.name === "put_arp" ? register("reg0") : widestRegisterField(0) },
      { src: resolveField(a.mac), dst: eth_src },
    ],
    () => e.controller(userdata(OPCODE[a.name]).done()),
  );
}

export function encodeLookupMac(e: Encoder, a: Of<"lookup_mac">): void {
  const { tables, form } = e.context;
  const v4 = a.name.startsWith("lookup_arp");
  const port = resolveField(a.port);
  const ip = resolveField(a.ip);
  if (a.mac) {
    e.withArguments(
      [
        { src: port, dst: INPORT },
        { src: ip, dst: v4 ? register("reg0") : widestRegisterField(0) },
        { src: resolveField(a.mac), dst: eth_src },
      ],
      () => e.ask(FLAG.lookup_mac, tables.macLookup, a.dst),
    );
    return;
  }
  e.withArguments(
    [
      { src: port, dst: OUTPORT },
      { src: ip, dst: v4 ? register("reg0") : widestRegisterField(form.neighbourRegister) },
    ],
    () => {
      // The table for MAC bindings writes eth.dst.
      e.add({ op: "push", field: wholeField(eth_dst) });
      e.ask(FLAG.lookup_mac, tables.macBinding, a.dst);
      e.add({ op: "pop", field: wholeField(eth_dst) });
    },
  );
}

export function encodePutFdb(e: Encoder, a: Of<"put_fdb">): void {
  e.withArguments(
    [
      { src: resolveField(a.port), dst: INPORT },
      { src: resolveField(a.mac), dst: eth_src },
    ],
    () => e.controller(userdata(OPCODE.put_fdb).done()),
  );
}

export function encodeGetFdb(e: Encoder, a: Of<"get_fdb">): void {
  const { tables } = e.context;
  const found = a.name === "get_fdb" ? OUTPORT : register("reg1");
  e.withArguments([{ src: resolveField(a.mac), dst: eth_dst }], () => {
    e.set(found, 0n);
    e.resubmit(a.name === "get_fdb" ? tables.fdb : tables.remoteFdb);
  });
  const dst = resolveField(a.dst);
  if (!isField(dst, found)) e.add({ op: "move", src: wholeField(found), dst });
}

export function encodeLookupFdb(e: Encoder, a: Of<"lookup_fdb">): void {
  e.withArguments(
    [
      { src: resolveField(a.port), dst: INPORT },
      { src: resolveField(a.mac), dst: eth_src },
    ],
    () => {
      e.clearFlag(FLAG.lookup_fdb);
      e.resubmit(e.context.tables.fdbLookup);
    },
  );
  e.moveFlag(FLAG.lookup_fdb, a.dst);
}

export function encodeChkEvpnArp(e: Encoder, a: Of<"chk_evpn_arp">): void {
  const ip = resolveField(a.ip);
  e.withArguments([{ src: ip, dst: ip.bits === 32 ? register("reg0") : widestRegisterField(0) }], () =>
    e.ask(FLAG.evpn_lookup, e.context.tables.evpnArp, a.dst),
  );
}

/** Which flag of which table is the result. */
const ASKED: { readonly [name: string]: readonly [bit: number, table: keyof ControllerTables] } = {
  chk_lb_hairpin: [FLAG.lookup_lb_hairpin, "lbHairpin"],
  chk_lb_hairpin_reply: [FLAG.lookup_lb_hairpin, "lbHairpinReply"],
  check_in_port_sec: [FLAG.check_port_sec, "inPortSecurity"],
  check_out_port_sec: [FLAG.check_port_sec, "outPortSecurity"],
  chk_ecmp_nh_mac: [FLAG.lookup_commit_ecmp_nh, "ecmpNhMac"],
  chk_ecmp_nh: [FLAG.lookup_commit_ecmp_nh, "ecmpNh"],
  chk_lb_aff: [FLAG.use_lb_aff_session, "lbAffinity"],
};
/** Which table has the answer in the low bits of xxreg1, and how many bits it is. */
const ORIGINAL: { readonly [name: string]: readonly [bits: number, table: keyof ControllerTables] } = {
  ct_nw_dst: [32, "ctNwDst"],
  ct_ip6_dst: [128, "ctIp6Dst"],
  ct_tp_dst: [16, "ctTpDst"],
  ct_proto: [8, "ctProto"],
  ct_state_save: [8, "ctStateSave"],
};

export function encodeResult(e: Encoder, a: Of<"result">): void {
  const { tables } = e.context;
  const asked = ASKED[a.name];
  const original = ORIGINAL[a.name];
  if (asked) e.ask(asked[0], tables[asked[1]], a.dst);
  else if (original) fromRegister(e, tables[original[1]], original[0], a.dst);
  else e.controller(resultUserdata(OPCODE.dns_lookup, a.dst), true);
}

/** Where releases up to 25.03 find the answers; what stood there is lost. */
const OWN_REGISTERS: { readonly [bits: number]: SubField } = {
  16: { field: register("reg2"), ofs: 0, bits: 16 },
  32: wholeField(register("reg1")),
  128: wholeField(widestRegisterField(1)),
};

function fromRegister(e: Encoder, table: number, bits: number, to: FieldRef): void {
  const own = e.context.form.originalIn === "registers" ? OWN_REGISTERS[bits] : undefined;
  const found: SubField = own ?? { field: widestRegisterField(1), ofs: 0, bits };
  const dst = resolveField(to);
  const kept = own !== undefined || (isField(dst, found.field) && dst.ofs === 0);
  if (!kept) e.add({ op: "push", field: found });
  // A load has 64 bits at most.
  if (own && bits > 64) for (const half of [0n, 64n]) e.set(found.field, 0n, ones(64) << half);
  else e.set(found.field, 0n, ones(bits));
  e.resubmit(table);
  e.add({ op: "move", src: found, dst });
  if (!kept) e.add({ op: "pop", field: found });
}
