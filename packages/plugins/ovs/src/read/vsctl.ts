/**
 * `ovs-vsctl show` and `ovs-vsctl list Interface|Bridge|Open_vSwitch`.
 */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import type { OvsPortFact } from "../facts.js";
import { unquote } from "../ports.js";
import { outputLines } from "./output.js";

/** A map or set as OVSDB tools print it: `{csum="true", key=flow}`, `[1, 2]`. */
function parseMap(text: string): Record<string, string> {
  const out: Record<string, string> = {};
  const inner = /^\{(.*)\}$/s.exec(text.trim());
  if (!inner) return out;
  for (const item of splitList(inner[1])) {
    const m = /^("(?:[^"\\]|\\.)*"|[^=]*)=(.*)$/s.exec(item);
    if (m) out[unquote(m[1].trim())] = unquote(m[2].trim());
  }
  return out;
}

/** Items parted by commas outside of quotes. */
export function splitList(text: string): string[] {
  const out: string[] = [];
  let from = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') quoted = !quoted;
    else if (text[i] === "," && !quoted) {
      out.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  const last = text.slice(from).trim();
  if (last !== "") out.push(last);
  return out;
}

/** Nested `Bridge`, `Port`, `Interface` with their attributes. */
export function readVsctlShow(file: EvidenceFile, ctx: ReadContext): void {
  let bridge: { name: string; datapathType?: string; failMode?: string; line: number; text: string } | null = null;
  let vlan: Pick<OvsPortFact, "tag" | "trunks"> = {};
  let iface: { data: OvsPortFact; line: number; text: string } | null = null;
  const flushInterface = () => {
    if (iface) ctx.fact("ovs.port", iface.data, iface.line, iface.text);
    iface = null;
  };
  const flushBridge = () => {
    flushInterface();
    if (bridge) {
      const { line, text, datapathType, ...rest } = bridge;
      // Without a line of its own the datapath is the kernel's: `show` prints what differs from the default.
      ctx.fact("ovs.bridge", { ...rest, datapathType: datapathType ?? "system" }, line, text);
    }
    bridge = null;
  };
  outputLines(file, ctx)?.forEach((raw, i) => {
    const text = raw.trim();
    if (text === "") return;
    const head = /^(Bridge|Port|Interface) (.+)$/.exec(text);
    if (head) {
      const name = unquote(head[2]);
      if (head[1] === "Bridge") {
        flushBridge();
        bridge = { name, line: i + 1, text };
      } else if (head[1] === "Port") {
        flushInterface();
        vlan = {};
      } else {
        flushInterface();
        iface = { data: { bridge: bridge?.name ?? "", name, cut: false, type: "", ...vlan }, line: i + 1, text };
      }
      return;
    }
    const attribute = /^([a-z_]+): (.*)$/.exec(text);
    if (!attribute) return;
    const [, key, value] = attribute;
    if (key === "tag") vlan.tag = Number(value);
    else if (key === "trunks") vlan.trunks = value.replace(/[[\]]/g, "").split(",").map(Number);
    else if (key === "datapath_type" && bridge) bridge.datapathType = value;
    else if (key === "fail_mode" && bridge) bridge.failMode = value;
    else if (key === "type" && iface) iface.data.type = unquote(value);
    else if (key === "options" && iface) iface.data.options = parseMap(value);
    else if (key === "error" && iface) ctx.problem("warning", i + 1, `interface ${iface.data.name}: ${unquote(value)}`);
  });
  flushBridge();
}

/** Records of `list`: `column : value`, parted by blank lines. */
function records(
  file: EvidenceFile,
  ctx: ReadContext,
): { line: number; columns: Map<string, { value: string; line: number; text: string }> }[] {
  const out: ReturnType<typeof records> = [];
  let open: ReturnType<typeof records>[number] | null = null;
  outputLines(file, ctx)?.forEach((raw, i) => {
    const m = /^([a-z_0-9]+)\s*: (.*)$/.exec(raw.trimEnd());
    if (!m) {
      if (raw.trim() === "") open = null;
      return;
    }
    if (!open) out.push((open = { line: i + 1, columns: new Map() }));
    open.columns.set(m[1], { value: m[2], line: i + 1, text: raw.trim() });
  });
  return out;
}

/** A scalar; "" for an empty set. */
function scalar(value: string | undefined): string {
  return value === undefined || value === "[]" ? "" : unquote(value);
}

export function readInterfaces(file: EvidenceFile, ctx: ReadContext): void {
  for (const r of records(file, ctx)) {
    const name = scalar(r.columns.get("name")?.value);
    if (name === "") {
      ctx.problem("warning", r.line, "an interface without a name");
      continue;
    }
    const get = (c: string) => r.columns.get(c)?.value;
    const ofport = scalar(get("ofport"));
    const data: OvsPortFact = {
      bridge: "",
      name,
      cut: false,
      type: scalar(get("type")),
      options: parseMap(get("options") ?? "{}"),
      externalIds: parseMap(get("external_ids") ?? "{}"),
    };
    // -1: the switch could not open it.
    if (/^\d+$/.test(ofport)) data.ofport = Number(ofport);
    const mac = scalar(get("mac_in_use"));
    if (mac !== "") data.mac = mac.toLowerCase();
    const ifindex = Number(scalar(get("ifindex")));
    if (ifindex > 0) data.ifindex = ifindex;
    const link = scalar(get("link_state"));
    if (link !== "") data.up = link === "up" && scalar(get("admin_state")) !== "down";
    const at = r.columns.get("name")!;
    ctx.fact("ovs.port", data, at.line, at.text);
    const error = scalar(get("error"));
    if (error !== "") ctx.problem("warning", r.columns.get("error")!.line, `interface ${name}: ${error}`);
  }
}

export function readBridges(file: EvidenceFile, ctx: ReadContext): void {
  for (const r of records(file, ctx)) {
    const name = r.columns.get("name");
    if (!name) continue;
    const datapath = scalar(r.columns.get("datapath_type")?.value);
    ctx.fact(
      "ovs.bridge",
      { name: scalar(name.value), datapathType: datapath || "system", failMode: scalar(r.columns.get("fail_mode")?.value) },
      name.line,
      name.text,
    );
  }
}

export function readOpenVSwitch(file: EvidenceFile, ctx: ReadContext): void {
  for (const r of records(file, ctx)) {
    const ids = r.columns.get("external_ids");
    ctx.fact(
      "ovs.config",
      { externalIds: parseMap(ids?.value ?? "{}"), version: scalar(r.columns.get("ovs_version")?.value) },
      ids?.line ?? r.line,
      ids?.text ?? "",
    );
  }
}
