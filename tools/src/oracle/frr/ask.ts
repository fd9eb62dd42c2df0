/** Builds a drawn net of real routers, waits until it is quiet, and asks for every output in text and JSON. */
import { setTimeout as sleep } from "node:timers/promises";
import { address4, address6, type DrawnNet, portOf } from "./random-net.js";
import { cable, Router } from "./router.js";

/** What one router printed. */
export interface Outputs {
  readonly router: string;
  readonly config: string;
  /** By command, with and without ` json`. */
  readonly shows: Readonly<Record<string, string>>;
}

/** Commands that have both forms. */
function commands(neighbours: readonly string[], prefixes: readonly string[]): string[] {
  return [
    "show ip bgp",
    "show bgp ipv4 unicast",
    "show bgp ipv4 unicast wide",
    "show bgp ipv6 unicast",
    "show bgp ipv4 unicast detail",
    "show bgp ipv6 unicast detail",
    "show bgp summary",
    "show ip bgp summary",
    "show bgp neighbors",
    "show ip route",
    "show ipv6 route",
    "show ip fib",
    "show ip route vrf all",
    "show bfd peers",
    ...prefixes.flatMap((p) => [
      `show bgp ${p.includes(":") ? "ipv6" : "ipv4"} unicast ${p}`,
      `show ${p.includes(":") ? "ipv6" : "ip"} route ${p}`,
    ]),
    ...neighbours.flatMap((n) =>
      ["advertised-routes", "received-routes", "routes", "filtered-routes"].map(
        (d) => `show bgp ${n.includes(":") ? "ipv6" : "ipv4"} unicast neighbors ${n} ${d}`,
      ),
    ),
  ];
}

export async function askNet(net: DrawnNet): Promise<Outputs[]> {
  const routers: Router[] = [];
  try {
    for (const r of net.routers) routers.push(await Router.start(r.name));
    for (const l of net.links) {
      await cable(routers[l.a], portOf(l, l.a), routers[l.b], portOf(l, l.b));
      for (const end of [l.a, l.b]) {
        const port = portOf(l, end);
        await routers[end].ip(`addr add ${address4(l, end)}/24 dev ${port}`);
        await routers[end].ip(`-6 addr add ${address6(l, end)}/64 dev ${port} nodad`);
        await routers[end].ip(`link set ${port} up`);
      }
    }
    await Promise.all(routers.map((r, i) => r.configure(net.routers[i].config)));
    await quiet(routers);
    return await Promise.all(routers.map((r, i) => outputs(r, net.routers[i].neighbours)));
  } finally {
    await Promise.all(routers.map((r) => r.stop()));
  }
}

/** Waits until tables are the same twice, for at most 15 seconds. */
async function quiet(routers: readonly Router[]): Promise<void> {
  const text = async (r: Router) => {
    const tables = [
      "show bgp ipv4 unicast json",
      "show bgp ipv6 unicast json",
      "show ip route json",
      "show ipv6 route json",
      "show bfd peers json",
    ];
    return [...(await r.showAll(tables)).values()]
      .join("\n")
      .replace(/"(uptime|version|tableVersion|nexthopGroupId|installedNexthopGroupId|last[A-Za-z]+|rtt-\w+)":[^,}]+/g, "");
  };
  let before = "";
  let same = 0;
  await sleep(3000);
  for (let i = 0; i < 16; i++) {
    const now = (await Promise.all(routers.map(text))).join("\n");
    same = now === before ? same + 1 : 0;
    if (same >= 2) return;
    before = now;
    await sleep(700);
  }
}

async function outputs(r: Router, neighbours: readonly string[]): Promise<Outputs> {
  const table = async (c: string) => Object.keys((JSON.parse((await r.show(c)) || "{}") as { routes?: object }).routes ?? {});
  const prefixes = [...(await table("show bgp ipv4 unicast json")).slice(0, 4), ...(await table("show bgp ipv6 unicast json")).slice(0, 2)];
  const asked = commands(neighbours, prefixes).flatMap((c) => [c, `${c} json`]);
  const shows = Object.fromEntries(await r.showAll([...asked, "show bfd peers brief"]));
  return { router: r.name, config: await r.show("show running-config"), shows };
}
