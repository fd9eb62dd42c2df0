/** What kube-proxy's rules stand for, in both modes, and by which names a rule of the network goes. */
import { readFiles } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin, { iptablesWords, nftChain, type ProxyService, proxyRules } from "../src/index.js";
import { tableOf } from "./tables.js";

const IPTABLES = `*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-SVC-AAAA - [0:0]
:KUBE-EXT-AAAA - [0:0]
:KUBE-SVL-AAAA - [0:0]
:KUBE-SEP-1 - [0:0]
:KUBE-SEP-2 - [0:0]
-A KUBE-SERVICES -d 172.30.0.1/32 -p tcp -m comment --comment "demo/web:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-AAAA
-A KUBE-SERVICES -d 203.0.113.100/32 -p tcp -m comment --comment "demo/web:http loadbalancer IP" -m tcp --dport 80 -j KUBE-EXT-AAAA
-A KUBE-NODEPORTS -p tcp -m comment --comment "demo/web:http" -m tcp --dport 30080 -j KUBE-EXT-AAAA
-A KUBE-EXT-AAAA -s 10.128.0.0/14 -m comment --comment "pod traffic for demo/web:http external destinations" -j KUBE-SVC-AAAA
-A KUBE-EXT-AAAA -j KUBE-SVL-AAAA
-A KUBE-SVC-AAAA ! -s 10.128.0.0/14 -d 172.30.0.1/32 -p tcp -m comment --comment "demo/web:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-AAAA -m comment --comment "demo/web:http -> 10.128.0.5:8080" -m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-1 --mask 255.255.255.255 --rsource -j KUBE-SEP-1
-A KUBE-SVC-AAAA -m comment --comment "demo/web:http -> 10.128.0.5:8080" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-1
-A KUBE-SVC-AAAA -m comment --comment "demo/web:http -> 10.129.0.6:8080" -j KUBE-SEP-2
-A KUBE-SVL-AAAA -m comment --comment "demo/web:http -> 10.128.0.5:8080" -j KUBE-SEP-1
-A KUBE-SEP-1 -s 10.128.0.5/32 -m comment --comment "demo/web:http" -j KUBE-MARK-MASQ
-A KUBE-SEP-1 -p tcp -m comment --comment "demo/web:http" -m recent --set --name KUBE-SEP-1 --mask 255.255.255.255 --rsource -m tcp -j DNAT --to-destination 10.128.0.5:8080
-A KUBE-SEP-2 -p tcp -m comment --comment "demo/web:http" -m tcp -j DNAT --to-destination 10.129.0.6:8080
COMMIT
*filter
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
-A KUBE-SERVICES -d 172.30.0.2/32 -p udp -m comment --comment "demo/empty has no endpoints" -m udp --dport 53 -j REJECT --reject-with icmp-port-unreachable
-A KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "demo/far:http has no local endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 30099 -j DROP
COMMIT
`;

const NFT = `table ip kube-proxy {
	map service-ips {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 172.30.0.1 . tcp . 80 : goto service-AAAA-demo/web/tcp/http,
			     203.0.113.100 . tcp . 80 : goto external-AAAA-demo/web/tcp/http }
	}
	map service-nodeports {
		type inet_proto . inet_service : verdict
		elements = { tcp . 30080 : goto external-AAAA-demo/web/tcp/http }
	}
	map no-endpoint-services {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 172.30.0.2 . udp . 53 comment "demo/empty" : goto reject-chain }
	}
	map no-endpoint-nodeports {
		type inet_proto . inet_service : verdict
		elements = { tcp . 30099 comment "demo/far:http" : drop }
	}
	chain service-AAAA-demo/web/tcp/http {
		ip saddr @affinity-1-demo/web/tcp/http__10.128.0.5/8080 goto endpoint-1-demo/web/tcp/http__10.128.0.5/8080
		numgen random mod 2 vmap { 0 : goto endpoint-1-demo/web/tcp/http__10.128.0.5/8080, 1 : goto endpoint-2-demo/web/tcp/http__10.129.0.6/8080 }
	}
	chain local-AAAA-demo/web/tcp/http {
		numgen random mod 1 vmap { 0 : goto endpoint-1-demo/web/tcp/http__10.128.0.5/8080 }
	}
	chain external-AAAA-demo/web/tcp/http {
		ip saddr 10.128.0.0/14 goto service-AAAA-demo/web/tcp/http comment "short-circuit pod traffic"
		goto local-AAAA-demo/web/tcp/http
	}
	chain endpoint-1-demo/web/tcp/http__10.128.0.5/8080 {
		ip saddr 10.128.0.5 jump mark-for-masquerade
		meta l4proto tcp dnat to 10.128.0.5:8080
	}
}
`;

