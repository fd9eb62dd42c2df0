/**
 * Random hosts to route on: lines of `ip -batch`, and questions for `ip route get`.
 *
 * Interface n has 10.n.0.1/24 and fd00:n::1/64. Destinations are drawn from few networks, so that routes, rules and questions meet.
 */
import type { NamespaceSpec } from "../kernel/namespace.js";
import type { Random } from "../random.js";

export interface RouteNet {
  readonly spec: NamespaceSpec;
  /** Lines of `ip -batch` that may be left out. */
  readonly lines: readonly string[];
  readonly version: 4 | 6;
}

const TABLES = ["main", "main", "main", "100", "200", "300"] as const;
const METRICS = ["", "", "", " metric 10", " metric 100", " metric 50"] as const;
const REFUSALS = ["blackhole", "unreachable", "prohibit", "throw"] as const;

class Drawing {
  readonly count: number;

  constructor(
    readonly r: Random,
    readonly version: 4 | 6,
  ) {
    this.count = r.between(3, 5);
  }

  iface = () => `e${this.r.int(this.count)}`;

  prefix(): string {
    const { r } = this;
    if (this.version === 4) {
      const [len, mask] = r.pick([
        [8, 0],
        [12, 1],
        [16, 1],
        [20, 2],
        [23, 2],
        [24, 3],
        [24, 3],
        [25, 3],
        [32, 4],
      ] as const);
      const second = 16 * r.int(4);
      const third = r.pick([0, 2, 128]);
      const parts = [
        r.pick([20, 20, 20, 172, 192]),
        mask >= 1 ? second : 0,
        mask >= 2 ? (len === 20 ? third & 0xf0 : third) : 0,
        mask >= 4 ? r.between(1, 3) : 0,
      ];
      return `${parts.join(".")}/${len}`;
    }
    return r.pick([
      `fd20::/${r.pick([16, 20])}`,
      `fd20:${r.int(4)}::/32`,
      `fd20:${r.int(4)}:${r.int(2)}::/48`,
      `fd20:${r.int(4)}:${r.int(2)}::/64`,
      `fd20:${r.int(4)}::${r.between(1, 3)}/128`,
    ]);
  }

  gateway(i: number): string {
    return this.version === 4 ? `10.${i}.0.${this.r.between(3, 9)}` : `fd00:${i}::${this.r.between(3, 9)}`;
  }

  own(i = this.r.int(this.count)): string {
    return this.version === 4 ? `10.${i}.0.${this.r.pick([1, 1, 2])}` : `fd00:${i}::1`;
  }

  destination(): string {
    const { r } = this;
    if (this.version === 4)
      return r.chance(0.85)
        ? `${r.pick([20, 20, 20, 20, 172, 192, 8])}.${16 * r.int(4) + r.pick([0, 0, 0, 1])}.${r.pick([0, 0, 1, 2, 3, 128, 129])}.${r.between(0, 4)}`
        : r.pick([
            `10.${r.int(this.count)}.0.${r.pick([0, 1, 2, 7, 255])}`,
            `10.${r.int(this.count)}.1.${r.between(1, 3)}`,
            "255.255.255.255",
            "127.0.0.1",
            "224.0.0.5",
          ]);
    return r.chance(0.85)
      ? `fd20:${r.int(5)}:${r.int(3)}::${r.between(1, 4)}`
      : r.pick([`fd00:${r.int(this.count)}::${r.between(0, 9)}`, `fd00:${r.int(this.count)}::1`, "2001:db8::1", "::1"]);
  }
}

