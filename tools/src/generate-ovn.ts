/**
 * Writes a synthetic southbound database of OVN-Kubernetes:
 *
 *     node tools/dist/generate-ovn.js FILE [--form store|dump] [--nodes 500] [--services 10000] [--flows 1000000] [--policies 500]
 */
import { parseArgs } from "node:util";
import { clusterRows } from "./scale/ovn-kubernetes.js";
import { writeRows } from "./scale/write.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    form: { type: "string", default: "dump" },
    nodes: { type: "string", default: "500" },
    services: { type: "string", default: "10000" },
    flows: { type: "string", default: "1000000" },
    policies: { type: "string", default: "500" },
  },
});
const [file] = positionals;
if (!file || (values.form !== "store" && values.form !== "dump")) throw new Error("generate-ovn.js FILE [--form store|dump]");
const size = {
  nodes: Number(values.nodes),
  services: Number(values.services),
  flows: Number(values.flows),
  policies: Number(values.policies),
};
let flows = 0;
function* counted() {
  for (const row of clusterRows(size)) {
    if (row.table === "Logical_Flow") flows++;
    yield row;
  }
}
const bytes = writeRows(file, values.form, counted());
console.log(`${file}: ${flows} logical flows of ${size.nodes} nodes and ${size.services} services, ${bytes} bytes`);
