/** Runs the built command as users do. Needs `npm run build`. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const BIN = fileURLToPath(new URL("../bin/plumbline.js", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "plumbline-cli-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function folder(name: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(join(root, name), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name, path)), { recursive: true });
    writeFileSync(join(root, name, path), text);
  }
  return join(root, name);
}

interface Result {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

function plumbline(...args: string[]): Promise<Result> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [BIN, ...args],
      { cwd: root, env: { ...process.env, NO_COLOR: "1" } },
      (error, stdout, stderr) => {
        const exit = error ? (typeof error.code === "number" ? error.code : -1) : 0;
        done({ exit, stdout: stdout.replaceAll(root, "ROOT"), stderr: stderr.replaceAll(root, "ROOT") });
      },
    );
    child.stdin?.end("tcp 192.0.2.10:1 > 198.51.100.2:22\nnonsense\n");
  });
}

const LINK = (index: number, name: string, mac: string) =>
  `${index}: ${name}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\n    link/ether ${mac} brd ff:ff:ff:ff:ff:ff promiscuity 0\n`;
const ADDR = (index: number, name: string, mac: string, address: string, network: string) =>
  `${index}: ${name}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n    link/ether ${mac} brd ff:ff:ff:ff:ff:ff\n    inet ${address} brd ${network}.255 scope global ${name}\n       valid_lft forever preferred_lft forever\n`;
const LOCAL = (address: string, dev: string) => `local ${address} dev ${dev} table local proto kernel scope host src ${address}\n`;
const RULES = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n";

/** A client, a router, and a host behind it that listens on port 22. */
const small = folder("small", {
  "client/ip_-d_link": LINK(2, "eth0", "02:00:00:00:01:01"),
  "client/ip_addr": ADDR(2, "eth0", "02:00:00:00:01:01", "192.0.2.10/24", "192.0.2"),
  "client/ip_route_show_table_all": `default via 192.0.2.1 dev eth0\n192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.10\n${LOCAL("192.0.2.10", "eth0")}`,
  "client/ip_rule": RULES,
  "client/ip_neigh": "192.0.2.1 dev eth0 lladdr 02:00:00:00:02:01 REACHABLE\n",
  "router/ip_-d_link": LINK(2, "eth0", "02:00:00:00:02:01") + LINK(3, "eth1", "02:00:00:00:02:02"),
  "router/ip_addr":
    ADDR(2, "eth0", "02:00:00:00:02:01", "192.0.2.1/24", "192.0.2") + ADDR(3, "eth1", "02:00:00:00:02:02", "198.51.100.1/24", "198.51.100"),
  "router/ip_route_show_table_all": `192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.1\n198.51.100.0/24 dev eth1 proto kernel scope link src 198.51.100.1\n${LOCAL("192.0.2.1", "eth0")}${LOCAL("198.51.100.1", "eth1")}`,
  "router/ip_rule": RULES,
  "router/ip_neigh": "192.0.2.10 dev eth0 lladdr 02:00:00:00:01:01 REACHABLE\n198.51.100.2 dev eth1 lladdr 02:00:00:00:03:01 REACHABLE\n",
  "router/sysctl_-a": "net.ipv4.ip_forward = 1\nnet.ipv4.conf.eth0.forwarding = 1\nnet.ipv4.conf.eth1.forwarding = 1\n",
  "router/vtysh_show_ip_route":
    "Codes: K - kernel route, C - connected, S - static, B - BGP,\n       > - selected route, * - FIB route\n\nC>* 192.0.2.0/24 is directly connected, eth0, 00:45:03\nC>* 198.51.100.0/24 is directly connected, eth1, 00:45:03\n",
  "server/ip_-d_link": LINK(2, "eth0", "02:00:00:00:03:01"),
  "server/ip_addr": ADDR(2, "eth0", "02:00:00:00:03:01", "198.51.100.2/24", "198.51.100"),
  "server/ip_route_show_table_all": `default via 198.51.100.1 dev eth0\n198.51.100.0/24 dev eth0 proto kernel scope link src 198.51.100.2\n${LOCAL("198.51.100.2", "eth0")}`,
  "server/ip_rule": RULES,
  "server/ip_neigh": "198.51.100.1 dev eth0 lladdr 02:00:00:00:02:02 REACHABLE\n",
  "server/ss_-tuln":
    "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\ntcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*\n",
  "notes.txt": "seen on a Friday\n",
});

