/** Who got a packet, and the first node that it touched. */
import { type Device, EV, type Network } from "@plumbline/model";
import { isHostLike } from "../network/ports.js";
import type { Story } from "./story.js";

export interface Receiver {
  readonly kind: "pod" | "node" | "host" | "outside";
  /** `namespace/name` of a pod, else the name of the node or the device. */
  readonly name: string;
  /** The node that it is, or is on; "" if none. */
  readonly node: string;
}

/** Null where nobody got the packet. */
export function receiverOf(net: Network, story: Story): Receiver | null {
  const at = story.device ?? story.answeredBy;
  if (at === undefined || at === null) return null;
  const got = net.devices[at];
  // A bridge that answers in a node's place is not the node.
  const isStack = story.device !== null || isHostLike(got);
  const kind = got.pod ? "pod" : got.node && isStack ? "node" : got.kind === "outside" ? "outside" : "host";
  return { kind, name: got.pod || (isStack && got.node) || got.name, node: got.node };
}

/** The first node that the packet touched; for one that starts on a node or in a pod, that node. "" if it touched none. */
export function entryNode(net: Network, start: Device, story: Story): string {
  if (start.node) return start.node;
  for (const e of story.line) if (e.kind === EV.enter && net.devices[e.a].node) return net.devices[e.a].node;
  return "";
}
