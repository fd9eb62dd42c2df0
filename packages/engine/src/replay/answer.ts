/**
 * What a capture shows of a connection's fate, and whether that contradicts the prediction.
 *
 * Only the sender's side of a connection is injected; what left at the same point towards the sender is evidence. An answer
 * means that the connection was delivered; a reset before any answer, or an ICMP error about it, that it was not. A reset is
 * asked only of connections whose first packet is in the capture: later ones end connections too.
 */
import type { FlowRecord } from "@plumbline/core-wasm";
import type { Verdict } from "@plumbline/model";

/** `none`: nothing came back here. */
export type Answer = "answered" | "reset" | "port-unreachable" | "unreachable" | "expired" | "none";

const MEANS: Readonly<Record<Exclude<Answer, "none">, { readonly verdict: Verdict; readonly text: string }>> = {
  answered: { verdict: "delivered", text: "an answer" },
  reset: { verdict: "refused", text: "a reset" },
  "port-unreachable": { verdict: "refused", text: "an ICMP port unreachable" },
  unreachable: { verdict: "unreachable", text: "an ICMP unreachable" },
  expired: { verdict: "expired", text: "an ICMP time exceeded" },
};

export function answerSeen(f: Pick<FlowRecord, "seen">): Answer {
  const { seen } = f;
  if (seen.answer) return "answered";
  if (seen.reset && seen.opening) return "reset";
  if (seen.refused) return "port-unreachable";
  if (seen.unreachable) return "unreachable";
  return seen.expired ? "expired" : "none";
}

/** How an answer to a flow passes the capture point. */
export function cameBack(f: Pick<FlowRecord, "entering">, point: string): string {
  return f.entering ? `left at ${point}` : `entered at ${point}`;
}

/** Says how the capture contradicts a verdict; "" if it does not. An unknown verdict predicts nothing. `came`: see {@link cameBack}. */
export function contradictionOf(verdict: Verdict, answer: Answer, came: string): string {
  if (answer === "none" || verdict === "unknown" || MEANS[answer].verdict === verdict) return "";
  return `predicted ${verdict}, but ${MEANS[answer].text} ${came}`;
}

/** Whether what came back says the same as the prediction. */
export function confirms(verdict: Verdict, answer: Answer): boolean {
  return answer !== "none" && MEANS[answer].verdict === verdict;
}
