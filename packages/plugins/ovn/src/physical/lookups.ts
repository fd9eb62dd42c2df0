/**
 * Flows of what logical actions look up: MAC bindings, learned MAC addresses, load balancers' hairpins, port security
 * (controller/lflow.c of OVN: consider_neighbor_flow, add_fdb_flows, add_lb_vip_hairpin_flows, consider_port_sec_flows).
 */
import { ipv4Number, ipv4Text, ipv6Number, ipv6Text, macNumber, type Origin } from "@plumbline/model";
import { endpoint, PROTOCOL_NUMBER } from "../actions/index.js";
import { type Row, row, rows } from "../database.js";
import { expandTemplates, FLAG } from "../expr/index.js";
import type { LogicalDatapath, LogicalPort, MacBinding } from "../logical/topology.js";
import { asMap, asSet, asText } from "../values.js";
import { hex } from "./match-text.js";
import type { Physical } from "./physical.js";
import { cookieOf, resubmit } from "./ports.js";

const raised = (bit: number) => `set_field:${hex(1 << bit)}/${hex(1 << bit)}->reg10`;
const lowered = (bit: number) => `set_field:0/${hex(1 << bit)}->reg10`;

export function macBindingFlows(p: Physical, b: MacBinding): void {
  const { tables: t, form, macCache } = p.release;
  const cookie = cookieOf(b.row.uuid);
  const v4 = ipv4Number(b.ip);
  const v6 = v4 === null ? ipv6Number(b.ip) : null;
  if ((v4 === null && v6 === null) || macNumber(b.mac) === null) return;
  const priority = b.fixed ? (asText(b.row.columns["override_dynamic_mac"]) === "true" ? 150 : 50) : 100;
  const dp = `metadata=${hex(b.port.datapath.key)}`;
  const inport = `${dp},reg14=${hex(b.port.key)}`;
  const value = v4 !== null ? `reg0=${hex(v4)}` : "";
  const found = v4 !== null ? value : `xxreg${form.neighbourRegister}=${hex(v6!)}`;
  p.add(
    t.macBinding,
    priority,
    cookie,
    `${dp},reg15=${hex(b.port.key)},${found}`,
    [`set_field:${b.mac}->eth_dst`, raised(FLAG.lookup_mac)],
    b.origin,
  );
  const looked = v4 !== null ? `arp,${value}` : `icmp6,icmp_code=0,xxreg0=${hex(v6!)}`;
  p.add(t.macLookup, priority, cookie, `${looked},${inport},dl_src=${b.mac}`, [raised(FLAG.lookup_mac)], b.origin);
  if (!macCache || b.fixed) return;
  const used =
    v4 !== null
      ? [`arp,arp_op=2,arp_spa=${b.ip}`, `ip,nw_src=${b.ip}`]
      : [`icmp6,icmp_type=136,icmp_code=0,ipv6_src=${b.ip}`, `ipv6,ipv6_src=${b.ip}`];
  for (const match of used) p.add(t.macCacheUse, 100, cookie, `${match},${inport},dl_src=${b.mac}`, [], b.origin);
}

export function learnedFlows(p: Physical, dp: LogicalDatapath): void {
  const { tables: t } = p.release;
  for (const f of dp.fdb) {
    const cookie = cookieOf(f.uuid);
    p.add(t.fdb, 100, cookie, `metadata=${hex(dp.key)},dl_dst=${f.mac}`, [`set_field:${hex(f.portKey)}->reg15`], f.origin);
    p.add(t.fdbLookup, 100, cookie, `metadata=${hex(dp.key)},reg14=${hex(f.portKey)},dl_src=${f.mac}`, [raised(FLAG.lookup_fdb)], f.origin);
  }
}

/** All load balancers that a local datapath has. */
export function hairpinFlows(p: Physical, templates: ReadonlyMap<string, string>): void {
  const { zone, localDatapaths } = p.chassis;
  const local = new Map([...localDatapaths].map((d) => [d.uuid, d]));
  for (const lb of rows(zone, "southbound", "Load_Balancer")) {
    const groups = ["datapath_group", "ls_datapath_group", "lr_datapath_group"].map((c) => asText(lb.columns[c]));
    const members = [lb.columns["datapaths"], ...groups.map((g) => row(zone, "southbound", "Logical_DP_Group", g)?.columns["datapaths"])];
    const here = members.flatMap((m) => asSet(m)).flatMap((uuid) => local.get(String(uuid)) ?? []);
    if (here.length === 0) continue;
    const switches = members
      .slice(0, 3)
      .flatMap((m) => asSet(m))
      .flatMap((uuid) => local.get(String(uuid)) ?? []);
    for (const [key, value] of Object.entries(asMap(lb.columns["vips"]))) {
      const [vip, backends] = [key, String(value)].map((x) => expandTemplates(x, templates, p.release.symbols));
      balanced(p, lb, vip!, backends!, new Set(switches));
    }
  }
}

