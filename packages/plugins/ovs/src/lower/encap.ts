/**
 * `encap` and `decap` (ofproto-dpif-xlate.c, xlate_generic_encap_action, xlate_generic_decap_action): `packet_type` says what the
 * outermost header is.
 *
 * What stands behind an NSH header that is taken off is parsed anew by the switch; a row has forgotten it, so that such a packet is `unknown` from
 * there on.
 */
import { type Action, FIELDS, matchField, slice } from "@plumbline/model";
import type { OvsAction } from "../ast.js";
import { HIDDEN_BY_HEADER } from "./layers.js";
import type { Switch } from "./switch.js";

const TYPE = slice("packet_type");
const ETH_TYPE = slice("eth_type");
const NSH = 0x1894f;
const ETHERTYPE_NAMESPACE = 1n;
const NSH_NEXT: readonly (readonly [packetType: number, next: bigint])[] = [
  [0x10800, 1n],
  [0x186dd, 2n],
  [0, 3n],
  [NSH, 4n],
];

/** Whether packets may come not to begin with Ethernet. */
export function changesPacketType(actions: readonly OvsAction[]): boolean {
  return actions.some(
    (a) => a.kind === "encap" || a.kind === "decap" || ((a.kind === "clone" || a.kind === "writeActions") && changesPacketType(a.actions)),
  );
}

const set = (name: string, value: bigint): Action => ({ op: "set", dst: slice(name), value });

export function encap(sw: Switch, a: Extract<OvsAction, { kind: "encap" }>): Action {
  if (a.packetType === 0) {
    return sw.when(
      "encap(ethernet)",
      [matchField([], "packet_type", ETHERTYPE_NAMESPACE << 16n, 0xffff0000n)],
      [
        { op: "move", src: slice("packet_type", 0, 16), dst: ETH_TYPE },
        { op: "set", dst: TYPE, value: 0n },
        set("eth_src", 0n),
        set("eth_dst", 0n),
      ],
    );
  }
  if (a.packetType !== NSH) return sw.unknown("encap(mpls) is not modelled");
  const link = FIELDS.filter((f) => /^(eth_|vlan_|mpls_)/.test(f.name)).map((f) => f.name);
  const hidden = [...link, ...HIDDEN_BY_HEADER].map((f) => set(f, 0n));
  const mdType = a.mdType === 2 ? 2n : 1n;
  const header = (next: bigint): Action[] => [
    ...hidden,
    set("nsh_ttl", 63n),
    set("nsh_si", 255n),
    set("nsh_np", next),
    set("nsh_mdtype", mdType),
    { op: "set", dst: TYPE, value: BigInt(NSH) },
    { op: "set", dst: ETH_TYPE, value: 0x894fn },
  ];
  return sw.cases(
    `encap(nsh,md_type=${mdType})`,
    NSH_NEXT.map(([type, next]) => [[matchField([], "packet_type", type)], header(next)] as const),
  );
}

export function decap(sw: Switch): Action {
  const untagged = matchField(matchField([], "packet_type", 0), "vlan_tci", 0, 0x1000);
  return sw.cases(
    "decap()",
    [
      [
        [untagged],
        [
          { op: "move", src: ETH_TYPE, dst: slice("packet_type", 0, 16) },
          { op: "set", dst: slice("packet_type", 16, 16), value: ETHERTYPE_NAMESPACE },
          set("eth_src", 0n),
          set("eth_dst", 0n),
        ],
      ],
    ],
    [sw.unknown("what stands behind a header that is taken off is not modelled")],
  );
}
