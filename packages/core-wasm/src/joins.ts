/** Whether connections of a network can be worked on apart from each other. */
import { type KnownConnection, type Network, walkNetwork } from "@plumbline/model";

/**
 * Why what becomes of one connection may depend on another, "" if it cannot: a translation takes a port that no other connection has, so it looks at
 * all of them. Of known connections that are translated the two directions have different addresses.
 */
export function joinsOf(net: Network, known: readonly KnownConnection[]): string {
  let why = "";
  walkNetwork(net, (a) => {
    if (a.op === "nat" || (a.op === "ct" && a.nat !== null && a.nat !== "existing"))
      why ||= "addresses are translated, to ports that no other connection has";
  });
  return why || (known.some((c) => c.natSrc || c.natDst) ? "dumped connections are translated" : "");
}
