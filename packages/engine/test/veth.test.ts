/** Veth pairs are joined where both ends name each other, and where it is known who takes a frame at each end. */
import { type Device, NetworkBuilder } from "@plumbline/model";
import { expect, it } from "vitest";
import { joinVeths } from "../src/network/veth.js";

function end(net: NetworkBuilder, device: Device, name: string, ifindex: number, peerIndex: number, linkNetns: string, address?: string) {
  const number = device.ports.length + 1;
  const addresses = address === undefined ? [] : [{ address, prefixLen: 24 }];
  const of = { kind: "netdev", host: device.host, name, internal: false, mac: "" } as const;
  net.port(device, number, name, { ...of, ifindex, peerIndex, linkNetns, addresses });
}

function nodeAndPod(others: readonly string[]) {
  const net = new NetworkBuilder();
  const node = net.device({ name: "node", kind: "host", host: "node" });
  const pod = net.device({ name: "shop/web", kind: "pod", host: "pods/web" });
  for (const name of others) end(net, node, name, 90, 0, "");
  end(net, node, "veth1", 7, 2, "web", "fe80::1");
  end(net, pod, "eth0", 2, 7, "", "192.0.2.9");
  return { net, node, pod };
}

const links = (net: NetworkBuilder) =>
  net.links.map((l) => `${net.devices[l.device].name} ${l.port} > ${net.devices[l.toDevice].name} ${l.toPort}`);

it("joins the stacks at both ends", () => {
  const { net } = nodeAndPod([]);
  joinVeths(net);
  expect(links(net)).toEqual(["node 1 > shop/web 1", "shop/web 1 > node 1"]);
});

it("joins the switch that has taken an end", () => {
  const { net } = nodeAndPod(["ovs-netdev"]);
  const bridge = net.device({ name: "node/br-int", kind: "bridge", host: "node" });
  net.port(bridge, 4, "veth1", { kind: "netdev", host: "node", name: "veth1", internal: false, mac: "" });
  joinVeths(net);
  expect(links(net)).toEqual(["node/br-int 4 > shop/web 1", "shop/web 1 > node/br-int 4"]);
});

it("does not take the stack for the end, where a userspace switch of which nothing is in evidence may have it", () => {
  const { net } = nodeAndPod(["ovs-netdev"]);
  joinVeths(net);
  expect(links(net)).toEqual([]);
});
