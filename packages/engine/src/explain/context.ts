/** What every question needs: the snapshot, the network made of it, and the two put in shape for an answer. */
import type { ExplainItem, ExplainSection, KnownService, Question } from "@plumbline/model";
import { inspect, type Missing } from "../inspect/index.js";
import type { BuiltNetwork } from "../network/build.js";
import type { Snapshot } from "../snapshot/index.js";
import type { AskedQuestion, ExplainedItem, ExplainedSection, Explanation } from "./model.js";
import type { View } from "./rules.js";
import { servicesOf } from "./services.js";

export class Context {
  readonly view: View;
  private knownServices: ReadonlyMap<string, KnownService> | undefined;

  constructor(
    readonly snapshot: Snapshot,
    readonly built: BuiltNetwork,
  ) {
    this.view = { net: built.net, annotators: snapshot.plugins.flatMap((p) => (p.annotator ? [p.annotator(snapshot.facts)] : [])) };
  }

  get net() {
    return this.built.net;
  }

  get services(): ReadonlyMap<string, KnownService> {
    this.knownServices ??= servicesOf(this.snapshot.facts, this.snapshot.plugins, this.nodeAddresses());
    return this.knownServices;
  }

  /** What the plugins' own facts say. */
  ask(question: Question): ExplainSection[] {
    return this.snapshot.plugins.flatMap((p) => [...(p.explain?.(this.snapshot.facts, question) ?? [])]);
  }

  /** Kubernetes node of an evidence host, "" if it is none. */
  nodeOf(host: string): string {
    if (host === "") return "";
    const nodes = this.snapshot.facts.all("k8s.node");
    const known = this.net.devices.find((d) => d.host === host && d.node !== "" && d.kind !== "pod")?.node;
    if (known !== undefined || nodes.length > 0) return known ?? nodes.find((n) => n.data.name === host)?.data.name ?? "";
    // Without Node objects a host with switches is a node.
    return this.net.devices.some((d) => d.kind === "bridge" && d.host === host) ? host : "";
  }

  /** Addresses at which nodes are asked for a node port: those that their objects tell, or else all of their stacks. */
  nodeAddresses(): ReadonlySet<string> {
    const told = this.snapshot.facts.all("k8s.node").flatMap((n) => n.data.addresses);
    if (told.length > 0) return new Set(told);
    const stacks = this.net.devices.filter((d) => (d.kind === "host" || d.kind === "router") && this.nodeOf(d.host) !== "");
    return new Set(
      stacks.flatMap((d) =>
        d.ports.flatMap((p) => (p.attachment.kind === "netdev" ? (p.attachment.addresses ?? []).map((a) => a.address) : [])),
      ),
    );
  }

  /** Evidence of nodes and routers that is expected and not there. */
  missing(): Missing[] {
    return inspect(this.snapshot, this.built).missing.filter((m) => m.role === "node" || m.role === "router" || m.role === "cluster");
  }

  section(s: ExplainSection): ExplainedSection {
    return { layer: s.layer, title: s.title, host: s.host, node: this.nodeOf(s.host), items: s.items.map(explained) };
  }

  explanation(question: AskedQuestion, answer: string[], more: Partial<Explanation>): Explanation {
    return {
      schema: "plumbline.explain/1",
      snapshot: this.snapshot.root,
      overlays: [...this.snapshot.overlays],
      question,
      answer,
      sections: [],
      differences: [],
      announcements: [],
      rules: [],
      missing: [],
      ...more,
    };
  }
}

export function cookieText(cookie: bigint): string {
  return `0x${cookie.toString(16)}`;
}

function explained(i: ExplainItem): ExplainedItem {
  return {
    text: i.text,
    file: i.file,
    line: i.line,
    links: i.links,
    ...(i.nodes === undefined ? {} : { nodes: i.nodes }),
    ...(i.key === undefined ? {} : { key: i.key }),
    ...(i.value === undefined || i.value === "" ? {} : { value: i.value }),
    ...(i.cookie === undefined ? {} : { cookie: cookieText(i.cookie) }),
  };
}

/** "1 rule", "2 rules". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
