/**
 * `inspect`: what a snapshot holds, what became of it, and what is missing.
 *
 * Expected of a host is what the plugins' `collects` lists for its role. A node's role is known by its Kubernetes node, a
 * router's and a pod's by the device that it has become; any other host (a client) is expected to show what a pod shows:
 * its addresses, routes, neighbours and sockets.
 */
import type { Collectable, Device, FactKind, Link, NetworkBuilder, Plugin } from "@plumbline/model";
import type { BuiltNetwork } from "../network/build.js";
import type { Snapshot } from "../snapshot/index.js";
import type { Cell, HostRole, InspectedDevice, InspectedHost, InspectedLink, Inspection, Missing } from "./model.js";

export function inspect(snapshot: Snapshot, built: BuiltNetwork): Inspection {
  const { net } = built;
  const captures = snapshot.files.filter(isCapture);
  const hosts = inspectHosts(snapshot, net);
  const { matrix, missing } = compare(hosts, collectables(snapshot.plugins), bridgesOf(net), (kind) => snapshot.facts.all(kind).length > 0);
  return {
    schema: "plumbline.inspect/1",
    snapshot: snapshot.root,
    overlays: [...snapshot.overlays],
    hosts,
    matrix,
    missing,
    devices: net.devices.map((d) => inspectDevice(d, net)),
    links: inspectLinks(net),
    unjoined: built.unjoined.map((n) => ({ device: n.device, port: n.port, why: n.why })),
    captures: captures.map((f) => f.file.path),
    problems: [...snapshot.problems, ...built.problems].sort(byPlace),
  };
}

/** A capture is traffic and no evidence of the network: it belongs to no host's sources. */
function isCapture(file: { plugin: string }): boolean {
  return file.plugin === "captures";
}

function inspectHosts(snapshot: Snapshot, net: NetworkBuilder): InspectedHost[] {
  const nodes = new Set(snapshot.facts.all("k8s.node").map((f) => f.data.name));
  const hosts = new Map<string, InspectedHost>();
  const hostOf = (name: string): InspectedHost => {
    let host = hosts.get(name);
    if (!host) {
      const device = net.devices.find((d) => d.host === name && (d.kind === "host" || d.kind === "router" || d.kind === "pod"));
      const node = device?.node || (nodes.has(name) ? name : "");
      host = {
        host: name,
        role: roleOf(name, device, node !== "" || net.devices.some((d) => d.kind === "bridge" && d.host === name)),
        node,
        device: device?.name ?? "",
        facts: 0,
        sources: [],
        setAside: [],
        unrecognised: [],
      };
      hosts.set(name, host);
    }
    return host;
  };
  const from = (overlay: string) => (overlay === "" ? {} : { overlay });
  for (const f of snapshot.files) {
    if (isCapture(f)) continue;
    const host = hostOf(f.file.host);
    host.facts += f.facts;
    host.sources.push({
      what: f.what,
      plugin: f.plugin,
      file: f.file.path,
      command: f.file.command,
      facts: f.facts,
      ...from(f.overlay),
    });
  }
  for (const f of snapshot.setAside)
    hostOf(f.file.host).setAside.push({
      what: f.what,
      plugin: f.plugin,
      file: f.file.path,
      because: f.because,
      instead: f.instead,
      ...from(f.overlay),
    });
  for (const f of snapshot.unrecognised)
    hostOf(f.file.host).unrecognised.push({ file: f.file.path, command: f.file.command, size: f.file.size, ...from(f.overlay) });
  return [...hosts.values()].sort((a, b) => rank(a) - rank(b) || (a.host < b.host ? -1 : 1));
}

/** A host with switches is a node, whether or not Kubernetes' objects are there to say so. */
function roleOf(host: string, device: Device | undefined, node: boolean): HostRole {
  if (host === "") return "cluster";
  if (device?.kind === "pod" || host.startsWith("pods/")) return "pod";
  if (node) return "node";
  return device?.kind === "router" ? "router" : "host";
}

/** The cluster first, then along the path of a packet from outside. */
function rank(host: InspectedHost): number {
  if (host.sources.length === 0) return 9;
  return { cluster: 0, host: 1, router: 2, node: 3, pod: 4 }[host.role];
}

function collectables(plugins: readonly Plugin[]): Collectable[] {
  return plugins.flatMap((p) => [...(p.collects ?? [])]);
}

/**
 * Whether evidence is what is wanted, or a part or a fuller form of it: "Kubernetes objects (pods)" of "Kubernetes objects",
 * "sockets (ss -tuln)" of "sockets (ss -tulpn)".
 */
function shows(what: string, wanted: string): boolean {
  if (what === wanted || what.startsWith(`${wanted} `)) return true;
  const [a, b] = [bracketed(what), bracketed(wanted)];
  return a !== null && b !== null && a.name === b.name && b.words.every((w, i) => a.words[i] === w);
}

