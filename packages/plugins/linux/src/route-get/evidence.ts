/**
 * What a host's files tell of it, for route look-ups alone.
 *
 * Every table that is there is taken for whole. Where addresses are not given they follow from the routes: a `local` route of a host's
 * own is an address, and a connected route has the network that it is in.
 */
import type { Problem, ReadContext } from "@plumbline/model";
import { FactStore, inlineFile } from "@plumbline/plugin-sdk";
import { parseAddress, parsePrefix } from "../address.js";
import { complete } from "../lower/complete.js";
import { type HostEvidence, hostEvidence, interfaceNamed, type Route } from "../lower/evidence.js";
import "../private-facts.js";
import { readLinux } from "../read/read.js";
import type { RouteFiles, RouteText } from "./model.js";

const HOST = "host";

export function evidenceOf(files: RouteFiles): { evidence: HostEvidence; problems: Problem[] } {
  const facts = new FactStore();
  const problems: Problem[] = [];
  const read = (f: RouteText, command: string) => {
    const ctx: ReadContext = {
      fact: (kind, data, line, text) => facts.add({ kind, host: HOST, origin: { file: f.file, line, text }, data }),
      problem: (severity, line, message, hint = "") => void problems.push({ severity, file: f.file, line, message, hint }),
    };
    try {
      readLinux(inlineFile(f.file, f.text, { host: HOST, command }), ctx);
    } catch (e) {
      problems.push({
        severity: "error",
        file: f.file,
        line: 0,
        message: `not read further: ${e instanceof Error ? e.message : String(e)}`,
        hint: "Give the output as the command printed it.",
      });
    }
  };
  const family = (f: RouteText, found: 4 | 6 | undefined) => ((f.family ?? found) ? ` -${f.family ?? found}` : "");
  for (const f of files.routes) read(f, `ip${family(f, undefined)} route show table ${f.table ?? (hasTables(f.text) ? "all" : "main")}`);
  for (const f of files.rules ?? []) read(f, `ip${family(f, ruleFamily(f.text))} rule`);
  for (const f of files.addresses ?? []) read(f, isBrief(f.text) ? "ip -br addr" : "ip -d addr");
  for (const f of files.nexthops ?? []) read(f, "ip nexthop");
  for (const f of files.neighbours ?? []) read(f, "ip neigh");
  for (const f of files.sysctl ?? []) read(f, "sysctl -a");

  const evidence: HostEvidence = { ...hostEvidence(facts, HOST), covers: (_, table) => coveredBy(files, table) };
  if ((files.addresses ?? []).length === 0) addressesOfRoutes(evidence);
  complete(evidence);
  checkNames(evidence, problems);
  return { evidence, problems };
}

/** Names are known that only rules mention: they have no interface. */
function checkNames(evidence: HostEvidence, problems: Problem[]): void {
  const seen = new Set<number>();
  for (const i of evidence.interfaces) {
    if (seen.has(i.number))
      problems.push({
        severity: "warning",
        file: i.origin?.file ?? "",
        line: i.origin?.line ?? 0,
        message: `two interfaces have the index ${i.number}`,
        hint: "",
      });
    seen.add(i.number);
  }
}

/** Tables are named with each route, or only main (whose name is left out) is there. */
function hasTables(text: string): boolean {
  return /(^|\s)table \S/m.test(text) || /"table"\s*:/.test(text);
}

function coveredBy(files: RouteFiles, table: string): boolean {
  // Who gives main alone leaves the local table to the addresses.
  return table !== "local" || files.routes.some((f) => f.table === "local" || /\btable local\b|"table"\s*:\s*"local"/.test(f.text));
}

/** `ip -6 rule` tells itself by its addresses. */
function ruleFamily(text: string): 4 | 6 | undefined {
  return /(from|to) [0-9a-f]*:[0-9a-f:]*/i.test(text) || /"(src|dst)"\s*:\s*"[0-9a-f]*:/i.test(text) ? 6 : undefined;
}

const isBrief = (text: string) => !/^\s*\[/.test(text) && !/^\d+: /m.test(text);

function addressesOfRoutes(e: HostEvidence): void {
  const connected = e.routes.filter((r) => r.type === "unicast" && r.nexthops.length === 1 && r.nexthops[0].via === "" && r.src !== "");
  const add = (family: 4 | 6, address: string, dev: string, origin: Route["origin"]) => {
    const i = interfaceNamed(e.interfaces, dev, (n) => e.interfaces.push(n), "a route names it", origin);
    if (i.addresses.some((a) => a.address === address)) return;
    const value = parseAddress(address)!;
    const own = connected.find((r) => r.src === address && r.nexthops[0].dev === dev);
    const network = own ? parsePrefix(own.prefix) : null;
    i.addresses.push({
      ifname: dev,
      address,
      prefixLen: network?.len ?? (family === 4 ? 32 : 128),
      family,
      scope: /^127\.|^::1$/.test(address) ? "host" : value.family === 6 && value.value >> 118n === 0x3fan ? "link" : "global",
      secondary: false,
      origin,
      certainty: "inferred",
      why: "follows from its route; addresses are not in evidence",
    });
  };
  for (const r of e.routes) {
    const dev = r.nexthops[0]?.dev ?? "";
    const own = r.type === "local" && (r.family === 6 ? r.prefix.endsWith("/128") : r.prefix.endsWith("/32"));
    // A local route that somebody added has another protocol than the kernel's.
    if (own && dev !== "" && (r.proto === "kernel" || r.proto === "")) {
      const address = r.prefix.split("/")[0];
      // A secondary address prefers the primary one, which has a route of its own.
      if (r.src === "" || r.src === address) add(r.family, address, dev, r.origin);
    }
  }
  for (const r of connected) add(r.family, r.src, r.nexthops[0].dev, r.origin);
}