function balanced(p: Physical, lb: Row, vipText: string, backends: string, datapaths: ReadonlySet<LogicalDatapath>): void {
  const { tables: t, balancedIn } = p.release;
  const vip = endpoint(vipText);
  if (!vip) return;
  const options = asMap(lb.columns["options"]);
  const protocol = (asText(lb.columns["protocol"]) || "tcp") as "tcp" | "udp" | "sctp";
  const cookie = cookieOf(lb.uuid);
  const origin: Origin = lb.origin;
  const v4 = vip.address.family === 4;
  const text = v4 ? ipv4Text : ipv6Text;
  const sources = String(options["hairpin_snat_ip"] ?? "")
    .split(/\s+/)
    .filter((a) => a !== "" && a.includes(":") !== v4);
  const source = sources[0] ?? text(vip.address.value as never);
  const original = options["hairpin_orig_tuple"] === "true";
  const type = v4 ? "ip" : "ipv6";
  const balancedTo = original
    ? [v4 ? `${balancedIn}=${hex(vip.address.value)}` : `xxreg1=${hex(vip.address.value)}`]
    : ["ct_state=+trk+dnat", v4 ? `ct_nw_dst=${ipv4Text(Number(vip.address.value))}` : `ct_ipv6_dst=${ipv6Text(vip.address.value)}`];
  const port = original ? [`reg2=${hex(vip.port)}/0xffff`] : [`ct_nw_proto=${PROTOCOL_NUMBER[protocol]}`, `ct_tp_dst=${vip.port}`];
  // Where not every chassis can do without: databases say so.
  const settings = asMap(rows(p.chassis.zone, "southbound", "SB_Global")[0]?.columns["options"]);
  const translated = settings["lb_hairpin_use_ct_mark"] === "false" ? "ct_label=0x2/0x2" : "ct_mark=0x2/0x2";
  for (const one of backends.split(",")) {
    const b = endpoint(one.trim());
    if (!b || b.address.family !== vip.address.family) continue;
    const address = b.address.family === 4 ? ipv4Text(Number(b.address.value)) : ipv6Text(b.address.value);
    const [src, dst] = v4 ? ["nw_src", "nw_dst"] : ["ipv6_src", "ipv6_dst"];
    const match = [
      translated,
      b.port > 0 ? `${protocol}${v4 ? "" : "6"}` : type,
      `${src}=${address}`,
      `${dst}=${address}`,
      ...(b.port > 0 ? [`tp_dst=${b.port}`] : []),
      ...balancedTo,
      ...(b.port > 0 ? port : []),
    ];
    const upper = protocol.toUpperCase();
    const learned = [
      `table=${t.lbHairpinReply}`,
      "delete_learned",
      `cookie=${hex(cookie)}`,
      "OXM_OF_METADATA[]",
      `eth_type=${v4 ? "0x800" : "0x86dd"}`,
      v4 ? "NXM_OF_IP_SRC[]" : "NXM_NX_IPV6_SRC[]",
      `${v4 ? "ip_dst" : "ipv6_dst"}=${source}`,
      ...(b.port > 0
        ? [
            `nw_proto=${PROTOCOL_NUMBER[protocol]}`,
            protocol === "sctp" ? "OXM_OF_SCTP_SRC[]=OXM_OF_SCTP_DST[]" : `NXM_OF_${upper}_SRC[]=NXM_OF_${upper}_DST[]`,
          ]
        : ["NXM_OF_IP_PROTO[]"]),
      `load:0x1->NXM_NX_REG10[${FLAG.lookup_lb_hairpin}]`,
    ];
    p.add(t.lbHairpin, 100, cookie, match.join(","), [raised(FLAG.lookup_lb_hairpin), `learn(${learned.join(",")})`], origin);
  }
  const match = [vip.port > 0 ? `${protocol}${v4 ? "" : "6"}` : type, ...balancedTo, ...(vip.port > 0 ? port : [])].join(",");
  const translate = `ct(commit,zone=NXM_NX_REG12[0..15],nat(src=${source}))`;
  const less = vip.port > 0 ? 0 : 10;
  if (sources.length === 0) p.add(t.ctSnatToVip, 100 - less, cookie, match, [translate], origin);
  else for (const dp of datapaths) p.add(t.ctSnatToVip, 200 - less, cookie, `${match},metadata=${hex(dp.key)}`, [translate], origin);
}

interface Secured {
  readonly mac: string;
  readonly v4: readonly { readonly address: string; readonly len: number }[];
  readonly v6: readonly { readonly address: string; readonly len: number }[];
}

function securedOf(port: LogicalPort): Secured[] {
  return port.portSecurity.flatMap((text): Secured[] => {
    const [mac = "", ...addresses] = text.trim().split(/\s+/);
    if (macNumber(mac) === null) return [];
    const parts = addresses.map((a) => {
      const [address = "", len] = a.split("/");
      return { address, len: len === undefined ? (address.includes(":") ? 128 : 32) : Number(len) };
    });
    return [{ mac, v4: parts.filter((a) => !a.address.includes(":")), v6: parts.filter((a) => a.address.includes(":")) }];
  });
}

