/** A set of tables for the bridges, as text that can be taken apart: what is loaded, shrunk and kept. */

export interface FlowSpec {
  readonly table: number;
  readonly priority: number;
  /** Names the flow in what both sides answer: unlike that of any other flow of the set. */
  readonly cookie: number;
  /** Conditions, a protocol's keyword first. */
  readonly match: readonly string[];
  /** Empty: drop. */
  readonly actions: readonly string[];
}
export interface GroupSpec {
  readonly id: number;
  readonly type: "all" | "indirect" | "select" | "ff" | "fast_failover";
  /** `selection_method=hash` and the like. */
  readonly keys: readonly string[];
  /** Keys of each bucket (`weight:5`) and its actions. */
  readonly buckets: readonly { readonly keys: readonly string[]; readonly actions: readonly string[] }[];
}
export interface BridgeTables {
  readonly name: string;
  readonly flows: readonly FlowSpec[];
  readonly groups: readonly GroupSpec[];
}

/**
 * In which form our side gets the flows: as they were written, or as the switch dumps them in the version of OpenFlow in which they were
 * given (in others actions are rewritten into such as do not always do the same).
 */
export const FORMS = {
  written: null,
  dumped: [],
  "dumped without statistics": ["--no-stats"],
  "dumped with names": ["--names"],
} as const satisfies Record<string, readonly string[] | null>;
export type Form = keyof typeof FORMS;

export interface TableSet {
  /** OpenFlow version by which flows are given: `OpenFlow15`. Later ones rewrite actions (`load` becomes `set_field`). */
  readonly version: string;
  readonly form: Form;
  readonly bridges: readonly BridgeTables[];
}

/** Arguments of `ofproto/trace`: bridge, packet, `--ct-next` with its states. */
export type Question = readonly string[];

export function flowLine(f: FlowSpec): string {
  const head = [`table=${f.table}`, `priority=${f.priority}`, `cookie=0x${f.cookie.toString(16)}`, ...f.match].join(",");
  return `${head} actions=${f.actions.join(",") || "drop"}`;
}
export function groupLine(g: GroupSpec): string {
  const buckets = g.buckets.map((b) => `bucket=${[...b.keys, `actions=${b.actions.join(",") || "drop"}`].join(",")}`);
  return [`group_id=${g.id}`, `type=${g.type}`, ...g.keys, ...buckets].join(",");
}

/** Parts between commas outside of brackets. */
export function split(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === "(" || c === "{") depth++;
    else if (c === ")" || c === "}") depth--;
    else if ((c === "," || c === undefined) && depth === 0) {
      if (i > from) out.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return out;
}

/** A flow of a line that {@link flowLine} wrote. */
export function readFlow(line: string): FlowSpec {
  const cut = line.indexOf(" actions=");
  const head = split(line.slice(0, cut));
  const number = (name: string) => Number(head.find((h) => h.startsWith(`${name}=`))?.slice(name.length + 1) ?? 0);
  const actions = line.slice(cut + 9);
  return {
    ...{ table: number("table"), priority: number("priority"), cookie: number("cookie") },
    match: head.filter((h) => !/^(table|priority|cookie)=/.test(h)),
    actions: actions === "drop" ? [] : split(actions),
  };
}
/** A group of a line that {@link groupLine} wrote. */
export function readGroup(line: string): GroupSpec {
  const [head, ...buckets] = line.split(",bucket=");
  const keys = split(head);
  return {
    id: Number(keys[0].slice("group_id=".length)),
    type: keys[1].slice("type=".length) as GroupSpec["type"],
    keys: keys.slice(2),
    buckets: buckets.map((b) => {
      const cut = b.indexOf("actions=");
      const actions = b.slice(cut + 8);
      return { keys: split(b.slice(0, cut)), actions: actions === "drop" ? [] : split(actions) };
    }),
  };
}
