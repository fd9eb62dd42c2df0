/**
 * `ss -tuln` (and richer forms of it): who listens. Also `sysctl`.
 */
import type { ReadContext } from "@plumbline/model";

/** `[::]:179`, `0.0.0.0%eth0:67`, `*:22`: address, device, port. */
function local(text: string): { address: string; dev: string; port: string } | null {
  const m = /^\[?([0-9a-fA-F.:*]+)(?:\]?%([^\]:]+))?\]?:(\d+|\*)$/.exec(text);
  return m && { address: m[1], dev: m[2] ?? "", port: m[3] };
}

/**
 * @param flags options that `ss` was run with; they tell the protocol where there is no Netid column
 */
export function readSockets(text: string, flags: string, ctx: ReadContext): void {
  const lines = text.split("\n");
  const head = lines.find((l) => /^\s*(Netid\s+)?State\s+Recv-Q/.test(l));
  const tcp = /t|tcp/.test(flags);
  const udp = /u|udp/.test(flags);
  // Without that column, ss was asked for one protocol.
  const netid = head === undefined || /^\s*Netid/.test(head);
  const only = tcp && !udp ? "tcp" : udp && !tcp ? "udp" : "";
  for (let i = 0; i < lines.length; i++) {
    const raw = lines[i];
    // Memory and timer details are indented below their socket.
    if (raw.trim() === "" || raw === head || /^\s/.test(raw)) continue;
    const words = raw.trim().split(/\s+/);
    const proto = netid ? words.shift()! : only;
    if (proto !== "tcp" && proto !== "udp") continue;
    const [state, , , where] = words;
    // An unconnected UDP socket receives; of TCP only a listener takes new connections.
    if (state !== (proto === "tcp" ? "LISTEN" : "UNCONN")) continue;
    const at = local(where ?? "");
    if (!at || at.port === "*") {
      ctx.problem("warning", i + 1, `not a socket: '${raw.trim()}'`);
      continue;
    }
    ctx.fact("linux.socket", { proto, address: at.address, port: Number(at.port), dev: at.dev }, i + 1, raw.trim());
  }
  if (head === undefined && !lines.some((l) => /^(tcp|udp)\s/.test(l))) {
    ctx.problem("warning", 0, "no sockets here, and no heading of a list of them", "Run `ss -tulpn`.");
    return;
  }
  if (netid && (flags === "" || (tcp && udp) || !(tcp || udp))) ctx.fact("linux.sockets-read", {}, 0, head?.trim() ?? "");
  else ctx.problem("info", 0, `only ${only} sockets are in this file: whether others listen stays unknown`, "Run `ss -tulpn`.");
}

/** Keys outside `net.` say nothing about a packet's way and are left out. */
export function readSysctl(text: string, ctx: ReadContext): void {
  text.split("\n").forEach((raw, i) => {
    const m = /^([\w./-]+)\s*=\s*(.*)$/.exec(raw.trim());
    if (m) {
      if (m[1].startsWith("net.")) ctx.fact("linux.sysctl", { key: m[1], value: m[2].trim() }, i + 1, raw.trim());
    } else if (raw.trim() !== "" && !raw.startsWith("sysctl:")) ctx.problem("info", i + 1, `not a kernel setting: '${raw.trim()}'`);
  });
}