export function randomRoutes(r: Random): RouteNet {
  const version = r.chance(0.75) ? 4 : 6;
  const d = new Drawing(r, version);
  const lines: string[] = [];
  const names = Array.from({ length: d.count }, (_, i) => `e${i}`);
  names.forEach((n, i) => {
    lines.push(`addr add 10.${i}.0.1/24 dev ${n}`, `addr add fd00:${i}::1/64 dev ${n} nodad`);
    if (r.chance(0.3)) lines.push(`addr add 10.${i}.0.2/24 dev ${n}`);
    if (r.chance(0.3)) lines.push(`addr add 10.${i}.1.1/30 dev ${n}`);
    if (r.chance(0.1)) lines.push(`addr add 10.${i}.2.1/24 dev ${n} scope ${r.pick(["link", "host"])}`);
    if (r.chance(0.1)) lines.push(`addr add 10.${i}.3.1 peer 10.${i}.3.9/32 dev ${n}`);
  });
  const objects = r.chance(0.4) ? nexthopObjects(d, lines) : [];
  for (let n = r.between(6, 24); n > 0; n--) lines.push(route(d, objects));
  if (r.chance(0.7)) lines.push(version === 4 ? "route add default via 10.0.0.254" : "route add default via fd00:0::fe");
  const rules = r.chance(0.75) ? r.between(1, 8) : 0;
  for (let n = 0; n < rules; n++) lines.push(rule(d));
  // As a VRF has it, without the device: what comes in by or goes out of an interface looks into a table that ends in a refusal.
  if (r.chance(0.3)) {
    const i = d.iface();
    lines.push(`rule add pref 900 iif ${i} lookup 400`, `rule add pref 901 oif ${i} lookup 400`);
    lines.push(`route add unreachable ${everything(version)} table 400 metric 4278198272`, routeLine(d.prefix(), `dev ${i}`, "400", ""));
  }
  if (r.chance(0.15)) lines.push(`link set ${d.iface()} down`);
  if (rules > 0 && r.chance(0.1)) lines.push("rule del pref 32767");
  const sysctl: Record<string, string> = {
    "net/ipv4/ip_forward": r.chance(0.9) ? "1" : "0",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/forwarding": "1",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/router_solicitations": "0",
    "net/ipv4/conf/all/rp_filter": r.chance(0.2) ? r.pick(["1", "2"]) : "0",
    "net/ipv4/conf/default/rp_filter": "0",
  };
  const interfaces = names.map((name, i) => ({ name, mac: `02:00:00:00:00:${(i + 1).toString(16).padStart(2, "0")}` }));
  return { spec: { interfaces, sysctl, batch: [] }, lines, version };
}

/** `default` tells no family. */
const everything = (version: 4 | 6) => (version === 4 ? "0.0.0.0/0" : "::/0");

function nexthopObjects(d: Drawing, lines: string[]): number[] {
  const { r } = d;
  const ids: number[] = [];
  for (let id = 1; id <= 4; id++) {
    const i = r.int(d.count);
    if (r.chance(0.12)) lines.push(`nexthop add id ${id} blackhole`);
    else lines.push(r.chance(0.7) ? `nexthop add id ${id} via ${d.gateway(i)} dev e${i}` : `nexthop add id ${id} dev e${i}`);
    ids.push(id);
  }
  if (r.chance(0.7)) {
    lines.push(`nexthop add id 10 group 1${r.pick(["", ",2"])}/2,3`);
    ids.push(10);
  }
  return ids;
}

const routeLine = (prefix: string, how: string, table: string, metric: string) => `route add ${prefix} ${how} table ${table}${metric}`;