const shown = (s: ProxyService) =>
  [
    `${s.service} ${s.port || "-"} ${s.protocol}${s.affinity ? " sticky" : ""}`,
    ...s.frontends.map((f) => `  ${f.what} ${f.address || "*"}:${f.port} ${f.refused}`.trimEnd()),
    ...s.endpoints.map((e) => `  ${e.share} ${e.address}:${e.port}${e.local ? " local" : ""}`),
  ].join("\n");

for (const [mode, text] of [
  ["iptables", IPTABLES],
  ["nftables", NFT],
] as const)
  test(`Services of the ${mode} mode`, () => {
    const { services } = proxyRules(tableOf("node-1", text));
    expect(services.map(shown).sort().join("\n")).toBe(
      `demo/empty - udp
  cluster IP 172.30.0.2:53 rejected: no endpoints
demo/far http tcp
  node port *:30099 dropped: no local endpoints
demo/web http tcp sticky
  cluster IP 172.30.0.1:80
  load balancer 203.0.113.100:80
  node port *:30080
  0.5 10.128.0.5:8080
  0.5 10.129.0.6:8080
  1 10.128.0.5:8080 local`.replace(
        "cluster IP 172.30.0.2:53",
        mode === "iptables" ? "cluster IP 172.30.0.2:53" : "load balancer 172.30.0.2:53",
      ),
    );
  });

test("a rule goes by its Service, its endpoint and the endpoint's pod", () => {
  const facts = tableOf("node-1", IPTABLES);
  const pod = {
    name: "web-1",
    namespace: "demo",
    node: "node-1",
    ips: ["10.128.0.5"],
    mac: "",
    gateway: "",
    hostNetwork: false,
    labels: {},
  };
  facts.add({ kind: "k8s.pod", host: "", origin: { file: "k8s.yaml", line: 1, text: "" }, data: pod });
  const annotate = plugin.annotator(facts);
  const lines = IPTABLES.split("\n");
  const named = (start: string) => {
    const line = lines.findIndex((l) => l.startsWith(start)) + 1;
    const links = annotate({ origin: { file: "node-1/host/rules", line, text: lines[line - 1] } } as never, {} as never);
    return links.map((l) => [l.kind, l.name, l.text].filter((x) => x !== undefined).join(" "));
  };
  expect(named("-A KUBE-SERVICES -d 172.30.0.1")).toEqual(["service demo/web cluster IP 172.30.0.1:80"]);
  expect(named('-A KUBE-SVC-AAAA -m comment --comment "demo/web:http -> 10.129')).toEqual([
    "service demo/web 50 % of new connections",
    "endpoint 10.129.0.6:8080",
  ]);
  expect(named("-A KUBE-SEP-1 -p tcp")).toEqual(["service demo/web", "endpoint 10.128.0.5:8080", "pod demo/web-1"]);
  expect(named(":KUBE-SERVICES")).toEqual([]);
});

test("a Service is explained on every host, and its addresses are its own", () => {
  const facts = tableOf("node-1", IPTABLES);
  const [service] = plugin.services(facts).filter((s) => s.name === "demo/web");
  expect(service.endpoints.map((e) => `${e.address}:${e.port}`)).toEqual(["10.128.0.5:8080", "10.129.0.6:8080"]);
  const [section] = plugin.explain(facts, { kind: "service", service });
  expect(section.items.map((i) => `${i.line} ${i.text}`)).toEqual([
    "9 http/tcp: cluster IP 172.30.0.1:80, a client keeps its endpoint",
    "10 http/tcp: load balancer 203.0.113.100:80, a client keeps its endpoint",
    "11 http/tcp: node port 30080, a client keeps its endpoint",
    "16 http/tcp: 50 % to 10.128.0.5:8080",
    "17 http/tcp: 50 % to 10.129.0.6:8080",
    "18 http/tcp: 100 % to 10.128.0.5:8080, of this node, for traffic from outside",
  ]);
  expect(plugin.explain(facts, { kind: "owners", addresses: ["172.30.0.1", "192.0.2.1"] })[0].items.map((i) => i.text)).toEqual([
    "Service demo/web",
  ]);
});

test("names of chains and words of rules", () => {
  expect(nftChain("endpoint-5OJB2KTY-ns1/svc1/tcp/p80__fd00.1..5/80")).toMatchObject({
    service: "ns1/svc1",
    address: "fd00:1::5",
    addressPort: 80,
  });
  expect(nftChain("nat-prerouting")).toBeNull();
  expect(iptablesWords('-A C ! -s 10.0.0.0/8 -d 10.0.0.1/32 -p tcp -m comment --comment "a -d 1.2.3.4 b" --dport 80 -j X')).toMatchObject({
    source: "",
    destination: "10.0.0.1",
    port: 80,
    target: "X",
  });
});

test("without netfilter's facts there is nothing to name", () => {
  const { facts } = readFiles([plugin], {});
  expect(plugin.services(facts)).toEqual([]);
  expect(plugin.explain(facts, { kind: "owners", addresses: ["10.0.0.1"] })).toEqual([]);
});
