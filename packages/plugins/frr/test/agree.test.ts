import { lowerFacts, readFiles } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

const BGP = `BGP table version is 5, local router ID is 192.0.2.1, vrf id 0
    Network          Next Hop            Metric LocPrf Weight Path
*=i203.0.113.9/32
                    192.0.2.13               0    100      0 i
*=i                 192.0.2.12               0    100      0 i
*>i                 192.0.2.11               0    100      0 i
`;
const ROUTES = (...hops: string[]) => `Codes: K - kernel route, C - connected, S - static, B - BGP
B>* 203.0.113.9/32 [200/0] ${hops.map((h) => `via ${h}, eth0, weight 1, 00:00:08`).join("\n  *                         ")}
`;

const problems = (routes: string) =>
  lowerFacts([plugin], readFiles([plugin], { "router/vtysh_show_ip_bgp.txt": BGP, "router/vtysh_show_ip_route.txt": routes }).facts)
    .problems;

test("a BGP table and a route table of different states", () => {
  expect(problems(ROUTES("192.0.2.11", "192.0.2.12", "192.0.2.13"))).toEqual([]);
  expect(problems(ROUTES("192.0.2.12", "192.0.2.13"))).toMatchInlineSnapshot(`
    [
      {
        "file": "router/vtysh_show_ip_route.txt",
        "hint": "Collect \`show ip bgp\` and \`show ip route\` again, together.",
        "line": 2,
        "message": "router routes 203.0.113.9/32 to 192.0.2.12, 192.0.2.13, but its BGP table has 192.0.2.11, 192.0.2.12, 192.0.2.13 at router/vtysh_show_ip_bgp.txt:3: the two are of different states; the routes are used",
        "severity": "warning",
      },
    ]
  `);
});
