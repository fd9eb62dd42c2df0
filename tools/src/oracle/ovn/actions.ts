/** Logical actions held against the parser of the real `ovn-trace`: what it complains of, or that it does not. */
import { DHCPV4_OPTIONS, DHCPV6_OPTIONS, type OptionTable, parseActions } from "@plumbline/plugin-ovn/actions";
import { expandTemplates, OvnSyntaxError, ovnSymbols, symbolRelease } from "@plumbline/plugin-ovn/expr";
import { Random } from "../random.js";
import { shrinkList } from "../shrink.js";
import { type Operation, ovnRelease, PrivateSouthbound } from "./private-southbound.js";
import { randomActions } from "./random-actions.js";

/** Flows of one database, and of a datapath. */
const FLOWS = 2000;
const FLOWS_A_DATAPATH = 100;
/** Differences made small in one hunt. */
const SHRUNK = 12;
/** Where the flows stand: `next` leads from here. */
const TABLE = 10;
/** Tables of a pipeline (LOG_PIPELINE_LEN): of OVN 23.03 and 25.03. */
const TABLES = { "21.12": 29, "24.03": 30 };
/** What both say where there is no complaint. */
const FINE = "";
const NO_TEMPLATES: ReadonlyMap<string, string> = new Map();

/** What the release that is asked has. */
const release = symbolRelease(await ovnRelease());
const symbols = ovnSymbols(release);
/** What the database's schema takes; it has no kind `domain`. */
const DHCPV4: OptionTable = DHCPV4_OPTIONS;
const DHCPV6: OptionTable = new Map([...DHCPV6_OPTIONS].filter(([, o]) => o.kind !== "domain"));

/** Our complaint, or nothing. */
export function ourComplaint(text: string): string {
  try {
    const expanded = expandTemplates(text, NO_TEMPLATES, release);
    parseActions(expanded, {
      symbols,
      pipeline: "ingress",
      table: TABLE,
      tables: TABLES[release],
      release,
      dhcpOptions: DHCPV4,
      dhcpv6Options: DHCPV6,
    });
    return FINE;
  } catch (e) {
    if (e instanceof OvnSyntaxError) return e.message;
    throw e;
  }
}

/** Theirs, in the order of the texts. */
export async function theirComplaints(texts: readonly string[]): Promise<string[]> {
  const options = (table: string, of: OptionTable): Operation[] =>
    [...of].map(([name, { code, kind }]) => ({ op: "insert", table, row: { name, code, type: kind } }));
  const groups: Operation[][] = [
    [{ op: "insert", table: "SB_Global", row: {} }, ...options("DHCP_Options", DHCPV4), ...options("DHCPv6_Options", DHCPV6)],
  ];
  // A datapath for every few flows: what belongs together must fit one transaction.
  for (let at = 0; at < texts.length; at += FLOWS_A_DATAPATH) {
    const key = groups.length;
    const uuid = `00000000-0000-0000-0000-${key.toString(16).padStart(12, "0")}`;
    const ids = [
      "map",
      [
        ["name", `dp${key}`],
        ["logical-switch", uuid],
      ],
    ];
    const dp = ["named-uuid", `d${key}`];
    groups.push([
      { op: "insert", table: "Datapath_Binding", row: { tunnel_key: key, external_ids: ids }, "uuid-name": `d${key}` },
      ...texts.slice(at, at + FLOWS_A_DATAPATH).map((actions, i): Operation => {
        const row = { logical_datapath: dp, pipeline: "ingress", table_id: TABLE, priority: i, match: "1", actions };
        return { op: "insert", table: "Logical_Flow", row };
      }),
    ]);
  }
  const sb = await PrivateSouthbound.start(groups);
  try {
    const complaints = sb.complaints();
    // Some releases name the text with its templates expanded.
    return texts.map((t) => complaints.get(t) ?? complaints.get(expandTemplates(t, NO_TEMPLATES, release)) ?? FINE);
  } finally {
    await sb.stop();
  }
}

export interface ActionFindings {
  readonly texts: number;
  readonly refused: number;
  readonly differences: readonly string[];
}

/** Random actions from a seed on; what differs is made small. */
export async function huntActions(seed: number, count: number): Promise<ActionFindings> {
  const r = new Random(seed);
  const differences: string[] = [];
  let texts = 0;
  let refused = 0;
  while (texts < count && differences.length < SHRUNK) {
    const some = [...new Set(Array.from({ length: Math.min(FLOWS, count - texts) }, () => randomActions(r)))];
    const theirs = await theirComplaints(some);
    for (const [i, text] of some.entries()) {
      texts++;
      if (theirs[i] !== FINE) refused++;
      if (theirs[i] === ourComplaint(text) || differences.length >= SHRUNK) continue;
      const least = await small(text);
      if (!differences.includes(least)) differences.push(least);
    }
  }
  return { texts, refused, differences };
}

async function small(text: string): Promise<string> {
  const differs = async (t: string) => (await theirComplaints([t]))[0] !== ourComplaint(t);
  const least = (await shrinkList(text.split(/(\s+|[(){}[\],;=])/), (parts) => differs(parts.join("")))).join("");
  const [theirs] = await theirComplaints([least]);
  return actionCaseText({ actions: least, complaint: theirs }, `Ours: ${ourComplaint(least) || "no complaint"}`);
}

/** A kept case. */
export interface KeptActions {
  readonly actions: string;
  readonly complaint: string;
}

function actionCaseText(c: KeptActions, note: string): string {
  return [`# ${note}`, `actions: ${c.actions}`, c.complaint === FINE ? "accepted" : `error: ${c.complaint}`, ""].join("\n");
}

export function readActionCase(text: string): KeptActions {
  return { actions: /^actions: (.*)$/m.exec(text)![1], complaint: /^error: (.*)$/m.exec(text)?.[1] ?? FINE };
}
