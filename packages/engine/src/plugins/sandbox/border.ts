/**
 * The border: what comes out of a plugin's worker is looked at before the engine uses it.
 */
import { type Claim, type Device, type NetworkBuilder, type Rule, type Shape, walk } from "@plumbline/model";
import { programFault, ruleFault, valueFault } from "@plumbline/plugin-sdk";
import type { NetworkChange } from "./wire.js";

const LINK: Shape = {
  object: {
    kind: "string",
    "name?": "string",
    "uuid?": "string",
    "stage?": "string",
    "datapath?": "string",
    "text?": "string",
    "file?": "string",
    "line?": "number",
  },
};
/** What a part of a plugin answers with. */
const ANSWERS = {
  claims: { object: { score: "number", what: "string", form: "number" } },
  annotate: { listOf: LINK },
  services: {
    listOf: {
      object: {
        name: "string",
        frontends: { listOf: { object: { what: "string", address: "string", protocol: "string", port: "number" } } },
        endpoints: { listOf: { object: { address: "string", port: "number", node: "string", pod: "string", ready: "boolean" } } },
        exceptions: { listOf: { object: { node: "string", layers: { listOf: "string" }, why: "string", forbidden: "boolean" } } },
      },
    },
  },
  explain: {
    listOf: {
      object: {
        layer: "string",
        title: "string",
        host: "string",
        "nodes?": { listOf: "string" },
        items: {
          listOf: {
            object: {
              text: "string",
              file: "string",
              line: "number",
              links: { listOf: LINK },
              "nodes?": { listOf: "string" },
              "key?": "string",
              "value?": "string",
              "cookie?": "bigint",
            },
          },
        },
      },
    },
  },
  announcements: { listOf: { mapOf: "any" } },
} as const satisfies Readonly<Record<string, Shape>>;

/** Throws for an answer that is not what the contract says. */
export function checkedAnswer<T>(part: keyof typeof ANSWERS, value: unknown): T {
  const wrong = valueFault(value, ANSWERS[part]);
  if (wrong !== "") throw new Error(`its answer to '${part}' is not what it should be: ${wrong}`);
  return value as T;
}

export function checkedClaim(value: unknown): Claim | null {
  return value === null ? null : checkedAnswer<Claim>("claims", value);
}

/** What is wrong with a change that a plugin asks for, "" if nothing is. `own`: devices and tables that it has made before. */
export function changeFault(
  net: NetworkBuilder,
  change: NetworkChange,
  own: { devices: ReadonlySet<number>; tables: ReadonlySet<number> },
): string {
  const extent = {
    devices: net.devices.length + change.devices.length,
    tables: net.tables.length + change.tables.length,
    trackers: net.trackers.length + change.trackers.length,
  };
  const mayChange = (id: number, made: ReadonlySet<number>, before: number) => id >= before || made.has(id);
  for (const [i, d] of change.devices.entries()) {
    if (d.id !== net.devices.length + i || typeof d.name !== "string") return "a device has no name or number";
    if (net.devices.some((x) => x.name === d.name)) return `device ${d.name} exists`;
    if (d.entry >= extent.tables || d.origin >= extent.tables) return `device ${d.name}: its first table is not there`;
  }
  for (const [i, t] of change.tables.entries()) {
    if (t.id !== net.tables.length + i || !(t.device >= 0 && t.device < extent.devices))
      return `table ${t.name}: there is no device ${t.device}`;
    if (!["priority", "sequence", "lpm"].includes(t.kind)) return `table ${t.name}: there is no kind '${t.kind}'`;
    const wrong = programFault(t.miss, extent);
    if (wrong !== "") return `table ${t.name}: ${wrong}`;
  }
  for (const [i, r] of change.rules.entries()) {
    if (r.id !== net.rules.length + i) return "a rule has another rule's number";
    const wrong = ruleFault(r, extent) || portsFault(r);
    if (wrong !== "") return `rule ${r.origin ? `of ${r.origin.file}:${r.origin.line}` : r.id}: ${wrong}`;
    if (!mayChange(r.table, own.tables, net.tables.length))
      return `it adds a rule to table ${net.tables[r.table].name}, which another plugin has made`;
  }
  for (const d of change.changedDevices)
    if (!own.devices.has(d.id)) return `it changes device ${net.devices[d.id]?.name}, which another plugin has made`;
  for (const t of change.changedTables) {
    if (!own.tables.has(t.id)) return `it changes table ${net.tables[t.id]?.name}, which another plugin has made`;
    const wrong = programFault(t.miss, extent);
    if (wrong !== "") return wrong;
  }
  for (const { device, port } of change.ports)
    if (net.devices[device]?.ports.some((p) => p.number === port.number))
      return `port ${port.number} of ${net.devices[device].name} exists`;
  return linksFault(net, change);
}

function linksFault(net: NetworkBuilder, change: NetworkChange): string {
  const has = (id: number, number: number) => {
    const device: Device | undefined = net.devices[id] ?? change.devices[id - net.devices.length];
    return device?.ports.some((p) => p.number === number) || change.ports.some((p) => p.device === id && p.port.number === number);
  };
  for (const l of change.links) {
    if (!has(l.device, l.port) || !has(l.toDevice, l.toPort)) return "a link ends at a port that is not there";
    if (typeof l.why !== "string" || l.why === "") return "a link does not say why it is there";
  }
  return "";
}

/** Numbers of ports in programs are checked where ports are known; here only that a program says nothing that cannot be shown. */
function portsFault(r: Rule): string {
  let wrong = "";
  walk(r.program, (a) => {
    if (a.op === "unknown" && a.command === "" && a.why === "") wrong = "unknown: it says neither why nor what would tell";
  });
  return wrong;
}

/** Enters a change that has been checked. */
export function applyChange(net: NetworkBuilder, change: NetworkChange): void {
  net.devices.push(...change.devices);
  for (const { device, port } of change.ports) net.devices[device].ports.push(port);
  for (const head of change.tables) net.tables.push({ ...head, rules: [] });
  for (const rule of change.rules) {
    net.rules.push(rule);
    net.tables[rule.table].rules.push(rule);
  }
  net.links.push(...change.links);
  net.trackers.push(...change.trackers);
  for (const { id, entry, origin, node, pod, aliases } of change.changedDevices) {
    const device = net.devices[id];
    Object.assign(device, { entry, origin, node, pod });
    device.aliases.splice(0, device.aliases.length, ...aliases);
  }
  for (const { id, miss, missOrigin } of change.changedTables) Object.assign(net.tables[id], { miss, missOrigin });
}
