/**
 * What this plugin keeps of the files it reads.
 */
import type { IpSet, TableAst } from "./ast.js";

/** Which command printed a rule set; `iptables` stands for the family's tool (iptables, ip6tables). */
export type Form = "iptables-save" | "iptables -S" | "iptables -L" | "nft";

declare module "@plumbline/model" {
  interface FactKinds {
    /** One table of a rule set. */
    "netfilter.table": { readonly form: Form; readonly table: TableAst };
    /** One a file that lists a host's whole rule set of one kind, empty ones too: what is not in it is not there. */
    "netfilter.ruleset": { readonly form: Form; readonly family: "ip" | "ip6" | "all"; readonly variant: "nf_tables" | "legacy" | "" };
    /** Some `-A` lines of a table: neither all of its rules nor its policies are in evidence. */
    "netfilter.partial": { readonly family: "ip" | "ip6"; readonly table: string; readonly chains: readonly string[] };
    /** One a file of `iptables -L` without `-v`: a list for people that leaves the interfaces out, and is not read. */
    "netfilter.listing": { readonly family: "ip" | "ip6"; readonly table: string };
    /** The host's own word that it has no nft: the shell's message in place of a listing. */
    "netfilter.no-nft": Record<string, never>;
    /** One ipset (`ipset save`, `ipset list`). */
    "netfilter.ipset": IpSet;
  }
}
