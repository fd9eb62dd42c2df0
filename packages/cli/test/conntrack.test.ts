/** Traces that begin with the connections of the evidence. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { trace } from "@plumbline/engine";
import { afterAll, expect, test } from "vitest";
import { lookOf } from "../src/render/style.js";
import { renderTrace } from "../src/render/trace.js";
import { open } from "../src/session.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-conntrack-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function folder(name: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name, path)), { recursive: true });
    writeFileSync(join(root, name, path), text);
  }
  return join(root, name);
}

const addr = (mac: string, address: string) =>
  `2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\n    link/ether ${mac} brd ff:ff:ff:ff:ff:ff\n    inet ${address} scope global eth0\n`;
const chains = (...names: string[]) => names.map((n) => `:${n} ACCEPT [0:0]\n`).join("");

/** A client and a server that translates port 80 to 8080, where nothing listens any more. Of the two connections it knows, one is over. */
const pair = folder("pair", {
  "client/ip_addr": addr("02:00:00:00:00:01", "192.0.2.1/24"),
  "server/ip_addr": addr("02:00:00:00:00:02", "192.0.2.2/24"),
  "server/ss_-tulpn": "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n",
  "server/iptables-save": `*nat\n${chains("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")}-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080\nCOMMIT\n`,
  "server/conntrack_-L": `tcp      6 431998 ESTABLISHED src=192.0.2.1 dst=192.0.2.2 sport=1001 dport=80 src=192.0.2.2 dst=192.0.2.1 sport=8080 dport=1001 [ASSURED] mark=0 use=1
tcp      6 99 TIME_WAIT src=192.0.2.1 dst=192.0.2.2 sport=1002 dport=80 src=192.0.2.2 dst=192.0.2.1 sport=9090 dport=1002 [ASSURED] mark=0 use=1
`,
});
const ask = async (sport: number, flags: string, conntrack: "empty" | "dumped") =>
  trace(await open(pair), `tcp,nw_src=192.0.2.1,nw_dst=192.0.2.2,tp_src=${sport},tp_dst=80,tcp_flags=${flags}`, { conntrack });
const told = async (...args: Parameters<typeof ask>) => {
  const t = await ask(...args);
  const b = t.branches[0];
  return `${JSON.stringify(t.conntrack)} ${b.verdict} ${b.final.dst}:${b.final.dstPort}`;
};

test("a packet of a dumped connection is known, and goes where that connection goes", async () => {
  expect(await told(1001, "ack", "empty")).toBe('{"tables":"empty","entries":0} refused 192.0.2.2:8080');
  expect(await told(1001, "ack", "dumped")).toBe('{"tables":"dumped","entries":2} delivered 192.0.2.2:8080');
  // What no dumped connection is of is new, as before.
  expect(await told(1003, "ack", "dumped")).toBe('{"tables":"dumped","entries":2} refused 192.0.2.2:8080');
});

test("a new SYN begins another connection in place of one that is over; its later packets belong to that one", async () => {
  expect(await told(1002, "syn", "dumped")).toBe('{"tables":"dumped","entries":2} refused 192.0.2.2:8080');
  expect(await told(1002, "ack", "dumped")).toBe('{"tables":"dumped","entries":2} delivered 192.0.2.2:9090');
});

test("the same session may be asked with and without", async () => {
  const session = await open(pair);
  const packet = "tcp,nw_src=192.0.2.1,nw_dst=192.0.2.2,tp_src=1001,tp_dst=80,tcp_flags=ack";
  const verdicts = (["dumped", "empty", "dumped", "dumped", "empty"] as const).map(
    (conntrack) => trace(session, packet, { conntrack }).verdict,
  );
  expect(verdicts).toEqual(["delivered", "refused", "delivered", "delivered", "refused"]);
});

test("the hop that finds a dumped connection shows its line; a table that was not dumped is asked for", async () => {
  expect(renderTrace(await ask(1001, "ack", "dumped"), lookOf({}, {}), { all: false })).toMatchInlineSnapshot(`
    "tcp,nw_src=192.0.2.1,nw_dst=192.0.2.2,tp_src=1001,tp_dst=80,tcp_flags=ack  from client  (client owns 192.0.2.1)
      connections: 2 at the start, as dumped

      client
        ~ policy ip rule             (ip rule is not in evidence; the kernel's own rules are taken)             (inferred)
        ~ policy ip rule             (ip rule is not in evidence; the kernel's own rules are taken)             (inferred)
        ~ fib main                   inet 192.0.2.1/24 scope global eth0                                      client/ip_addr:3  (inferred: follows from the address; the main route table is not (wholly) in evidence)
        ? netfilter output           (the netfilter rules of client are not in evidence)                        (assumed)
          1 more that changes nothing: hook output conntrack
        ~ neighbours                 (no neighbour entry, but server has the ad… on eth0: ARP would find it)    mac dst 00:00:00:00:00:00 -> 02:00:00:00:00:02, mac src 00:00:00:00:00:00 -> 02:00:00:00:00:01  (inferred)
      segment 192.0.2.0/24
        ~ segment                    2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP>…link/ether 02:00:00:00:00:02  server/ip_addr:1  (inferred: MAC of server eth0; from client: client eth0 has an address in 192.0.2.0/24)
      server
          hook arrival               2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP>…link/ether 02:00:00:00:00:02  server/ip_addr:1  (from segment 192.0.2.0/24: server eth0 has an address in 192.0.2.0/24)
        ? netfilter prerouting       (nftables' own tables of server are not in…les-save does not list them)    (assumed)
          hook prerouting conntrack  tcp 6 431998 ESTABLISHED src=192.0.2.1 dst…=1001 [ASSURED] mark=0 use=1  server/conntrack_-L:1
          hook prerouting nat        no rule matches                                                            dport 80 -> 8080
        ~ policy ip rule             (ip rule is not in evidence; the kernel's own rules are taken)             (inferred)
        ~ fib local                  inet 192.0.2.2/24 scope global eth0                                      server/ip_addr:3  (inferred: follows from the address; the local route table is not in evidence)
          sockets
      => delivered to host server, as 192.0.2.1:1001 > 192.0.2.2:8080

    to know more
      on client: iptables-save -c; nft -a list ruleset  (the netfilter rules of client are not in evidence)
      on client: conntrack -L -o extended  (connections of client/linux are not in evidence: its table is taken to be empty)
      on server: nft -j list ruleset  (nftables' own tables of server are not in evidence, iptables-save does not list them)

    verdict: delivered (server)"
  `);
});
