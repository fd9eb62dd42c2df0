/**
 * Ports from `ovs-ofctl dump-ports-desc BR`, `ovs-ofctl show BR` and `ovs-appctl dpif/show`.
 */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import type { OvsPortFact } from "../facts.js";
import { PORT, port16, unquote } from "../ports.js";
import { outputLines } from "./output.js";

/** OpenFlow's port descriptions hold 15 characters of a name. */
const NAME_CHARACTERS = 15;

/** Largest number of a port as such (OFPP_MAX). */
const MOST = 0xff00;

/** Headings of replies, what `show` tells of the whole switch, and speeds. */
const OTHER_LINES = /^(OFP\w+|NX\w+|n_tables|capabilities|actions)\b|^\s+(current|advertised|supported|peer|speed|dpid|n_tables)\b/;

/** The number of a port that can be told of: `7`, `LOCAL`, or 4294967294 for LOCAL; else null. */
export function portOf(text: string): number | null {
  if (text === "LOCAL") return PORT.local;
  if (!/^\d{1,10}$/.test(text)) return null;
  const port = port16(Number(text));
  return port < MOST || port === PORT.local ? port : null;
}

/** ` 2(patch-br-ex_mas): addr:92:c4:41:69:59:63`, then indented lines of config and state. */
export function readPortDescriptions(file: EvidenceFile, bridge: string, ctx: ReadContext): void {
  let open: { data: OvsPortFact; line: number; text: string } | null = null;
  const flush = () => {
    if (open) ctx.fact("ovs.port", open.data, open.line, open.text);
    open = null;
  };
  const lines = outputLines(file, ctx);
  if (!lines) return;
  lines.forEach((raw, i) => {
    const line = raw.trimEnd();
    const m = /^ (\w+)\((.*)\): addr:([0-9a-fA-F:]{17})/.exec(line);
    // What follows a heading that is no good is not the port's before it.
    if (m || /^ \S/.test(line)) flush();
    if (m) {
      const ofport = portOf(m[1]);
      if (ofport === null) {
        ctx.problem("warning", i + 1, `'${m[1]}' is not the number of a port`);
        return;
      }
      const name = unquote(m[2]);
      open = {
        data: { bridge, name, cut: name.length >= NAME_CHARACTERS, ofport, mac: m[3].toLowerCase() },
        line: i + 1,
        text: line.trim(),
      };
      return;
    }
    const flags = /^\s+(config|state):\s+(.*)$/.exec(line);
    if (flags) {
      // A heading that is no good has been told of.
      if (!open) return;
      const words = flags[2] === "0" ? [] : flags[2].split(/\s+/);
      if (flags[1] === "config") open.data.config = words;
      else open.data.state = words;
      return;
    }
    if (line.trim() === "" || OTHER_LINES.test(line)) return;
    ctx.problem("warning", i + 1, `'${line.trim()}' is not understood in a description of ports`);
  });
  flush();
  ctx.fact("ovs.bridge", { name: bridge }, 0, "");
}

/**
 * ```
 * netdev@ovs-netdev: hit:10935 missed:822
 *   br-int:
 *     ovn-5f1c0a-0 2/5: (geneve: key=flow, remote_ip=192.0.2.3)
 * ```
 */
export function readDpifShow(file: EvidenceFile, ctx: ReadContext): void {
  let datapathType: string | undefined;
  let bridge = "";
  outputLines(file, ctx)?.forEach((raw, i) => {
    const line = raw.trimEnd();
    if (line.trim() === "") return;
    const dp = /^(\w+)@\S+:/.exec(line);
    if (dp) {
      datapathType = dp[1];
      return;
    }
    const br = /^\s+(\S+):$/.exec(line);
    if (br) {
      bridge = br[1];
      ctx.fact("ovs.bridge", { name: bridge, ...(datapathType ? { datapathType } : {}) }, i + 1, line.trim());
      return;
    }
    const port = /^\s+(\S+) (\d+)(?:\/(\w+))?: \((\S+?)(?:: (.*))?\)$/.exec(line);
    if (!port || bridge === "") {
      ctx.problem("warning", i + 1, `'${line.trim()}' is not understood in dpif/show`);
      return;
    }
    const ofport = portOf(port[2]);
    if (ofport === null) {
      ctx.problem("warning", i + 1, `'${port[2]}' is not the number of a port`);
      return;
    }
    const options: Record<string, string> = {};
    for (const o of (port[5] ?? "").split(", ")) {
      const eq = o.indexOf("=");
      if (eq > 0) options[o.slice(0, eq)] = o.slice(eq + 1);
    }
    ctx.fact(
      "ovs.port",
      {
        bridge,
        name: port[1],
        cut: false,
        ofport,
        ...(/^\d{1,10}$/.test(port[3] ?? "") ? { datapathPort: Number(port[3]) } : {}),
        type: port[4],
        options,
      },
      i + 1,
      line.trim(),
    );
  });
}
