/** Rows of Logical_Flow, read in place from OVSDB's JSON (RFC 7047, 5.1) into a {@link FlowTable}. */
import { asMap, asNumber, asSet, asText, type Columns } from "../values.js";
import type { FlowRecord, FlowTable } from "./flow-table.js";
import { BadJson, type JsonCursor } from "./json-cursor.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function emptyRecord(): FlowRecord {
  return {
    match: 0,
    actions: 0,
    stage: 0,
    set: 0,
    pipeline: "ingress",
    table: 0,
    priority: 0,
    line: 0,
    hint: 0,
    uuid: new Uint32Array(4),
    digits: 0,
  };
}

/** Reads one row after the other into the same record. */
export class FlowRowReader {
  readonly record = emptyRecord();
  private readonly empty: number;
  private datapath = "";
  private group = "";

  constructor(
    private readonly flows: FlowTable,
    private readonly cursor: JsonCursor,
  ) {
    this.empty = flows.texts.of("");
  }

  /** Before a row's columns. A row that changes another keeps what is not told. */
  begin(line: number, old?: FlowRecord): void {
    const r = this.record;
    this.datapath = old ? (this.flows.sets[old.set] ?? "") : "";
    this.group = "";
    r.match = old?.match ?? this.empty;
    r.actions = old?.actions ?? this.empty;
    r.stage = old?.stage ?? 0;
    r.pipeline = old?.pipeline ?? "ingress";
    r.table = old?.table ?? 0;
    r.priority = old?.priority ?? 0;
    r.hint = old?.hint ?? 0;
    r.line = line;
  }

  /** Takes the value of a column. */
  column(name: string): void {
    const { cursor, record, flows } = this;
    switch (name) {
      case "match":
        cursor.string();
        record.match = flows.texts.ofBytes(cursor.bytes, cursor.from, cursor.to, cursor.escaped);
        return;
      case "actions":
        cursor.string();
        record.actions = flows.texts.ofBytes(cursor.bytes, cursor.from, cursor.to, cursor.escaped);
        return;
      case "pipeline":
        cursor.string();
        record.pipeline = cursor.bytes[cursor.from] === 0x65 ? "egress" : "ingress";
        return;
      case "priority":
        record.priority = cursor.integer();
        return;
      case "table_id":
        record.table = cursor.integer();
        return;
      case "logical_datapath": {
        const one = this.reference();
        if (one !== "") this.datapath = one;
        return;
      }
      case "logical_dp_group": {
        const one = this.reference();
        if (one !== "") this.group = one;
        return;
      }
      case "external_ids":
        this.ids();
        return;
      case "_uuid":
        this.uuid();
        return;
      default:
        cursor.skip();
    }
  }

  /** Behind a row's columns. */
  end(): FlowRecord {
    const { datapath, group } = this;
    this.record.set = this.flows.set(datapath === "" ? group : group === "" ? datapath : `${datapath},${group}`);
    return this.record;
  }

  /** `["uuid", TEXT]` or a set of none or one of these. */
  private reference(): string {
    const { cursor } = this;
    let out = "";
    cursor.expect(0x5b);
    cursor.string();
    const one = cursor.to - cursor.from === 4;
    cursor.expect(0x2c);
    if (one) out = cursor.key();
    else {
      const found: string[] = [];
      cursor.array(() => found.push(this.reference()));
      out = found.join();
    }
    cursor.expect(0x5d);
    return out;
  }

  /** `["uuid", TEXT]` into the record. */
  uuid(): void {
    const { cursor } = this;
    cursor.expect(0x5b);
    cursor.string();
    cursor.expect(0x2c);
    cursor.string();
    this.uuidAt(cursor.from, cursor.to);
    cursor.expect(0x5d);
  }
  /** The UUID whose text lies there. */
  uuidAt(from: number, to: number): void {
    const { bytes } = this.cursor;
    const { uuid } = this.record;
    uuid.fill(0);
    let digits = 0;
    for (let i = from; i < to; i++) {
      const c = bytes[i];
      if (c === 0x2d) continue;
      const d = c <= 0x39 ? c - 0x30 : (c | 0x20) - 0x57;
      uuid[digits >>> 3] = (uuid[digits >>> 3] << 4) | d;
      digits++;
    }
    if (digits !== 32) throw new BadJson(`a UUID of ${digits} digits`);
    this.record.digits = 32;
  }

  /** A map: the stage's name and the northbound row that the flow was made from. */
  private ids(): void {
    const { cursor, record, flows } = this;
    cursor.expect(0x5b);
    cursor.string();
    cursor.expect(0x2c);
    cursor.array(() => {
      cursor.expect(0x5b);
      cursor.string();
      const { bytes, from, to } = cursor;
      const size = to - from;
      // stage-name and stage-hint; other keys are not of use.
      const name = size === 10 && bytes[from + 6] === 0x6e;
      const hint = size === 10 && bytes[from + 6] === 0x68;
      cursor.expect(0x2c);
      cursor.string();
      if (name) record.stage = flows.stage(cursor.text());
      else if (hint) record.hint = hintOf(cursor.text());
      cursor.expect(0x5d);
    });
    cursor.expect(0x5d);
  }
}

function hintOf(text: string): number {
  return /^[0-9a-f]{8}/i.test(text) ? Number.parseInt(text.slice(0, 8), 16) : 0;
}

/** The record of a row whose columns were read otherwise. @param uuid whole, its first digits, or "" */
export function recordOf(flows: FlowTable, uuid: string, columns: Columns, line: number): FlowRecord {
  const ids = asMap(columns["external_ids"]);
  const r = emptyRecord();
  r.match = flows.texts.of(asText(columns["match"]));
  r.actions = flows.texts.of(asText(columns["actions"]));
  r.stage = flows.stage(asText(ids["stage-name"]));
  r.hint = hintOf(asText(ids["stage-hint"]));
  r.set = flows.set([...asSet(columns["logical_datapath"]), ...asSet(columns["logical_dp_group"])].map(String).join());
  r.pipeline = asText(columns["pipeline"]) === "egress" ? "egress" : "ingress";
  r.table = asNumber(columns["table_id"]) ?? 0;
  r.priority = asNumber(columns["priority"]) ?? 0;
  r.line = line;
  identify(r, uuid);
  return r;
}

/** Puts a UUID, or as much of it as is known, into a record. */
export function identify(r: FlowRecord, uuid: string): void {
  const digits = uuid.replaceAll("-", "");
  r.digits = UUID.test(uuid) ? 32 : Math.min(8, digits.length);
  for (let i = 0; i < 4; i++) r.uuid[i] = Number.parseInt(digits.slice(8 * i, 8 * i + 8).padEnd(8, "0"), 16) || 0;
}
