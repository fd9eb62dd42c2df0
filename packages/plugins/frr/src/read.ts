/** Reads an output of vtysh by what was asked for; dump_frr holds several, one behind the other. */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import { readBfd, readBfdJson } from "./bfd.js";
import { readBgpDetail, readBgpDetailJson } from "./bgp-detail.js";
import { readBgpTable } from "./bgp-text.js";
import { type Request, requestOf, requestOfCommand } from "./claims.js";
import { readConfig } from "./config.js";
import { readBgpJson, readRouteJson } from "./json.js";
import { readNeighbourRoutes, readNeighbourRoutesJson } from "./neighbour-routes.js";
import { readNeighbours, readNeighboursJson } from "./neighbours.js";
import "./private-facts.js";
import { readRouteDetail, readRouteTable } from "./route-text.js";
import { readSummary, readSummaryJson } from "./summary.js";

export function readFrr(file: EvidenceFile, ctx: ReadContext): void {
  const request = requestOf(file);
  if (request) readOutput(file.text(), request, ctx);
}

function readOutput(text: string, request: Request, ctx: ReadContext): void {
  // vtysh's own complaint is no output.
  const complaint = /^(% ?(?:\[\w+\] )?Unknown command.*|\w+d is not running)\s*$/m.exec(text.slice(0, 300));
  if (complaint && text.trim().split("\n").length <= 2) {
    ctx.problem("info", 1, `vtysh gave no answer: ${complaint[1]}`);
    return;
  }
  const json = request.json || /^\s*[{[]/.test(text);
  switch (request.subject) {
    case "bgp":
      readBgp(text, json, ctx);
      break;
    case "bgp-detail":
      if (json) readBgpDetailJson(text, ctx);
      else readBgpDetail(text, ctx);
      break;
    case "neighbour-routes":
      if (json) readNeighbourRoutesJson(text, request, ctx);
      else readNeighbourRoutes(text, request, ctx);
      break;
    case "summary":
      if (json) readSummaryJson(text, ctx);
      else readSummary(text, ctx);
      break;
    case "neighbours":
      if (json) readNeighboursJson(text, ctx);
      else readNeighbours(text, ctx);
      break;
    case "bfd":
      if (json) readBfdJson(text, ctx);
      else readBfd(text, ctx);
      break;
    case "config":
      readConfig(text, ctx);
      break;
    case "dump":
      readDump(text, ctx);
      break;
    case "route":
      if (json) readRouteJson(text, request, ctx);
      else if (/^Routing entry for /m.test(text) || request.prefix !== "") readRouteDetail(text, request, ctx);
      else readRouteTable(text, request, ctx);
      break;
  }
}

/** Reads a BGP table, and notes it where it holds no path: nothing is announced there, and that is known. */
function readBgp(text: string, json: boolean, ctx: ReadContext): void {
  let paths = 0;
  let problems = 0;
  const counting: ReadContext = {
    fact(kind, data, line, what) {
      if (kind === "frr.bgp-path") paths++;
      ctx.fact(kind, data, line, what);
    },
    problem(...args) {
      problems++;
      ctx.problem(...args);
    },
  };
  if (json) readBgpJson(text, counting);
  else readBgpTable(text, counting);
  if (paths + problems === 0) ctx.fact("frr.bgp-empty", {}, 1, json ? "no path" : (text.split("\n").find((l) => l.trim() !== "") ?? ""));
}

/** `###### show running-config`, and so on; decorations between are skipped. */
const SECTION = /^#{3,}\s*(show .*?)\s*#*$/i;

/** must-gather's dump_frr: the sections of several commands. */
function readDump(text: string, ctx: ReadContext): void {
  const lines = text.split("\n");
  const starts = lines.flatMap((l, i) => {
    const m = SECTION.exec(l);
    return m ? [{ command: m[1].toLowerCase(), at: i }] : [];
  });
  if (starts.length === 0)
    ctx.problem("warning", 1, "no section ('###### show …') of a dump_frr", "Give the file as must-gather wrote it.");
  starts.forEach(({ command, at }, n) => {
    const request = requestOfCommand(command.replace(/^show bgp neighbor$/, "show bgp neighbors"));
    if (!request) {
      ctx.problem("info", at + 1, `the section '${command}' is not read`);
      return;
    }
    const body = lines.slice(at + 1, starts[n + 1]?.at ?? lines.length).map((l) => (/^#{3,}\s*$/.test(l) ? "" : l));
    const offset = at + 1;
    readOutput(body.join("\n"), request, {
      fact: (kind, data, line, what) => ctx.fact(kind, placed(data, offset), line + offset, what),
      problem: (severity, line, ...rest) => ctx.problem(severity, line + offset, ...rest),
    });
  });
}

/** Moves the lines that a fact of a configuration holds inside. */
function placed<T>(data: T, offset: number): T {
  if (Array.isArray(data)) return data.map((x) => placed(x, offset)) as T;
  if (typeof data !== "object" || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).map(([k, v]) => [k, /^(shutdownL|l)ine$/.test(k) && typeof v === "number" ? v + offset : placed(v, offset)]),
  ) as T;
}
