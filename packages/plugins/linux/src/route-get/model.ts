/**
 * `ip route get`, from files: what is asked and what is answered (docs/schemas/route-get-1.json).
 */

/** A file of evidence, by itself. */
export interface RouteText {
  /** As it is to be named in answers and problems. */
  readonly file: string;
  readonly text: string;
  /** Family of routes or rules that do not tell it themselves: `ip -6 rule`. Left out: by what stands there, else IPv4. */
  readonly family?: 4 | 6;
  /** Table of routes that do not name theirs, "main" if left out: `ip route show table 7` prints no table. */
  readonly table?: string;
}

/** What of a host is in evidence; each list may hold text or JSON of `ip`, with or without `-d`. */
export interface RouteFiles {
  /** `ip route show table all`, or tables one by one. */
  readonly routes: readonly RouteText[];
  /** `ip rule`, `ip -6 rule`; left out: the kernel's own three. */
  readonly rules?: readonly RouteText[];
  /** `ip addr`, `ip -d link`, `ip -br addr`. Left out: own addresses and interfaces follow from the routes. */
  readonly addresses?: readonly RouteText[];
  /** `ip nexthop`. */
  readonly nexthops?: readonly RouteText[];
  /** `ip neigh`. */
  readonly neighbours?: readonly RouteText[];
  /** `sysctl -a`. Left out: forwarding is on, reverse path filters are off. */
  readonly sysctl?: readonly RouteText[];
}

/** What stands behind the destination of `ip route get`. */
export interface RouteSelectors {
  /** Source address. */
  readonly from?: string;
  /** The packet comes in there. */
  readonly iif?: string;
  /** The socket is bound to it. */
  readonly oif?: string;
  readonly mark?: number;
  readonly uid?: number;
  /** Type of service, 0 to 255. */
  readonly tos?: number;
  /** Name or number. */
  readonly ipproto?: string;
  readonly sport?: number;
  readonly dport?: number;
}

export type RouteType =
  | "unicast"
  | "local"
  | "broadcast"
  | "multicast"
  | "anycast"
  | "blackhole"
  | "unreachable"
  | "prohibit"
  | "none"
  | "unknown";

/** A way out. `via` is "" where the destination itself is on the link; `src` is the source that the kernel prefers with it. */
export interface RouteHop {
  readonly via: string;
  readonly dev: string;
  readonly weight: number;
  readonly src: string;
  /** What the kernel says where it takes this one of several, if that is an error: it checks the source of what came in as that next hop. */
  readonly error?: string;
}

export interface RouteAnswer {
  readonly schema: "plumbline.route-get/1";
  /** The destination, and what was asked beside it, as given. */
  readonly dst: string;
  readonly from: string;
  readonly iif: string;
  readonly oif: string;
  readonly mark: number;
  /** All of a multipath route; the kernel takes one of them by its hash. Empty where there is no way. */
  readonly nexthops: readonly RouteHop[];
  readonly type: RouteType;
  /** Route table, by its name; "" if none decided. */
  readonly table: string;
  /** Source address: the one that was asked with, else that of the first next hop. */
  readonly src: string;
  /** The policy rule, as `ip rule` prints it; "" if none decided. */
  readonly rule: string;
  /** What `ip route get` says where there is no way: "Network is unreachable", "No route to host", "Permission denied", "Invalid argument", "Invalid cross-device link"; else "". */
  readonly error: string;
  /** Why there is none, in words; or what is not known. */
  readonly why: string;
  /** The route's own line. */
  readonly route: string;
  readonly file: string;
  /** Line of the route in its file, 0 if none decided. */
  readonly line: number;
  /** What in the evidence would settle it, where the answer is unknown or hangs on something that is not in evidence. */
  readonly needs: readonly { readonly why: string; readonly command: string }[];
}
