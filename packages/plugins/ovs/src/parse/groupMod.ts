/**
 * A group as `ovs-ofctl` reads it from its arguments and from files of `add-groups` (lib/ofp-group.c,
 * parse_ofp_group_mod_str__): accepted and refused as there, with its messages.
 */
import type { OvsAction, OvsGroup, PortRef } from "../ast.js";
import { type OvsField, plainField } from "../fields.js";
import { PORT } from "../ports.js";
import { parseActionsStrictly } from "./actions.js";
import { bad } from "./badArgument.js";
import { bytesMask, parseFieldValue } from "./fieldValue.js";
import { type Names, NO_NAMES, portFromText } from "./names.js";
import { unsigned, unsigned32, unsigned64 } from "./numbers.js";
import { protocolsOfActions, verifyOrder } from "./order.js";
import { P, protocolsOfMatch } from "./protocols.js";
import { nextKeyValue } from "./scan.js";

export type GroupCommand = "add" | "delete" | "modify" | "add_or_mod" | "insert_bucket" | "remove_bucket";
const COMMANDS: readonly GroupCommand[] = ["add", "delete", "modify", "add_or_mod", "insert_bucket", "remove_bucket"];

interface BucketText {
  /** Null where none is written: it gets the lowest that is free. */
  readonly id: number | null;
  readonly weight: number;
  readonly watchPort: PortRef | null;
  readonly watchGroup: number | null;
  readonly actions: readonly OvsAction[];
}

export interface GroupMod {
  readonly command: GroupCommand;
  /** "all" for all groups. */
  readonly id: number | "all";
  readonly type: OvsGroup["type"];
  readonly selectionMethod: string;
  readonly selectionParam: bigint;
  /** Fields that are hashed, each with the bits that count; in OVS's order. */
  readonly fields: readonly { readonly field: OvsField; readonly mask: bigint }[];
  readonly commandBucket: number | "first" | "last" | "all" | null;
  readonly buckets: readonly BucketText[];
  readonly usable: number;
}

const MAX_GROUP = 0xffffff00;
const MAX_BUCKET = 0xffffff00;
const ANY = 0xffffffff;
/** Characters of a selection method's name. */
const METHOD_LENGTH = 15;
const OF10_OR_15 = P.of10Any | P.of15Up;
const TYPES: Readonly<Record<string, OvsGroup["type"]>> = {
  all: "all",
  select: "select",
  indirect: "indirect",
  ff: "ff",
  fast_failover: "ff",
};

/** Throws {@link BadArgument} with OVS's message where OVS refuses the text. `command` null: the text may begin with one. */
export function parseGroupMod(line: string, options: { names?: Names; command?: GroupCommand | null } = {}): GroupMod {
  const names = options.names ?? NO_NAMES;
  let text = line;
  let command = options.command ?? "add";
  if (options.command === null) {
    text = text.replace(/^[ \t\r\n]+/, "");
    const word = /^[^, \t\r\n]*/.exec(text)![0];
    const named = COMMANDS.find((c) => c.startsWith(word) && word !== "");
    if (named !== undefined) text = text.slice(word.length);
    command = named ?? "add";
  }
  const takesType = command === "add" || command === "modify" || command === "add_or_mod";
  const takesBuckets = takesType || command === "insert_bucket";
  const takesBucketId = command === "insert_bucket" || command === "remove_bucket";
  let usable: number = takesBucketId ? OF10_OR_15 : P.any;
  if (command === "delete" && text === "") return { ...EMPTY, command, id: "all", usable };

  const first = text.indexOf("bucket=");
  if (first >= 0 && !takesBuckets) bad("bucket is not needed");
  const head = first < 0 ? text : text.slice(0, first);
  let id: GroupMod["id"] | null = null;
  let type: OvsGroup["type"] | null = null;
  let selectionMethod = "";
  let selectionParam = 0n;
  let fields: GroupMod["fields"] = [];
  let commandBucket: GroupMod["commandBucket"] = null;
  for (let kv = nextKeyValue(head, 0); kv; kv = nextKeyValue(head, kv.end)) {
    const value = kv.value ?? "";
    const onlyWithType = (what: string) => void (takesType || bad(`${what} not needed`));
    switch (kv.key) {
      case "command_bucket_id":
        if (!takesBucketId) bad("command bucket id is not needed");
        commandBucket = value === "all" || value === "first" || value === "last" ? value : unsigned32(value);
        if (typeof commandBucket === "number" && commandBucket > MAX_BUCKET) bad(`invalid command bucket id ${commandBucket}`);
        if (commandBucket === "all" && command === "insert_bucket") bad("command_bucket_id=all is not permitted");
        break;
      case "group_id":
        id = value === "all" ? "all" : unsigned32(value);
        if (typeof id === "number" && id > MAX_GROUP) bad(`invalid group id ${id}`);
        break;
      case "type":
        onlyWithType("type is");
        if (!Object.hasOwn(TYPES, value)) bad(`invalid group type ${value}`);
        type = TYPES[value];
        break;
      case "selection_method":
        onlyWithType("selection method is");
        if (value.length > METHOD_LENGTH) bad(`selection method is longer than ${METHOD_LENGTH} bytes long`);
        selectionMethod = value;
        usable &= OF10_OR_15;
        break;
      case "selection_method_param":
        onlyWithType("selection method param is");
        selectionParam = unsigned64(value);
        usable &= OF10_OR_15;
        break;
      case "fields": {
        onlyWithType("fields are");
        const parsed = hashedFields(value, names);
        fields = parsed.fields;
        usable &= OF10_OR_15 & parsed.usable;
        break;
      }
      default:
        bad(`unknown keyword ${kv.key}`);
    }
  }
  if (id === null) bad("must specify a group_id");
  if (takesType && type === null) bad("must specify a type");
  if (selectionMethod !== "hash" && fields.length > 0) bad('fields may only be specified with "selection_method=hash"');
  if (selectionMethod === "" && selectionParam !== 0n) bad('selection_method_param is only allowed with "selection_method"');
  if (command === "insert_bucket" && commandBucket === null) bad("must specify a command bucket id");
  const kind = type ?? "all";
  const buckets: BucketText[] = [];
  for (let at = first; at >= 0; ) {
    const next = text.indexOf("bucket=", at + 7);
    const b = parseBucket(text.slice(at + 7, next < 0 ? undefined : next), kind, names);
    usable = b.usable;
    if (command !== "insert_bucket" && kind !== "select" && b.bucket.weight !== 0) bad("Only select groups can have bucket weights.");
    buckets.push(b.bucket);
    at = next;
  }
  if (kind === "indirect" && buckets.length > 1) bad("Indirect groups can have at most one bucket.");
  return { command, id, type: kind, selectionMethod, selectionParam, fields, commandBucket, buckets, usable };
}

