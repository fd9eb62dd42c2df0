/** What can be counted, for Prometheus. Labels are routes and states: never ids, names or addresses. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export interface Metrics {
  readonly registry: Registry;
  request(route: string, method: string, status: number, seconds: number): void;
  readonly uploaded: Counter<"what">;
  readonly masked: Counter;
  readonly refused: Counter;
}

/** `state` is asked when somebody looks. */
export function newMetrics(state: () => Promise<Readonly<Record<string, number>>>): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const seconds = new Histogram({
    name: "plumbline_http_request_seconds",
    help: "Time to answer, by route",
    labelNames: ["route", "method", "status"],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const uploaded = new Counter({
    name: "plumbline_uploaded_bytes_total",
    help: "Bytes of uploads taken in",
    labelNames: ["what"],
    registers,
  });
  const masked = new Counter({ name: "plumbline_masked_secrets_total", help: "Secrets masked before storing", registers });
  const refused = new Counter({ name: "plumbline_refused_total", help: "Requests without a valid token or scope", registers });
  new Gauge({
    name: "plumbline_state",
    help: "Questions and jobs, waiting and running; free bytes of the disk",
    labelNames: ["what"],
    registers,
    async collect() {
      for (const [what, n] of Object.entries(await state())) this.set({ what }, n);
    },
  });
  return {
    registry,
    request: (route, method, status, s) => seconds.observe({ route, method, status: String(status) }, s),
    uploaded: uploaded as Counter<"what">,
    masked,
    refused,
  };
}