function route(d: Drawing, objects: readonly number[]): string {
  const { r, version } = d;
  const i = r.int(d.count);
  const table = r.pick(TABLES);
  const metric = r.pick(METRICS);
  const prefix = r.chance(0.06) ? everything(version) : d.prefix();
  const k = r.fraction();
  const src = r.chance(0.15) ? ` src ${d.own()}` : "";
  if (objects.length > 0 && k < 0.3) return `route add ${prefix} nhid ${r.pick(objects)} table ${table}${metric}`;
  if (k < 0.5) return routeLine(prefix, `via ${d.gateway(i)}${src}`, table, metric);
  if (k < 0.62) return routeLine(prefix, `dev e${i}${src}${r.chance(0.3) && version === 4 ? " scope link" : ""}`, table, metric);
  if (k < 0.66) return routeLine(prefix, `via ${version === 4 ? "203.0.113.9" : "2001:db8:9::9"} dev e${i} onlink`, table, metric);
  if (k < 0.69 && version === 4) return routeLine(prefix, `via inet6 fd00:${i}::9 dev e${i}`, table, metric);
  if (k < 0.72 && version === 4) return routeLine(`${prefix} tos 0x10`, `via ${d.gateway(i)}`, table, metric);
  if (k < 0.86) {
    const hops = Array.from(
      { length: r.between(2, 3) },
      (_, n) => ` nexthop via ${d.gateway((i + n) % d.count)} dev e${(i + n) % d.count} weight ${r.between(1, 3)}`,
    );
    return `route add ${prefix} table ${table}${metric}${hops.join("")}`;
  }
  return `route add ${r.pick(REFUSALS)} ${prefix} table ${table}${metric}`;
}

function rule(d: Drawing): string {
  const { r } = d;
  const conditions = r.sample(
    [
      `from ${r.pick([d.prefix(), `${d.own()}`, d.version === 4 ? "10.0.0.0/8" : "fd00::/16"])}`,
      `to ${d.prefix()}`,
      `fwmark ${r.between(1, 3)}${r.pick(["", "/0xff", "/0x3"])}`,
      `iif ${r.pick([d.iface(), d.iface(), "lo"])}`,
      `oif ${d.iface()}`,
      `uidrange ${r.pick(["0-0", "1000-2000", "0-1000"])}`,
      "tos 0x10",
      `ipproto ${r.pick(["tcp", "udp"])}`,
      "dport 80-90",
      "sport 1000-2000",
    ],
    r.pick([1, 1, 1, 2]),
  );
  const k = r.fraction();
  const action =
    k < 0.7
      ? `lookup ${r.pick(["100", "200", "300", "main"])}${r.chance(0.2) ? ` suppress_prefixlength ${r.pick([0, 8, 16])}` : ""}`
      : k < 0.85
        ? r.pick(["blackhole", "unreachable", "prohibit"])
        : k < 0.95
          ? `goto ${r.pick([500, 700, 32766])}`
          : "nop";
  return `rule add pref ${r.pick([100, 200, 300, 500, 700, 800])} ${r.chance(0.12) ? "not " : ""}${conditions.join(" ")} ${action}`;
}

export function randomQuestions(r: Random, net: RouteNet, count: number): string[] {
  const d = new Drawing(r, net.version);
  const interfaces = net.spec.interfaces.map((i) => i.name);
  const iface = () => r.pick(interfaces);
  const near = (i: number) => (net.version === 4 ? `10.${i}.0.${r.between(5, 9)}` : `fd00:${i}::${r.between(5, 9)}`);
  return Array.from({ length: count }, () => {
    const words = [d.destination()];
    const k = r.fraction();
    const i = r.int(interfaces.length);
    // Nothing comes in by an interface that is down.
    if (k < 0.3 && !net.lines.includes(`link set ${interfaces[i]} down`)) {
      words.push(`from ${r.chance(0.8) ? near(i) : d.destination()}`, `iif ${interfaces[i]}`);
    } else if (k < 0.5) words.push(`from ${d.own(r.int(interfaces.length))}`);
    else if (k < 0.62) words.push(`oif ${iface()}`);
    else if (k < 0.67) words.push(`from ${d.own(r.int(interfaces.length))}`, `oif ${iface()}`);
    if (r.chance(0.3)) words.push(`mark ${r.pick([1, 2, 3, 7, 0x101])}`);
    if (r.chance(0.15)) words.push("tos 0x10");
    if (r.chance(0.2)) words.push(`uid ${r.pick([0, 500, 1500, 5000])}`);
    if (r.chance(0.2))
      words.push(
        `ipproto ${r.pick(["tcp", "udp"])}`,
        ...(r.chance(0.5) ? [`sport ${r.pick([1500, 5000])}`, `dport ${r.pick([80, 443])}`] : []),
      );
    return words.join(" ");
  });
}
