/**
 * `ovn-nbctl show`: switches and routers with their ports. A summary, but it names what flows are of, and which ports are joined.
 */
import type { ReadContext } from "@plumbline/model";
import type { DatabaseName } from "./facts.js";
import { fromText, type Value } from "./values.js";

const OWNER = /^(switch|router) ([0-9a-f-]{36})(?: \((.*?)\))?(?: \(aka .*\))?\s*$/;
const INNER = /^ {4}(port|nat) (.*?)(?: \(aka .*\))?\s*$/;
const DETAIL = /^ {8}([\w-][\w -]*): (.*)$/;

/** Rows of Logical_Switch, Logical_Router and their ports; a port's row has no UUID, and `of` says whose it is. */
export function readShow(text: string, database: DatabaseName, ctx: ReadContext): void {
  const lines = text.split("\n");
  let owner: { readonly kind: string; readonly uuid: string } | undefined;
  let open: { readonly table: string; readonly line: number; readonly columns: { [column: string]: Value } } | undefined;
  const finish = () => {
    if (open)
      ctx.fact(
        "ovn.row",
        { database, table: open.table, uuid: "", columns: open.columns, ownLine: true },
        open.line,
        lines[open.line - 1]!,
      );
    open = undefined;
  };
  for (const [i, line] of lines.entries()) {
    const own = OWNER.exec(line);
    const inner = INNER.exec(line);
    const detail = DETAIL.exec(line);
    if (own) {
      finish();
      owner = { kind: own[1]!, uuid: own[2]! };
      const table = own[1] === "switch" ? "Logical_Switch" : "Logical_Router";
      ctx.fact("ovn.row", { database, table, uuid: own[2]!, columns: { name: own[3] ?? "" }, ownLine: true }, i + 1, line.trim());
    } else if (inner && owner) {
      finish();
      const table = inner[1] === "nat" ? "NAT" : owner.kind === "switch" ? "Logical_Switch_Port" : "Logical_Router_Port";
      open = { table, line: i + 1, columns: { [inner[1] === "nat" ? "_uuid_shown" : "name"]: inner[2]!, of: owner.uuid } };
    } else if (detail && open) {
      try {
        open.columns[detail[1]!.replaceAll(" ", "_").replaceAll("-", "_")] = fromText(detail[2]!);
      } catch (e) {
        ctx.problem("warning", i + 1, `${detail[1]}: ${(e as Error).message}`);
      }
    } else if (line.trim() !== "") ctx.problem("warning", i + 1, `not a line of 'show': ${line.trim().slice(0, 80)}`);
  }
  finish();
}