test("inspect names what it knows, and exits with 0", async () => {
  const r = await plumbline("inspect", small);
  expect(r.exit).toBe(0);
  expect(r.stderr).toBe("");
  const lines = r.stdout.split("\n");
  // What the plugins call things is for their own tests.
  for (const line of [
    "snapshot ROOT/small",
    "  not recognised: notes.txt",
    "  x read   - missing   A client   B server   C router",
    "                               A B C",
    "  addresses (ip addr)          x x x",
    "  kernel settings (sysctl -a)      x",
  ])
    expect(lines).toContain(line);
  expect(lines.filter((l) => /^\S.*:/.test(l)).map((l) => l.replace(/\d+/g, "N"))).toEqual([
    "client (host): N sources, N facts",
    "server (host): N sources, N facts",
    "router (router): N sources, N facts",
    "cluster: N sources, N facts",
  ]);
  expect(r.stdout).toMatch(/^ {2}client:eth0 <-> router:eth0|segment 192\.0\.2\.0\/24:client eth0 <-> client:eth0 +inferred/m);
  expect(r.stdout).toMatch(/^3 hosts, 18 files read \(\d+ facts\), 0 set aside, 1 not recognised;/m);
});

test("inspect as JSON", async () => {
  const pretty = await plumbline("inspect", small, "--format", "json");
  const line = await plumbline("inspect", small, "--format", "ndjson");
  expect(line.stdout.trim().split("\n")).toHaveLength(1);
  expect(JSON.parse(pretty.stdout)).toEqual(JSON.parse(line.stdout));
  const x = JSON.parse(pretty.stdout);
  expect(x.schema).toBe("plumbline.inspect/1");
  expect(x.hosts.map((h: { host: string; role: string }) => `${h.role} ${h.host}`)).toEqual([
    "host client",
    "host server",
    "router router",
    "cluster ",
  ]);
});

test("trace to a listener, and to a port where nobody listens", async () => {
  const good = await plumbline("trace", small, "tcp 192.0.2.10:1 > 198.51.100.2:22", "--reply", "--expect", "delivered");
  expect(good.stderr).toBe("");
  expect(good.exit).toBe(0);
  const lines = good.stdout.trimEnd().split("\n");
  expect(lines[0]).toBe("tcp 192.0.2.10:1 > 198.51.100.2:22  from client  (client owns 192.0.2.10)");
  expect(lines).toContain("  => delivered to host server, as 192.0.2.10:1 > 198.51.100.2:22");
  expect(lines).toContain("  <= the answer is delivered, as 198.51.100.2:22 > 192.0.2.10:1");
  expect(lines.at(-1)).toBe("verdict: delivered (server)");
  // Under its device a hop a line: stage, rule, file:line.
  expect(good.stdout).toMatch(/^ {2}router\n(?: {4}.*\n)* {6}fib main +198\.51\.100\.0\/24 .*router\/ip_route_show_table_all:2/m);

  const bad = await plumbline("trace", small, "tcp 192.0.2.10:1 > 198.51.100.2:23", "--expect", "delivered");
  expect(bad.exit).toBe(1);
  expect(bad.stdout).toMatch(/^verdict: refused \(no listener/m);
});

test("trace as JSON has the stable keys", async () => {
  const r = await plumbline("trace", small, "tcp 192.0.2.10:1 > 198.51.100.2:22", "--format", "json");
  const x = JSON.parse(r.stdout);
  expect({ schema: x.schema, packet: x.packet, from: x.from, verdict: x.verdict }).toEqual({
    schema: "plumbline.trace/1",
    packet: "tcp 192.0.2.10:1 > 198.51.100.2:22",
    from: "client",
    verdict: "delivered",
  });
  expect(x.branches).toHaveLength(1);
  expect(x.branches[0]).toMatchObject({
    probability: 1,
    verdict: "delivered",
    to: { kind: "host", name: "server" },
    final: { src: "192.0.2.10", srcPort: 1, dst: "198.51.100.2", dstPort: 22 },
  });
});

test("many packets: one answer each, a bad one costs only itself", async () => {
  const r = await plumbline("trace", small, "--packets", "-", "--format", "ndjson");
  expect(r.exit).toBe(0);
  expect(
    r.stdout
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l))
      .map((x) => `${x.packet}: ${x.verdict} ${x.error?.code ?? ""}`.trim()),
  ).toEqual(["tcp 192.0.2.10:1 > 198.51.100.2:22: delivered", "nonsense: unknown PACKET_BAD"]);
});

const broken = folder("broken", { "router/ip_route": "default via 192.0.2.1 dev eth0\nwhat is this\n" });
const empty = folder("empty", {});
const strange = folder("strange", { "a.md": "# hello" });
folder("", { "no.tar.gz": "no archive" });