/** An address with host bits is that one alone; a network is all of it. */
function networkOf({ address, len }: { readonly address: string; readonly len: number }): string {
  if (address.includes(":")) {
    const value = ipv6Number(address) ?? 0n;
    const host = (1n << BigInt(128 - len)) - 1n;
    return len === 128 || (value & host) !== 0n ? address : `${address}/${len}`;
  }
  const value = ipv4Number(address) ?? 0;
  const host = len === 0 ? 0xffffffff : 0xffffffff >>> len;
  return len === 32 || (len < 32 && (value & host) >>> 0 !== 0) ? address : `${address}/${len}`;
}

/** The link-local address that is made of a MAC address (RFC 4291, appendix A). */
function linkLocal(mac: string): string {
  const m = macNumber(mac)!;
  const id = ((m >> 24n) << 40n) | (0xfffen << 24n) | (m & 0xffffffn);
  return ipv6Text((0xfe80n << 112n) | (id ^ (2n << 56n)));
}

export function portSecurityFlows(p: Physical, port: LogicalPort): void {
  const { tables: t, ndHopLimit } = p.release;
  const secured = securedOf(port);
  if (secured.length === 0) return;
  const { origin } = port.row;
  const cookie = cookieOf(port.row.uuid);
  const add = (table: number, priority: number, match: string, ...actions: string[]) =>
    p.add(table, priority, cookie, match, actions, origin);
  const [yes, no] = [lowered(FLAG.check_port_sec), raised(FLAG.check_port_sec)];
  const at = `metadata=${hex(port.datapath.key)},reg14=${hex(port.key)}`;
  const to = `metadata=${hex(port.datapath.key)},reg15=${hex(port.key)}`;
  const nd = `icmp6,nw_ttl=${ndHopLimit}`;
  add(t.inPortSecurity, 80, at, no);
  add(t.inPortSecurity, 95, `arp,${at}`, resubmit(t.inPortSecurityNd));
  add(t.inPortSecurityNd, 80, `arp,${at}`, no);
  add(t.inPortSecurityNd, 80, `icmp6,nw_ttl=255,icmp_type=136,${at}`, no);
  add(t.inPortSecurityNd, 80, `icmp6,nw_ttl=255,icmp_type=135,${at}`, yes);
  add(t.outPortSecurity, 80, to, no);
  for (const s of secured) {
    const src = `${at},dl_src=${s.mac}`;
    const dst = `${to},dl_dst=${s.mac}`;
    const own = [linkLocal(s.mac), ...s.v6.map(networkOf)];
    const bare = s.v4.length === 0 && s.v6.length === 0;
    if (bare) add(t.inPortSecurity, 90, src, resubmit(t.inPortSecurityNd));
    for (const a of s.v4) add(t.inPortSecurity, 90, `ip,${src},nw_src=${networkOf(a)}`, yes);
    if (s.v4.length > 0) add(t.inPortSecurity, 90, `udp,${src},nw_src=0.0.0.0,nw_dst=255.255.255.255,tp_src=68,tp_dst=67`, yes);
    if (s.v4.length > 0) for (const a of s.v4) add(t.inPortSecurityNd, 90, `arp,${src},arp_sha=${s.mac},arp_spa=${networkOf(a)}`, yes);
    else if (bare) add(t.inPortSecurityNd, 90, `arp,${src},arp_sha=${s.mac}`, yes);
    if (s.v6.length > 0) {
      for (const a of own) add(t.inPortSecurity, 90, `ipv6,${src},ipv6_src=${a}`, resubmit(t.inPortSecurityNd));
      // Before a port has an address: multicast listener reports, and the question whether somebody has it.
      for (const type of [131, 135, 143])
        add(
          t.inPortSecurity,
          90,
          `icmp6,${src},ipv6_src=::,ipv6_dst=ff02::/16,icmp_type=${type},icmp_code=0`,
          type === 135 ? resubmit(t.inPortSecurityNd) : yes,
        );
    }
    for (const ll of ["00:00:00:00:00:00", s.mac]) {
      add(t.inPortSecurityNd, 90, `${nd},icmp_type=135,icmp_code=0,${at},nd_sll=${ll}`, yes);
      if (s.v6.length === 0) add(t.inPortSecurityNd, 90, `${nd},icmp_type=136,icmp_code=0,${at},nd_tll=${ll}`, yes);
      else
        for (const [i, a] of own.entries()) {
          // The first is the link-local address, which is asked for otherwise than what is listed.
          const from = i === 0 ? `${nd},${at}` : `icmp6,${src}`;
          add(t.inPortSecurityNd, 90, `${from},icmp_type=136,icmp_code=0,nd_tll=${ll},nd_target=${a}`, yes);
        }
    }
    add(t.outPortSecurity, 85, dst, yes);
    if (!bare) for (const type of ["ip", "ipv6"]) add(t.outPortSecurity, 90, `${type},${dst}`, no);
    if (s.v4.length > 0)
      for (const a of [...s.v4.map(networkOf), "255.255.255.255", "224.0.0.0/4"]) add(t.outPortSecurity, 95, `ip,${dst},nw_dst=${a}`, yes);
    if (s.v6.length > 0) for (const a of [...own, "ff00::/8"]) add(t.outPortSecurity, 95, `ipv6,${dst},ipv6_dst=${a}`, yes);
  }
}
