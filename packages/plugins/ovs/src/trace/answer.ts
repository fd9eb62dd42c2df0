/**
 * The answer of `plumbline ofproto trace`: the JSON of docs/schemas/ofproto-trace-1.json. Threads, steps and texts are those of
 * `ovs-appctl ofproto/trace` (ofproto/ofproto-dpif-trace.c).
 */

/** A rule that was hit, or a table in which none was. */
export interface OfprotoStep {
  readonly bridge: string;
  readonly table: number;
  readonly priority?: number;
  /** As `ofproto/trace` prints it, "" for a rule that matches everything. */
  readonly match?: string;
  /** `0x5`; "0x0" where the rule has none. */
  readonly cookie?: string;
  readonly actions?: string;
  readonly file?: string;
  /** Line of the rule in its file. */
  readonly line?: number;
  readonly miss?: true;
}

/** One pass through the tables: of the packet as given, or of a recirculated copy. */
export interface OfprotoThread {
  /** `0x1`, numbered by appearance; null for the packet as given. */
  readonly recirc: string | null;
  /** The state with which the copy comes back from connection tracking, `new|trk`; null otherwise. */
  readonly ctState: string | null;
  readonly steps: readonly OfprotoStep[];
  /** "unchanged", or the headers behind the last action; "not known" where the verdict is unknown because of this thread. */
  readonly finalFlow: string;
  /** "not known" as above. */
  readonly megaflow: string;
  /** "drop" if there are none; "not known", or "2, then not known", as above. */
  readonly datapathActions: string;
}

export interface OfprotoOutput {
  /** OpenFlow number at the bridge by which it leaves. */
  readonly port: number;
  readonly bridge: string;
  /** Its headers as it leaves. */
  readonly packet: string;
}

export interface OfprotoTrace {
  readonly schema: "plumbline.ofproto-trace/1";
  /** As given. */
  readonly packet: string;
  readonly threads: readonly OfprotoThread[];
  readonly outputs: readonly OfprotoOutput[];
  readonly verdict: "output" | "drop" | "unknown";
  readonly notes: readonly string[];
}
