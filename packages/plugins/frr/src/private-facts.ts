/** Facts that only this plugin reads and uses. */

/** One peer of `show bgp summary`. */
interface BgpPeerFact {
  address: string;
  asn: number;
  /** "Established", or as printed: "Active", "Idle (Admin)", "Connect", … */
  state: string;
  /** Prefixes received and sent; -1 where they were not printed. */
  received: number;
  sent: number;
}

declare module "@plumbline/model" {
  interface FactKinds {
    "frr.bgp-peer": BgpPeerFact;
    /** One a BGP table that was read and holds no path: that BGP knows nothing is in evidence. */
    "frr.bgp-empty": Record<string, never>;
  }
}
