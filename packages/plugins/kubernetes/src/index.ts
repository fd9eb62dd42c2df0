/** The Kubernetes plugin: what the cluster's objects say (with MetalLB's and FRR-K8s'), and which object a rule stands for. */
import type { Claim, EvidenceFile } from "@plumbline/model";
import { definePlugin } from "@plumbline/plugin-sdk";
import { annotator } from "./annotate.js";
import { announcements } from "./announcements.js";
import { objectsOf } from "./documents.js";
import { explain, knownServices } from "./explain/index.js";
import { readObjects } from "./objects.js";
import { SHAPES } from "./shapes.js";

export { cookiesOf, fnv1a64, serviceCookie } from "./cookie.js";
export type * from "./facts.js";

/** Bytes that are looked at to tell Kubernetes objects from other YAML and JSON. */
const HEAD_SIZE = 4096;

/** A file of objects. The same path with another ending holds the same objects; YAML wins, whose lines a person reads. */
function claims(file: EvidenceFile): Claim | null {
  if (file.size === 0) return null;
  const head = new TextDecoder().decode(file.bytes().subarray(0, HEAD_SIZE));
  const json = /^\s*\{/.test(head);
  const objects = json
    ? /"apiVersion"\s*:\s*"/.test(head) && /"(kind|items)"\s*:/.test(head)
    : /^(- )?(apiVersion|kind|items): ?/m.test(head) && /\bapiVersion: /.test(head);
  if (!objects) return null;
  return { score: 0.9, what: `Kubernetes objects (${file.path.replace(/\.(json|ya?ml|txt|out)$/i, "")})`, form: json ? 1 : 2 };
}

export default definePlugin({
  id: "kubernetes",
  title: "Kubernetes objects, with MetalLB and FRR-K8s: nodes, pods, Services, endpoints, pools, peers, advertisements",
  claims,
  parse(file, ctx) {
    readObjects(objectsOf(file.text(), ctx), ctx);
  },
  facts: SHAPES,
  annotator,
  services: knownServices,
  explain,
  announcements,
  collects: [
    {
      what: "Kubernetes objects",
      command: "kubectl get nodes,pods,services,endpointslices,namespaces,networkpolicies -A -o yaml",
      on: "cluster",
      facts: ["k8s.node", "k8s.pod", "k8s.service"],
    },
    {
      what: "MetalLB and FRR-K8s objects",
      command: "kubectl get bgppeers,ipaddresspools,bgpadvertisements,l2advertisements,frrconfigurations,frrnodestates -A -o yaml",
      on: "cluster",
      facts: ["metallb.peer", "metallb.pool", "metallb.advertisement"],
    },
  ],
});
