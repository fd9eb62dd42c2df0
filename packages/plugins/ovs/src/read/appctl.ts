/**
 * Tables that `ovs-appctl` and `ovs-ofctl` print in columns: learned MACs, tunnel neighbours, routes, tunnel ports,
 * tunnels, geneve options.
 */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import { PORT } from "../ports.js";
import { outputLines } from "./output.js";

/** Calls `row` for each line that is not empty; a line it refuses is a problem. False where nothing is in evidence. */
function eachLine(file: EvidenceFile, ctx: ReadContext, what: string, row: (text: string, line: number) => boolean): boolean {
  const lines = outputLines(file, ctx);
  lines?.forEach((raw, i) => {
    const text = raw.trim();
    if (text !== "" && !row(text, i + 1)) ctx.problem("warning", i + 1, `'${text}' is not understood in ${what}`);
  });
  return lines !== null;
}

/** ` port  VLAN  MAC                Age`, with a column for the bridge where all are asked for; LOCAL or a number; age in seconds, `static` or `?`. */
export function readFdb(file: EvidenceFile, bridge: string, ctx: ReadContext): void {
  const told = new Set<string>();
  const read = eachLine(file, ctx, "fdb/show", (text, line) => {
    if (/^(?:Bridge\s+)?port\s+VLAN/i.test(text)) return true;
    const m = /^(?:(\S+)\s+)?(LOCAL|\d+)\s+(\d+)\s+([0-9a-fA-F:]{17})(?:\s+(\S+))?$/.exec(text);
    // A bridge that has learned nothing stands alone.
    if (!m) return bridge === "" && /^\S+$/.test(text);
    const port = m[2] === "LOCAL" ? PORT.local : Number(m[2]);
    ctx.fact("ovs.fdb", { bridge: m[1] ?? bridge, port, vlan: Number(m[3]), mac: m[4].toLowerCase(), age: m[5] ?? "" }, line, text);
    if (m[1] !== undefined && !told.has(m[1])) ctx.fact("ovs.read", { bridge: m[1], what: "fdb" }, 0, "");
    told.add(m[1] ?? bridge);
    return true;
  });
  if (read && bridge !== "") ctx.fact("ovs.read", { bridge, what: "fdb" }, 0, "");
}

/** `IP  MAC  Bridge`; newer versions add columns behind. */
export function readTunnelNeighbours(file: EvidenceFile, ctx: ReadContext): void {
  eachLine(file, ctx, "tnl/neigh/show", (text, line) => {
    if (/^IP\s+MAC/.test(text) || /^=+$/.test(text)) return true;
    const m = /^([0-9a-fA-F.:]+)\s+([0-9a-fA-F:]{17})\s+(\S+)/.exec(text);
    if (!m) return false;
    ctx.fact("ovs.tunnel-neighbour", { address: m[1], mac: m[2].toLowerCase(), bridge: m[3] }, line, text);
    return true;
  });
}

/** `Cached: 0.0.0.0/0 dev br-ex GW 192.0.2.1 SRC 192.0.2.24`. */
export function readTunnelRoutes(file: EvidenceFile, ctx: ReadContext): void {
  eachLine(file, ctx, "ovs/route/show", (text, line) => {
    if (/^Route Table/.test(text)) return true;
    const m = /^(\w+): (\S+)(?: MARK \S+)? dev (\S+)(.*)$/.exec(text);
    if (!m) return false;
    const after = (word: string) => new RegExp(`(?:^|\\s)${word} (\\S+)`).exec(m[4])?.[1] ?? "";
    ctx.fact(
      "ovs.tunnel-route",
      { prefix: m[2], dev: m[3], via: after("GW"), src: after("SRC"), local: /\slocal(\s|$)/.test(m[4]), source: m[1] },
      line,
      text,
    );
    return true;
  });
}

/** `genev_sys_6081 (5) : eth(dst=…),eth_type(0x0800),ipv4(dst=192.0.2.24,proto=17,frag=no),udp(dst=6081)`. */
export function readTunnelPorts(file: EvidenceFile, ctx: ReadContext): void {
  eachLine(file, ctx, "tnl/ports/show", (text, line) => {
    if (/^Listening ports/.test(text)) return true;
    const m = /^(\S+) \((\d+)\)(?: ref_cnt=\d+)?(?:\s*:\s*(.*))?$/.exec(text);
    if (!m) return false;
    const key = m[3] ?? "";
    const udpPort = Number(/udp\((?:[^)]*,)?dst=(\d+)/.exec(key)?.[1] ?? 0);
    const address = /ipv[46]\((?:[^)]*,)?dst=([^,)]+)/.exec(key)?.[1] ?? "";
    const mac = /eth\((?:[^)]*,)?dst=([0-9a-fA-F:]{17})/.exec(key)?.[1] ?? "";
    ctx.fact("ovs.tunnel-port", { name: m[1], datapathPort: Number(m[2]), udpPort, address, mac }, line, text);
    return true;
  });
}

/** `port 5: ovn-5f1c0a-0 (geneve: 192.0.2.24->192.0.2.23, key=flow, legacy_l2, dp port=5, ttl=64, csum=true)`. */
export function readTunnels(file: EvidenceFile, ctx: ReadContext): void {
  // Without tunnels nothing is printed.
  if (file.text().trim() === "") return;
  eachLine(file, ctx, "ofproto/list-tunnels", (text, line) => {
    const m = /^port (\d+): (\S+) \((\w+): (\S+)->(\S+?)[,)]/.exec(text);
    if (!m) return false;
    ctx.fact("ovs.tunnel", { datapathPort: Number(m[1]), name: m[2], type: m[3], localIp: m[4], remoteIp: m[5] }, line, text);
    return true;
  });
}

/** `  0x102   0x80       4  tun_metadata0` below `mapping table:`. */
export function readTlvMap(file: EvidenceFile, bridge: string, ctx: ReadContext): void {
  const read = eachLine(file, ctx, "dump-tlv-map", (text, line) => {
    const m = /^(0x[0-9a-fA-F]+)\s+(0x[0-9a-fA-F]+)\s+(\d+)\s+(\S+)$/.exec(text);
    if (m) ctx.fact("ovs.tlv", { bridge, class: Number(m[1]), type: Number(m[2]), size: Number(m[3]), field: m[4] }, line, text);
    return m !== null || /reply|^max option|^allocated option|^mapping table|^class\s+type|^-|^[-\s]+$/i.test(text);
  });
  if (read) ctx.fact("ovs.read", { bridge, what: "tlv-map" }, 0, "");
}