test("what cannot be used: a message, what to do, exit code 2", async () => {
  const say = async (...args: string[]) => {
    const r = await plumbline(...args);
    expect(r.stdout).toBe("");
    return `${args.map((a) => a.replace(root, "ROOT")).join(" ")}\n  exit ${r.exit}\n${r.stderr.replace(/^/gm, "  ").trimEnd()}`;
  };
  expect(
    (
      await Promise.all([
        say("inspect"),
        say("inspekt", small),
        say("inspect", small, "--bogus"),
        say("inspect", small, "--format", "xml"),
        say("inspect", "nowhere"),
        say("inspect", empty),
        say("inspect", strange),
        say("inspect", "no.tar.gz"),
        say("inspect", small, "--overlay", "nowhere"),
        say("trace", small),
        say("trace", small, "nonsense"),
        say("trace", small, "tcp 192.0.2.10:1 > 198.51.100.2:22", "--from", "nobody"),
        say("trace", small, "--packets", "nowhere.txt"),
        say("trace", small, "tcp 192.0.2.10:1 > 198.51.100.2:22", "--packets", "-"),
        say("trace", small, "tcp 192.0.2.10:1 > 198.51.100.2:22", "--limit", "none"),
      ])
    ).join("\n"),
  ).toMatchInlineSnapshot(`
    "inspect
      exit 2
      plumbline: missing required argument 'snapshot'.
        Say --help for the usage.
    inspekt ROOT/small
      exit 2
      plumbline: unknown command 'inspekt'.
        (Did you mean inspect?) Say --help for the usage.
    inspect ROOT/small --bogus
      exit 2
      plumbline: unknown option '--bogus'.
        Say --help for the usage.
    inspect ROOT/small --format xml
      exit 2
      plumbline: option '--format <format>' argument 'xml' is invalid. Allowed choices are text, json, ndjson.
        Say --help for the usage.
    inspect nowhere
      exit 2
      plumbline: nowhere: no such file or folder.
        Give a folder or an archive (.tar, .tar.gz, .tgz, .zip) of collected command outputs.
    inspect ROOT/empty
      exit 2
      plumbline: ROOT/empty: the folder holds no files.
        Collect evidence first; docs/collecting.md lists the commands.
    inspect ROOT/strange
      exit 2
      plumbline: ROOT/strange: none of its 1 files is a command output that is understood.
        Name files after their command (ip_route, ovs-ofctl_dump-flows_br-int, …); docs/collecting.md lists them.
    inspect no.tar.gz
      exit 2
      plumbline: no.tar.gz: this file is not an archive.
        The archive is damaged or not one of .tar, .tar.gz, .tgz, .zip, .gz; unpack it yourself and give the folder.
    inspect ROOT/small --overlay nowhere
      exit 2
      plumbline: nowhere: no such file or folder.
        Give a folder or an archive (.tar, .tar.gz, .tgz, .zip) of collected command outputs.
    trace ROOT/small
      exit 2
      plumbline: no packet is given.
        Give one after the snapshot, or a file of them with --packets FILE.
    trace ROOT/small nonsense
      exit 2
      plumbline: packet 'nonsense': 'nonsense' is not a protocol keyword or FIELD=VALUE
        Write it as 'tcp 192.0.2.1:40000 > 192.0.2.2:80', 'arp 192.0.2.1 > 192.0.2.2', or as ofproto/trace does: 'tcp,nw_src=…,nw_dst=…,tp_src=…,tp_dst=…'.
    trace ROOT/small tcp 192.0.2.10:1 > 198.51.100.2:22 --from nobody
      exit 2
      plumbline: 'nobody' is not a device of this snapshot.
        Devices: client, router, server
    trace ROOT/small --packets nowhere.txt
      exit 2
      plumbline: nowhere.txt: no such file or folder.
        Check the path and its permissions.
    trace ROOT/small tcp 192.0.2.10:1 > 198.51.100.2:22 --packets -
      exit 2
      plumbline: both a packet and --packets are given.
        Give one of them.
    trace ROOT/small tcp 192.0.2.10:1 > 198.51.100.2:22 --limit none
      exit 2
      plumbline: option '--limit <n>' argument 'none' is invalid. It is a number from 1.
        Say --help for the usage."
  `);
}, 60_000);

test("a line that is not understood is named, the rest is used", async () => {
  const r = await plumbline("inspect", broken);
  expect(r.exit).toBe(0);
  expect(r.stdout).toContain("router/ip_route:2");
});

test("help says how", async () => {
  const r = await plumbline("trace", "--help");
  expect(r.exit).toBe(0);
  expect(r.stdout).toContain("Examples:");
  expect((await plumbline("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("no stack trace without --debug", async () => {
  const quiet = await plumbline("inspect", "nowhere");
  const loud = await plumbline("inspect", "nowhere", "--debug");
  expect(quiet.stderr).not.toMatch(/^\s+at /m);
  expect(loud.stderr).toMatch(/^\s+at /m);
});
