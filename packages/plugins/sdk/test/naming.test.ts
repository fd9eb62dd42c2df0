import { expect, test } from "vitest";
import { canonicalCommand, commandOfName, placeOf } from "../src/index.js";

const command = (name: string) => commandOfName(name);

test("file names become the commands they were mangled from", () => {
  expect(
    [
      "ip_-j_addr",
      "ip_route.txt",
      "ip_route_show_table_all.log.gz",
      "vtysh_show_ip_bgp",
      "vtysh_-c_show_ip_bgp",
      "vtysh_show_ip_route_192.0.2.100_32.txt",
      "ovs-ofctl_-O_OpenFlow15_dump-flows_br-int",
      "ovn-nbctl_list_Load_Balancer",
      "ovn-nbctl_find_load_balancer",
      "ovn-nbctl_lr-lb-list_ovn_cluster_router",
      "ovn-sbctl_--no-leader-only_list_Port_Binding",
      "ovn-sbctl_lflow-list_GR_node-1",
      "ovs-vsctl_-t_5_list_Open_vSwitch",
      "ovsdb-client_-f_json_dump_OVN_Northbound",
      "ovs-appctl_fdb_show_br-int",
      "ovs-appctl_ovs_route_show",
      "ovs-appctl_tnl_neigh_show",
      "ovs-appctl_dpctl.dump-conntrack_-m",
      "ovn-appctl_-t_.var.run.ovn.ovn-controller.12.ctl_ct-zone-list",
      "sysctl_net.ipv4",
      "k8s.yaml",
      ".json",
    ].map(command),
  ).toMatchInlineSnapshot(`
    [
      "ip -j addr",
      "ip route",
      "ip route show table all",
      "vtysh show ip bgp",
      "vtysh show ip bgp",
      "vtysh show ip route 192.0.2.100/32",
      "ovs-ofctl -O OpenFlow15 dump-flows br-int",
      "ovn-nbctl list Load_Balancer",
      "ovn-nbctl find load_balancer",
      "ovn-nbctl lr-lb-list ovn_cluster_router",
      "ovn-sbctl --no-leader-only list Port_Binding",
      "ovn-sbctl lflow-list GR_node-1",
      "ovs-vsctl -t 5 list Open_vSwitch",
      "ovsdb-client -f json dump OVN_Northbound",
      "ovs-appctl fdb/show br-int",
      "ovs-appctl ovs/route/show",
      "ovs-appctl tnl/neigh/show",
      "ovs-appctl dpctl/dump-conntrack -m",
      "ovn-appctl ct-zone-list",
      "sysctl net.ipv4",
      "k8s",
      ".json",
    ]
  `);
});

test("a recorded command line gets the same spelling", () => {
  expect(
    [
      "vtysh -c 'show ip bgp'",
      "/usr/sbin/ip  route",
      "ovsdb-client -f json dump unix:/run/ovnnb_db.sock OVN_Northbound",
      "ovn-appctl -t ovn-controller ct-zone-list",
      "ovs-appctl tnl/neigh/show",
    ].map((c) => canonicalCommand(c)),
  ).toEqual([
    "vtysh show ip bgp",
    "ip route",
    "ovsdb-client -f json dump OVN_Northbound",
    "ovn-appctl ct-zone-list",
    "ovs-appctl tnl/neigh/show",
  ]);
});

test("hosts are told by folders", () => {
  const host = (path: string, root = "") => `${path} = ${JSON.stringify(placeOf(path, root).host)}`;
  expect(
    [
      host("ip_route"),
      host("ovn/ovn-nbctl_show"),
      host("router/ip_route"),
      host("node-1/host/ip_route"),
      host("pods/web-1/ip_addr"),
      host("sosreport-node-1-2026-01-02-abcdefg/sos_commands/networking/ip_-d_address"),
      host("sosreport-node-1-01234567-2026-01-02-abcdefg/sos_commands/networking/ip_-d_address"),
      host("sos_commands/networking/ip_-d_address", "sosreport-node-1-2026-01-02-abcdefg"),
      host("dump/must-gather.local.1/registry-sha256-0123456789abcdef0123/namespaces/demo/core/services.yaml"),
      host("namespaces/frr/pods/frr-x/frr/frr/logs/dump_frr"),
      host("cluster-scoped-resources/core/nodes/node-1.yaml"),
    ].join("\n"),
  ).toMatchInlineSnapshot(`
    "ip_route = ""
    ovn/ovn-nbctl_show = ""
    router/ip_route = "router"
    node-1/host/ip_route = "node-1"
    pods/web-1/ip_addr = "pods/web-1"
    sosreport-node-1-2026-01-02-abcdefg/sos_commands/networking/ip_-d_address = "node-1"
    sosreport-node-1-01234567-2026-01-02-abcdefg/sos_commands/networking/ip_-d_address = "node-1"
    sos_commands/networking/ip_-d_address = "node-1"
    dump/must-gather.local.1/registry-sha256-0123456789abcdef0123/namespaces/demo/core/services.yaml = ""
    namespaces/frr/pods/frr-x/frr/frr/logs/dump_frr = "frr/frr-x"
    cluster-scoped-resources/core/nodes/node-1.yaml = """
  `);
});
