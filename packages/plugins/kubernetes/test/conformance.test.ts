import { conformanceTests } from "@plumbline/plugin-sdk/conformance";
import { test } from "vitest";
import plugin from "../src/index.js";

const OBJECTS = `apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: demo
spec:
  type: LoadBalancer
  clusterIPs: [172.30.0.1]
  externalTrafficPolicy: Local
  ports:
  - name: http
    port: 80
    protocol: TCP
    targetPort: 8080
    nodePort: 30080
  selector:
    app: web
status:
  loadBalancer:
    ingress:
    - ip: 203.0.113.100
---
apiVersion: v1
kind: Node
metadata:
  name: node-1
status:
  addresses:
  - type: InternalIP
    address: 192.0.2.1
`;

conformanceTests(test, plugin, {
  truncations: 25,
  mutations: 80,
  fixtures: [{ path: "k8s.yaml", content: OBJECTS }],
  // A fact's text is the object's name: it spans lines.
  summaries: () => true,
  grow: (_, times) => Array.from({ length: times }, () => OBJECTS).join("---\n"),
});