/** "sockets (ss -tuln)" → name and the command's words without its letter options; -4 and -6 say what is shown, and stay. */
function bracketed(what: string): { name: string; words: string[] } | null {
  const m = /^([^(]+) \((.+)\)$/.exec(what);
  return m && { name: m[1], words: m[2].split(" ").filter((w) => !/^--?[a-z]/i.test(w)) };
}

/** A collectable for each bridge that is known, where it names none: "OpenFlow flows of BRIDGE". */
function perBridge(wanted: readonly Collectable[], bridges: ReadonlyMap<string, ReadonlySet<string>>): Wanted[] {
  const names = [...new Set([...bridges.values()].flatMap((b) => [...b]))].sort();
  return wanted.flatMap((c): Wanted[] => {
    if (!c.what.includes("BRIDGE") || names.length === 0) return [{ ...c, bridge: "" }];
    return names.map((bridge) => ({
      ...c,
      what: c.what.replace("BRIDGE", bridge),
      command: c.command.replace("BRIDGE", bridge),
      bridge,
    }));
  });
}

type Wanted = Collectable & { readonly bridge: string };

/** Names of each host's bridges, from their devices. */
function bridgesOf(net: NetworkBuilder): Map<string, Set<string>> {
  const out = new Map<string, Set<string>>();
  for (const d of net.devices) {
    if (d.kind !== "bridge") continue;
    const names = out.get(d.host) ?? new Set<string>();
    names.add(d.name.slice(d.name.lastIndexOf("/") + 1));
    out.set(d.host, names);
  }
  return out;
}

function compare(
  hosts: readonly InspectedHost[],
  collectable: readonly Collectable[],
  bridges: ReadonlyMap<string, ReadonlySet<string>>,
  known: (kind: FactKind) => boolean,
): { matrix: Inspection["matrix"]; missing: Missing[] } {
  const wanted = perBridge(collectable, bridges);
  const expected = (c: Wanted, h: InspectedHost) =>
    (c.on === h.role || (h.role === "host" && c.on === "pod")) && (c.bridge === "" || bridges.get(h.host)?.has(c.bridge) === true);
  const collected = hosts.filter((h) => h.host !== "" && h.sources.length > 0);
  const has = (h: InspectedHost, what: string) => h.sources.some((s) => shows(s.what, what));
  const missing: Missing[] = [];
  const rows = new Map<string, Cell[]>();
  for (const what of new Set(wanted.map((c) => c.what))) {
    // The same with other options is the same row.
    if ([...rows.keys()].some((row) => shows(row, what) && shows(what, row))) continue;
    const forThis = wanted.filter((c) => shows(c.what, what) && shows(what, c.what));
    const cells = collected.map((h): Cell => (has(h, what) ? "read" : forThis.some((c) => expected(c, h)) ? "missing" : "none"));
    if (cells.some((c) => c !== "none")) rows.set(what, cells);
    for (const c of forThis) {
      if (c.on === "cluster") {
        if (!hosts.some((h) => has(h, what)) && !c.facts?.some(known))
          missing.push({ what, command: c.command, role: "cluster", hosts: [] });
        continue;
      }
      // Of several commands that show the same thing, the first that fits is named.
      const lacking = collected.filter(
        (h, i) => cells[i] === "missing" && expected(c, h) && !missing.some((m) => m.what === what && m.hosts.includes(h.host)),
      );
      if (lacking.length === 0) continue;
      const same = missing.find((m) => m.what === what && m.command === c.command);
      if (same) same.hosts.push(...lacking.map((h) => h.host));
      else missing.push({ what, command: c.command, role: c.on, hosts: lacking.map((h) => h.host) });
    }
  }
  // What nobody expects and somebody has is worth a row too.
  for (const what of collected.flatMap((h) => h.sources.map((s) => s.what)))
    if (!rows.has(what) && !wanted.some((c) => shows(what, c.what)))
      rows.set(
        what,
        collected.map((h) => (has(h, what) ? "read" : "none")),
      );
  return { matrix: { hosts: collected.map((h) => h.host), sources: [...rows].map(([what, cells]) => ({ what, cells })) }, missing };
}

function inspectDevice(device: Device, net: NetworkBuilder): InspectedDevice {
  const tables = net.tables.filter((t) => t.device === device.id);
  return {
    name: device.name,
    kind: device.kind,
    host: device.host,
    node: device.node,
    pod: device.pod,
    tables: tables.length,
    rules: tables.reduce((n, t) => n + t.rules.length, 0),
    ports: device.ports.map((p) => ({ number: p.number, name: p.name })),
  };
}

/** Links, the two directions of one as one. */
function inspectLinks(net: NetworkBuilder): InspectedLink[] {
  const end = (device: number, port: number) => {
    const d = net.devices[device];
    return { device: d.name, port: d.ports.find((p) => p.number === port)?.name ?? String(port) };
  };
  const key = (l: Link, back: boolean) =>
    back ? `${l.toDevice}:${l.toPort}>${l.device}:${l.port}` : `${l.device}:${l.port}>${l.toDevice}:${l.toPort}`;
  const all = new Set(net.links.map((l) => key(l, false)));
  const seen = new Set<string>();
  const out: InspectedLink[] = [];
  for (const l of net.links) {
    if (seen.has(key(l, true))) continue;
    seen.add(key(l, false));
    out.push({
      from: end(l.device, l.port),
      to: end(l.toDevice, l.toPort),
      bothWays: all.has(key(l, true)),
      certainty: l.certainty,
      why: l.why,
    });
  }
  return out;
}

const SEVERITY = { error: 0, warning: 1, info: 2 } as const;

function byPlace(a: Inspection["problems"][number], b: Inspection["problems"][number]): number {
  return SEVERITY[a.severity] - SEVERITY[b.severity] || (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line);
}
