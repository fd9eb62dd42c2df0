/** The match language as the real OVN answered. Skipped, loudly, without the recorded cases. */
import type { Row } from "@plumbline/model";
import { describe, expect, test } from "vitest";
import {
  addressSetConstants,
  annotate,
  compile,
  formatExpr,
  formatSymbol,
  honoursInvariants,
  normalize,
  OvnSyntaxError,
  ovnSymbols,
  parseExpression,
  parseMicroflow,
  resolveConditions,
  simplify,
  tokens,
  tokenText,
  toMatches,
} from "../../src/expr/index.js";
import { flowText } from "./flow-text.js";
import { sharedCases } from "./shared.js";
import { lookupPort, WORLD } from "./world.js";

interface Case {
  readonly source: string;
  readonly in: string;
  readonly out: string;
}
interface LinesCase {
  readonly in: string;
  readonly out: readonly string[];
}

function complaintOr(f: () => string): string {
  try {
    return f();
  } catch (e) {
    if (e instanceof OvnSyntaxError) return e.message;
    throw e;
  }
}

const lex = sharedCases<Case>("lex.jsonl");
describe.skipIf(!lex)("lexer", () => {
  test.each(lex ?? [])("$in", (c) => {
    expect(tokens(c.in).map(tokenText).join(" ")).toBe(c.out);
  });
});

const parse = sharedCases<Case>("parse-expr.jsonl");
describe.skipIf(!parse)("parser", () => {
  test.each(parse ?? [])("$in", (c) => {
    expect(complaintOr(() => formatExpr(parseExpression(c.in, WORLD)))).toBe(c.out);
  });
});

const annotated = sharedCases<Case>("annotate.jsonl");
describe.skipIf(!annotated)("annotation", () => {
  test.each(annotated ?? [])("$in", (c) => {
    expect(complaintOr(() => formatExpr(annotate(parseExpression(c.in, WORLD), WORLD.symbols)))).toBe(c.out);
  });
});

const simplified = sharedCases<LinesCase>("simplify.jsonl");
describe.skipIf(!simplified)("simplification", () => {
  test.each(simplified ?? [])("$in", (c) => {
    const e = simplify(annotate(parseExpression(c.in, WORLD), WORLD.symbols));
    expect(formatExpr(resolveConditions(e, (port) => lookupPort(port) !== undefined))).toBe(c.out[0]);
  });
});

const flows = sharedCases<LinesCase>("expr-to-flows.jsonl");
describe.skipIf(!flows)("flows", () => {
  test.each(flows ?? [])("$in", (c) => {
    const e = normalize(simplify(annotate(parseExpression(c.in, WORLD), WORLD.symbols)));
    expect(honoursInvariants(e)).toBe(true);
    const lines = toMatches(e, lookupPort).map(flowText).sort();
    expect(lines.length > 0 ? lines : ["(no flows)"]).toEqual(c.out);
  });
});

const symtab = sharedCases<{ cmd: string; out: string }>("symtab.jsonl");
describe.skipIf(!symtab)("symbols", () => {
  test.each(symtab ?? [])("$cmd", (c) => {
    const wanted = new RegExp(/grep (\S+)/.exec(c.cmd)![1]!);
    const lines = ovnSymbols()
      .all()
      .map(formatSymbol)
      .filter((l) => wanted.test(l));
    expect(`${lines.sort().join("\n")}\n`).toBe(c.out);
  });
});

interface Setup {
  readonly k: "setup";
  readonly address_sets: Record<string, string[]>;
  readonly port_groups: Record<string, string[]>;
  readonly ports: Record<string, number>;
}
interface ExprLine {
  readonly k: "expr";
  readonly dp: string;
  readonly table: number;
  readonly match: string;
  readonly error?: string;
}
interface EvalLine {
  readonly k: "eval";
  readonly dp: string;
  readonly uflow: string;
  readonly error?: string;
  readonly hits?: readonly number[];
}

const evaluations = sharedCases<Setup | ExprLine | EvalLine>("expr-eval.jsonl");
describe.skipIf(!evaluations)("evaluation", () => {
  test("every packet as ovn-trace had it", () => {
    const [setup, ...lines] = evaluations as [Setup, ...(ExprLine | EvalLine)[]];
    const context = {
      // Recorded from OVN 23.03.
      symbols: ovnSymbols("21.12"),
      addressSets: new Map(Object.entries(setup.address_sets).map(([k, v]) => [k, addressSetConstants(v)])),
      portGroups: new Map(Object.entries(setup.port_groups)),
    };
    const everyPort = (name: string) => (name === "" ? 0 : setup.ports[name]);
    const tables = new Map<string, (((row: Row) => boolean) | undefined)[]>();
    const different: unknown[] = [];
    const texts = new Map<string, string>();
    let count = 0;
    for (const l of lines) {
      if (l.k === "expr") {
        texts.set(`${l.dp} ${l.table}`, l.match);
        const tests = tables.get(l.dp) ?? [];
        tables.set(l.dp, tests);
        // Port names are unique in a database: dp1 has them, to the others they are unknown.
        const known = (name: string) => (l.dp === "dp1" || name === "" ? everyPort(name) : undefined);
        let error: string | undefined;
        try {
          const e = annotate(parseExpression(l.match, context), context.symbols);
          const fast = compile(e, { lookupPort: known });
          const rows = compile(normalize(simplify(e)), { lookupPort: known });
          // ovn-trace does not print a flow that matches everything and only goes on, so it was recorded as no hit.
          const simple = simplify(e);
          if (simple.type === "boolean" && simple.value) continue;
          tests[l.table] = (row) => {
            const hit = fast(row);
            if (hit !== rows(row)) throw new Error(`${l.match}: simplification changes it`);
            return hit;
          };
        } catch (e) {
          if (!(e instanceof OvnSyntaxError)) throw e;
          error = e.message;
        }
        if (error !== l.error) different.push({ match: l.match, ours: error, theirs: l.error });
      } else {
        const row = parseMicroflow(l.uflow, context, everyPort);
        const tests = tables.get(l.dp)!;
        const hits = l.hits!.map((_, i) => (tests[i]?.(row) ? 1 : 0));
        count += hits.length;
        if (hits.join() !== l.hits!.join()) {
          const at = hits.findIndex((h, i) => h !== l.hits![i]);
          different.push({ dp: l.dp, table: at, uflow: l.uflow, ours: hits[at], match: tests[at] && texts.get(`${l.dp} ${at}`) });
        }
      }
    }
    expect(different.slice(0, 10)).toEqual([]);
    expect(count).toBeGreaterThan(0);
  });
});
