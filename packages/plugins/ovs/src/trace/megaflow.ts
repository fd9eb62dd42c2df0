/** What a translation has read of a packet, as a match: the megaflow that the datapath would keep. */
import { FIELDS, slice } from "@plumbline/model";
import { printMatch } from "../print/match.js";
import { hasField } from "../rowField.js";
import type { Headers } from "./headers.js";

/**
 * @param flow the packet as it came in
 * @param masks the bits that were read
 */
export function megaflowText(flow: Headers, masks: Headers): string {
  return printMatch(
    FIELDS.flatMap((f) => {
      if (!hasField(masks.row, f.name)) return [];
      const mask = masks.big(f.name);
      return [{ name: f.name, slice: slice(f.name), value: flow.big(f.name) & mask, mask }];
    }),
  );
}
