/** {{title}}: what `{{id}} list` prints on a host. */
import { definePlugin, parseLines } from "@plumbline/plugin-sdk";

/** One rule. */
export interface RuleFact {
  number: number;
  action: "allow" | "deny";
  /** A prefix, or "any". */
  from: string;
  /** 0: any. */
  port: number;
}

declare module "@plumbline/model" {
  interface FactKinds {
    "{{id}}.rule": RuleFact;
  }
}

export default definePlugin({
  id: "{{id}}",
  title: "{{title}}: {{id}} list",

  // Every file of a snapshot is offered: ask for the command first, and look into the file only where that does not tell.
  claims: (file) => (file.command === "{{id}} list" ? { score: 0.9, what: "{{title}} rules", form: 1 } : null),

  // One line, one fact, with the line that it was read in. What is not understood is said, never dropped.
  parse: parseLines((line, ctx) => {
    const m = /^(\d{1,9}) (allow|deny) tcp from (\S+)(?: port (\d{1,5}))?$/.exec(line.text);
    if (!m) return ctx.problem("warning", line.number, `'${line.text}' is not a rule`);
    const rule: RuleFact = { number: Number(m[1]), action: m[2] as RuleFact["action"], from: m[3], port: Number(m[4] ?? 0) };
    ctx.fact("{{id}}.rule", rule, line.number, line.text);
  }),

  // What the facts look like; what does not is refused.
  facts: {
    "{{id}}.rule": { object: { number: "integer", action: { oneOf: ["allow", "deny"] }, from: "string", port: "integer" } },
  },

  // What would be run where, to collect this.
  collects: [{ what: "{{title}} rules", command: "{{id}} list", on: "node" }],
});
