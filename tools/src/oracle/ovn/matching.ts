/** Random ACLs, with the port groups and address sets that they name. */
import type { Random } from "../random.js";
import type { Switch, Topology } from "./topology.js";

export function addMatching(r: Random, t: Topology): void {
  const all = t.switches.flatMap((s) => s.ports);
  const c = t.commands;
  for (const name of ["as1", "as2"]) {
    const members = [...r.sample(all, r.int(4)).map((p) => p.v4), ...(r.chance(0.4) ? [`${r.pick(t.switches).net4}.0/24`] : [])];
    c.push([
      "create",
      "address_set",
      `name=${name}`,
      ...(members.length > 0 ? [`addresses=${members.map((m) => `"${m}"`).join(",")}`] : []),
    ]);
  }
  c.push([
    "create",
    "address_set",
    "name=as6",
    `addresses=${r
      .sample(all, 2)
      .map((p) => `"${p.v6}"`)
      .join(",")}`,
  ]);
  for (const name of ["pg1", "pg2"]) c.push(["pg-add", name, ...r.sample(all, r.int(4)).map((p) => p.name)]);
  for (const s of t.switches) if (r.chance(0.6)) for (let n = r.between(1, 5); n > 0; n--) addAcl(r, t, s.name, s);
  for (const name of ["pg1", "pg2"]) if (r.chance(0.4)) for (let n = r.between(1, 4); n > 0; n--) addAcl(r, t, name, undefined);
}

let acls = 0;

/** @param s the switch whose ports it may name; undefined for an ACL of a port group */
function addAcl(r: Random, t: Topology, on: string, s: Switch | undefined): void {
  const out = r.chance(0.5);
  const after = !out && r.chance(0.15);
  const verdict = r.pick(["allow", "allow-related", "allow-related", "drop", "reject", "allow-stateless"]);
  const flags = [
    ...(s ? [] : ["--type=port-group"]),
    ...(r.chance(0.25) ? ["--log"] : []),
    ...(r.chance(0.2) ? [`--severity=${r.pick(["alert", "debug", "info"])}`] : []),
    ...(r.chance(0.3) ? [`--name=acl-${++acls}`] : []),
    ...(after ? ["--apply-after-lb"] : []),
    ...(r.chance(0.1) ? [`--label=${r.between(1, 0xffff)}`] : []),
    ...(r.chance(0.2) ? [`--tier=${r.int(4)}`] : []),
  ];
  const direction = out ? "to-lport" : "from-lport";
  const key = `${direction}`;
  const acl = [on, key, String(r.between(1, 1005)), match(r, t, s, on, out), verdict];
  t.commands.push([...flags, "acl-add", ...acl]);
  // An option that this release lacks costs only itself.
  if (flags.length > 0) t.commands.push([...(s ? [] : ["--type=port-group"]), "--may-exist", "acl-add", ...acl]);
}

function match(r: Random, t: Topology, s: Switch | undefined, on: string, out: boolean): string {
  const all = t.switches.flatMap((x) => x.ports);
  const p = r.pick(s ? s.ports : all);
  const side = out ? "outport" : "inport";
  const number = r.pick([22, 53, 80, 443, 8080, 9090, 1024]);
  t.numbers.push(number);
  const where = s
    ? r.pick([`${side} == "${p.name}"`, `${side} == @pg1`, `${side} == {"${p.name}", "${r.pick(s.ports).name}"}`, "1"])
    : `${side} == @${on}`;
  const from = out ? "src" : "dst";
  const what = r.pick([
    "ip4",
    "ip6",
    "ip",
    "arp",
    "1",
    `ip4.${from} == ${r.pick(all).v4}`,
    `ip4.${from} == $as1`,
    `ip4.${from} != $as2`,
    `ip6.${from} == $as6`,
    `tcp.dst == ${number}`,
    `udp.dst >= ${number} && udp.dst <= ${number + 1000}`,
    `ip4 && (tcp.dst == {${number}, 443} || udp.dst == 53)`,
    `ip4.${from} == {${r.pick(all).v4}, ${r.pick(all).v4}} && tcp.dst == {80, 443, ${number}}`,
    "icmp4",
    "icmp6 && icmp6.type == 128",
    `sctp.dst == ${number}`,
    "ip.frag",
    "ct.est && !ct.rpl",
    `eth.src == ${r.pick(all).mac}`,
    "tcp.flags == 2/2",
    "ip.proto == 47",
    "vlan.present",
    "nd_ns || nd_na",
  ]);
  return where === "1" ? what : what === "1" ? where : `${where} && ${what.includes("||") ? `(${what})` : what}`;
}
