/** Which options a run's choices are to take: connection states in the order in which they were asked for, and the wanted backend. */
import { type Action, EV, type Event, get } from "@plumbline/model";
import type { Endpoint } from "../actions/index.js";
import { CHOICE, CT_STATES } from "./style/parts.js";

/** A choice as the compiled pipelines have it. */
export interface Site {
  readonly how: string;
  readonly options: readonly (readonly Action[])[];
}

export interface Wishes {
  readonly ct: readonly number[];
  readonly lbDst: Endpoint | undefined;
}

/** What is wished at the choices of a run, by its events; up to the first where it went another way, behind which other choices come. */
export function scriptOf({ ct, lbDst }: Wishes, events: readonly Event[], sites: readonly Site[]): number[] {
  const script: number[] = [];
  let states = 0;
  let wanted = lbDst;
  for (const e of events) {
    if (e.kind !== EV.choice) continue;
    const site = sites[e.a];
    let take = 0;
    if (site.how === CHOICE.ctState) take = stateOption(ct[states++]);
    else if (site.how === CHOICE.balance && wanted !== undefined) {
      const to = wanted;
      const option = site.options.findIndex((o) => o.some((a) => sends(a, to)));
      if (option >= 0) {
        take = option;
        // ovn-trace sends to it once.
        wanted = undefined;
      }
    } else if (site.how === CHOICE.given && wanted !== undefined) {
      const family = get(e.row, "eth_type") === 0x0800 ? 4 : 6;
      if (wanted.address.family === family) take = wanted.port === 0 ? 1 : 2;
    }
    script.push(take);
    if (take !== e.b) break;
  }
  return script;
}

const OPTIONS = new Map(CT_STATES.map((s, i) => [s, i]));
const stateOption = (state: number | undefined): number => (state === undefined ? 0 : OPTIONS.get(state)!);

/** Whether an option's action writes the wanted address. */
function sends(a: Action, { address }: Endpoint): boolean {
  return a.op === "set" && a.dst.field === (address.family === 4 ? "ip_dst" : "ipv6_dst") && a.value === address.value;
}
