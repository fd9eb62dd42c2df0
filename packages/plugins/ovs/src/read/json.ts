/** What `ovs-appctl -f json` prints for tables that have a plain form too (OVS 3.4 and later: dpif/show; 3.6: fdb/show). */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import { PORT } from "../ports.js";

/** Null, with a problem, where the text is no whole JSON document. */
function parsed(file: EvidenceFile, ctx: ReadContext): unknown {
  try {
    return JSON.parse(file.text());
  } catch {
    ctx.problem("error", 1, "this is no whole JSON document: it is cut off, or the command failed", "Collect it again.");
    return null;
  }
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

/** `{"br0": [{"port": 2, "vlan": 0, "mac": "…", "age": 5 | "static": true}, …]}`, or the list alone for one bridge. */
export function readFdbJson(file: EvidenceFile, bridge: string, ctx: ReadContext): void {
  const json = parsed(file, ctx);
  if (json === null) return;
  for (const [name, list] of Array.isArray(json) ? [[bridge, json] as const] : entries(json)) {
    for (const entry of Array.isArray(list) ? (list as Record<string, unknown>[]) : []) {
      const port = entry.port === "LOCAL" ? PORT.local : Number(entry.port);
      const mac = String(entry.mac ?? "").toLowerCase();
      if (!Number.isInteger(port) || !/^[0-9a-f:]{17}$/.test(mac)) {
        ctx.problem("warning", 1, `'${JSON.stringify(entry)}' is not understood in fdb/show`);
        continue;
      }
      const age = entry.static === true ? "static" : String(entry.age ?? "");
      ctx.fact("ovs.fdb", { bridge: name, port, vlan: Number(entry.vlan ?? 0), mac, age }, 1, JSON.stringify(entry));
    }
    ctx.fact("ovs.read", { bridge: name, what: "fdb" }, 0, "");
  }
}

/** `{"netdev@ovs-netdev": {"bridges": {"br0": {"p1": {"ofport": "1", "port_no": "1", "type": "…", "config": {…}}}}}}`. */
export function readDpifShowJson(file: EvidenceFile, ctx: ReadContext): void {
  for (const [datapath, content] of entries(parsed(file, ctx))) {
    const datapathType = datapath.replace(/@.*$/, "");
    for (const [bridge, ports] of entries((content as { bridges?: unknown })?.bridges)) {
      ctx.fact("ovs.bridge", { name: bridge, datapathType }, 1, "");
      for (const [name, value] of entries(ports)) {
        const p = value as { ofport?: string; port_no?: string; type?: string; config?: Record<string, unknown> };
        const options = Object.fromEntries(entries(p.config).map(([k, v]) => [k, String(v)]));
        ctx.fact(
          "ovs.port",
          {
            bridge,
            name,
            cut: false,
            type: p.type ?? "",
            options,
            ...(/^\d+$/.test(p.ofport ?? "") ? { ofport: Number(p.ofport) } : {}),
            ...(/^\d+$/.test(p.port_no ?? "") ? { datapathPort: Number(p.port_no) } : {}),
          },
          1,
          name,
        );
      }
    }
  }
}
