/** Connection states, translation and load balancing as ovn-trace has them: states are asked for and not tracked. */
import { type Action, matchField, slice } from "@plumbline/model";
import { addressText, formatActions, type LogicalAction } from "../../actions/index.js";
import { mark, variable } from "../marks.js";
import type { LogicalTables } from "../tables.js";
import { type At, CHOICE, CT_STATES, clone, DNAT, GIVEN, move, SNAT, set, setBit, TRK, under, V4, V6 } from "./parts.js";

type Of<T extends LogicalAction["type"]> = Extract<LogicalAction, { type: T }>;
type Call = Extract<Action, { op: "call" }>;

/** Adds the bits of the next state that is asked for. */
export function askState(t: LogicalTables): Action {
  return t.helper("ct_state", () => ({
    rules: [],
    miss: [
      {
        op: "choose",
        how: CHOICE.ctState,
        weights: CT_STATES.map(() => 1),
        options: CT_STATES.map((s) =>
          Array.from({ length: 8 }, (_, bit) => bit)
            .filter((bit) => (s >> bit) & 1)
            .map((bit): Action => ({ op: "set", dst: slice("ct_state", bit, 1), value: 1n })),
        ),
      },
    ],
  }));
}

/** A tracked copy goes on: if it is not tracked yet, with a state that is asked for. */
export function tracked(t: LogicalTables, title: string, before: readonly Action[], next: Call): Action {
  return clone([
    ...before,
    t.helper(`tracked ${title} ${next.table}`, () => ({
      rules: [
        {
          priority: 1,
          rows: [matchField([], "ct_state", 0, TRK)],
          program: [askState(t), ...under(`${title}${variable("defaulted")}`, "change", [next])],
        },
      ],
      miss: under(title, "change", [next]),
    })),
  ]);
}

/** `ct_dnat`, `ct_snat` and theirs in the common zone. */
export function nat({ tables, scope }: At, a: Of<"ct_nat">, next: Call): Action[] {
  const dst = a.name.startsWith("ct_dnat");
  // In a gateway router it undoes a translation, and there is none. A scope has gateway routers or others, not both.
  if (!dst && scope.datapaths[0].gateway && !a.address) return [];
  const side = dst ? "dst" : "src";
  const name = `ct_${side[0]}nat${a.name.endsWith("in_czone") ? "in_czone" : ""}`;
  if (!a.address) return [tracked(tables, `${name} /* assuming no un-${side[0]}nat entry, so no change */`, [], next)];
  const field = `${a.address.family === 4 ? "ip" : "ipv6"}_${side}`;
  const before = [set(field, a.address.value), setBit(dst ? DNAT : SNAT)];
  return [tracked(tables, `${name}(ip${a.address.family}.${side}=${addressText(a.address)})`, before, next)];
}

/** `ct_lb` and its like: a backend is chosen among those of the packet's family. */
export function balance({ tables }: At, a: Of<"ct_lb">, next: Call): Action[] {
  const asked = askState(tables);
  const name = a.name === "ct_lb" ? "ct_lb" : "ct_lb_mark";
  const goOn = under(`${name}${variable("defaulted")}`, "change", [next]);
  const family = (f: 4 | 6): Action[] => {
    const backends = a.backends.filter((b) => b.address.family === f);
    const [now, original] = f === 4 ? ["ip_dst", "ct_nw_dst"] : ["ipv6_dst", "ct_ipv6_dst"];
    if (backends.length === 0) {
      if (a.backends.length > 0) return [mark("error", "*** no load balancing destination (use --lb-dst)"), clone([asked, ...goOn])];
      // A translation that is looked up: there is none, unless one is given.
      const to = [move(now, original), move(f === 4 ? GIVEN.v4 : GIVEN.v6, now), move("tp_dst", "ct_tp_dst"), setBit(DNAT)];
      const port: Action = { op: "move", src: slice(GIVEN.port, 0, 16), dst: slice("tp_dst") };
      return [clone([{ op: "choose", how: CHOICE.given, weights: [1, 1, 1], options: [[], to, [...to, port]] }, asked, ...goOn])];
    }
    return [
      clone([
        {
          op: "choose",
          how: CHOICE.balance,
          weights: backends.map(() => 1),
          options: backends.map((b): Action[] => [
            move(now, original),
            set(now, b.address.value),
            move("tp_dst", "ct_tp_dst"),
            ...(b.port === 0 ? [] : [set("tp_dst", b.port)]),
            setBit(DNAT),
          ]),
        },
        asked,
        ...goOn,
      ]),
    ];
  };
  return [
    tables.helper(`balance ${formatActions([a])} ${next.table}`, () => ({
      rules: [
        { priority: 1, rows: [V4], program: family(4) },
        { priority: 1, rows: [V6], program: family(6) },
      ],
      miss: [clone(under(name, "change", [next]))],
    })),
  ];
}
