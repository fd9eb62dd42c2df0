import { conformanceTests } from "@plumbline/plugin-sdk/conformance";
import { test } from "vitest";
import plugin from "../src/index.js";

const at = (name: string, content: string) => ({ path: `ovn/${name}`, content });

conformanceTests(test, plugin, {
  truncations: 25,
  mutations: 80,
  fixtures: [
    at(
      "ovn-sbctl_--uuid_lflow-list",
      'Datapath: "sw0" (3b2d9b9c-0000-4000-8000-000000000001)  Pipeline: ingress\n' +
        "  uuid=0x0a1b2c3d, table=0 (ls_in_check_port_sec), priority=100  , match=(eth.src[40]), action=(drop;)\n" +
        "  uuid=0x0a1b2c3e, table=13(ls_in_lb           ), priority=120  , match=(ct.new && ip4.dst == 172.30.0.1), action=(ct_lb_mark(backends=10.0.0.1:80);)\n",
    ),
    at(
      "ovn-nbctl_list_Load_Balancer",
      '_uuid               : 11111111-2222-3333-4444-555555555555\nexternal_ids        : {"k8s.ovn.org/kind"=Service}\nname                : "Service_demo/web_TCP_cluster"\nprotocol            : tcp\nvips                : {"172.30.0.1:80"="10.0.0.1:8080,10.0.0.2:8080"}\n',
    ),
    at("ovn-appctl_-t_ovn-controller_ct-zone-list", "sw0_dnat 1\nsw0_snat 2\nport-1 3\n"),
  ],
});
