/**
 * One entry for all that this plugin reads.
 */
import { assertNever, type EvidenceFile, type ReadContext } from "@plumbline/model";
import { type Command, commandOf, routeTable, selectedConnections } from "../command.js";
import { readConntrack } from "./conntrack.js";
import { readBriefAddresses, readInterfacesJson, readInterfacesText } from "./interfaces.js";
import { readFdbJson, readFdbText, readNeighboursJson, readNeighboursText, readNexthopsJson, readNexthopsText } from "./neighbours.js";
import { readRoutesText, routeFacts } from "./routes.js";
import { readRoutesJson } from "./routes-json.js";
import { readRulesJson, readRulesText } from "./rules.js";
import { readSockets, readSysctl } from "./sockets.js";

export function readLinux(file: EvidenceFile, ctx: ReadContext): void {
  try {
    read(file, ctx);
  } catch (e) {
    if (!(e instanceof SyntaxError)) throw e;
    ctx.problem("error", 0, `the JSON is cut or damaged: ${e.message}`, "Collect it again; nothing of it is used.");
  }
}

function read(file: EvidenceFile, ctx: ReadContext): void {
  const c = commandOf(file);
  if (!c) return;
  const text = file.text();
  // A file may hold JSON without its name saying so; an empty one says nothing, and is not JSON.
  const json = text.trim() !== "" && (c.json || /^\s*\[\s*[{\]]/.test(text.slice(0, 200)));
  const ruleFamily = c.family === 6 ? 6 : 4;
  switch (c.subject) {
    case "link":
    case "addr":
      if (c.brief) readBriefAddresses(text, ctx);
      else if (json) readInterfacesJson(text, ctx);
      else readInterfacesText(text, ctx);
      break;
    case "route":
      readRoutes(c, text, json, ctx);
      break;
    case "rule":
      if (json) readRulesJson(text, ruleFamily, ctx);
      else readRulesText(text, ruleFamily, ctx);
      break;
    case "neigh":
      if (json) readNeighboursJson(text, ctx);
      else readNeighboursText(text, ctx);
      if (c.args.length === 0 || c.args.join(" ") === "nud all") ctx.fact("linux.neighbours-read", { family: c.family }, 0, "");
      break;
    case "nexthop":
      if (json) readNexthopsJson(text, ctx);
      else readNexthopsText(text, ctx);
      break;
    case "fdb":
      if (json) readFdbJson(text, ctx);
      else readFdbText(text, ctx);
      break;
    case "ss":
      readSockets(text, c.args.join(" "), ctx);
      break;
    case "conntrack":
      readConntrack(text, selectedConnections(c.args) === "", ctx);
      break;
    case "sysctl":
      readSysctl(text, ctx);
      break;
    default:
      assertNever(c.subject);
  }
}

function readRoutes(c: Command, text: string, json: boolean, ctx: ReadContext): void {
  const asked = routeTable(c.args);
  const defaults = { family: c.family, table: asked === "all" ? "main" : asked };
  const selected = c.args.length > (c.args.includes("table") ? 2 : 0);
  const drafts = json ? readRoutesJson(text, defaults, ctx) : readRoutesText(text, defaults, ctx);
  routeFacts(drafts, { family: c.family, table: asked, selected }, ctx);
}
