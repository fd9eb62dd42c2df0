import { conformanceTests } from "@plumbline/plugin-sdk/conformance";
import { test } from "vitest";
import plugin from "../src/index.js";

const at = (name: string, content: string) => ({ path: `router/${name}`, content });

conformanceTests(test, plugin, {
  truncations: 25,
  mutations: 60,
  fixtures: [
    at(
      "vtysh_show_ip_route",
      "Codes: K - kernel route, C - connected, S - static, B - BGP\n\nK>* 0.0.0.0/0 [0/100] via 192.0.2.254, eth0, 00:01:00\n" +
        "C>* 192.0.2.0/24 is directly connected, eth0, 00:01:00\nB>* 203.0.113.100/32 [20/0] via 192.0.2.2, eth0, weight 1, 00:00:28\n" +
        "  *                        via 192.0.2.3, eth0, weight 1, 00:00:28\n",
    ),
    at(
      "vtysh_show_ip_bgp",
      "BGP table version is 1, local router ID is 192.0.2.1, vrf id 0\nDefault local pref 100, local AS 64512\n\n    Network          Next Hop            Metric LocPrf Weight Path\n" +
        " *>i203.0.113.100/32 192.0.2.2                0    100      0 i\n *=i                 192.0.2.3                0    100      0 i\n\nDisplayed  1 routes and 2 total paths\n",
    ),
    at(
      "vtysh_show_running-config",
      "Building configuration...\n\nCurrent configuration:\n!\nfrr version 10.2\nhostname router\n!\nrouter bgp 64512\n neighbor 192.0.2.2 remote-as 64513\n" +
        " !\n address-family ipv4 unicast\n  network 198.51.100.0/24\n  neighbor 192.0.2.2 route-map IN in\n exit-address-family\nexit\n!\n" +
        "ip prefix-list P seq 5 permit 203.0.113.0/24 le 32\n!\nroute-map IN permit 10\n match ip address prefix-list P\nexit\n!\nend\n",
    ),
  ],
});