const EMPTY: Omit<GroupMod, "command" | "id" | "usable"> = {
  type: "all",
  selectionMethod: "",
  selectionParam: 0n,
  fields: [],
  commandBucket: null,
  buckets: [],
};

/** parse_select_group_field: names of fields; a value says which of their bits count. */
function hashedFields(text: string, names: Names): { fields: { field: OvsField; mask: bigint }[]; usable: number } {
  const found = new Map<string, { field: OvsField; mask: bigint }>();
  let usable: number = P.any;
  for (let kv = nextKeyValue(text, 0); kv; kv = nextKeyValue(text, kv.end)) {
    const field = plainField(kv.key);
    const rest = text.slice(kv.end + 1);
    if (!field || field.newer) bad(`${rest}: unknown field ${kv.key}`);
    if (found.has(field.name)) bad(`${kv.key}: duplicate field`);
    let mask = bytesMask(field.bytes);
    if (kv.value !== null && kv.value !== "") {
      const v = parseFieldValue(field, kv.value, names);
      if (v.mask !== bytesMask(field.bytes)) bad(`${kv.value}: wildcards not allowed here`);
      mask = v.value;
      if (mask === 0n && !field.storage.startsWith("tun_metadata")) bad(`${rest}: values are wildcards here and must not be all-zeros`);
      if (!field.maskable && mask !== bytesMask(field.bytes)) bad(`${kv.value}: invalid mask for field ${field.name}`);
    }
    found.set(field.name, { field, mask });
    usable &= protocolsOfMatch(field, mask);
  }
  return { fields: [...found.values()].sort((a, b) => a.field.order - b.field.order), usable };
}

function parseBucket(text: string, type: OvsGroup["type"], names: Names): { bucket: BucketText; usable: number } {
  let weight = type === "select" ? 1 : 0;
  let id: number | null = null;
  let watchPort: PortRef | null = null;
  let watchGroup: number | null = null;
  const actions: string[] = [];
  for (let kv = nextKeyValue(text, 0); kv; kv = nextKeyValue(text, kv.end)) {
    const value = kv.value ?? "";
    switch (kv.key.toLowerCase()) {
      case "weight":
        weight = unsigned(value, "weight", 0xffff);
        break;
      case "watch_port": {
        const p = portFromText(value, names);
        if (p === null || (typeof p === "number" && p >= 0xff00 && p !== PORT.none && p !== PORT.controller))
          bad(`${value}: invalid watch_port`);
        watchPort = p === PORT.none ? null : p;
        break;
      }
      case "watch_group":
        watchGroup = unsigned32(value);
        if (watchGroup > MAX_GROUP) bad(`invalid watch_group id ${watchGroup}`);
        if (watchGroup === ANY) watchGroup = null;
        break;
      case "bucket_id":
        id = unsigned32(value);
        if (id > MAX_BUCKET) bad(`invalid bucket_id id ${id}`);
        break;
      case "action":
      case "actions":
        actions.push(value);
        break;
      // An action in its place: whatever parts it from its argument.
      default:
        actions.push(`${kv.key}(${value})`);
    }
  }
  if (actions.length === 0) bad("bucket must specify actions");
  if (type === "ff" && watchPort === null && watchGroup === null) bad("fast failover bucket requires watch_port or watch_group");
  const list = parseActionsStrictly(actions.join(","), names);
  verifyOrder(list, false);
  // What a bucket's actions allow takes the place of all that was said before (ofpacts_parse_copy).
  return { bucket: { id, weight, watchPort, watchGroup, actions: list }, usable: protocolsOfActions(list) };
}
