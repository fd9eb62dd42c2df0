/** Who asks for what: from, to, protocol, port, with completion from the names of the snapshot. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Name, Snapshot } from "../api/types.js";
import { Combobox, type Suggestion } from "../parts/combobox.js";
import { ask, PROTOCOLS, portsOf, type Question } from "./question.js";

export interface FormProps {
  readonly question: Question;
  readonly snapshots: readonly Snapshot[];
  readonly names: readonly Name[];
  readonly busy: boolean;
  onSnapshot(id: string): void;
  onAsk(question: Question): void;
}

const suggestion = (n: Name): Suggestion => ({
  value: n.name,
  note: [n.kind, n.addresses.slice(0, 2).join(", ")].filter(Boolean).join(" · "),
});

/** Services first: most questions are about one. */
const ORDER = ["service", "pod", "node", "router", "host", "device"];
const byKind = (a: Name, b: Name): number => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.name.localeCompare(b.name);

export function Form({ question, snapshots, names, busy, onSnapshot, onAsk }: FormProps) {
  const [q, set] = useState(question);
  const [fault, setFault] = useState("");
  const [asText, setAsText] = useState(question.packet !== "");
  const id = useId();
  const before = useRef(question);
  // What the address changed replaces what was typed meanwhile; the rest of it stays.
  useEffect(() => {
    const was = before.current;
    before.current = question;
    const changed = Object.entries(question).filter(([key, value]) => was[key as keyof Question] !== value);
    set((typed) => ({ ...typed, ...Object.fromEntries(changed) }));
  }, [question]);
  const change = (part: Partial<Question>) => set((typed) => ({ ...typed, ...part }));
  const sorted = [...names].sort(byKind);
  const ports = portsOf(names, q.to, q.protocol);
  const submit = (e: Event) => {
    e.preventDefault();
    const wanted = asText ? q : { ...q, packet: "" };
    const asked = ask(wanted, names);
    setFault(typeof asked === "string" ? asked : "");
    if (typeof asked !== "string") onAsk(wanted);
  };
  return (
    <form class="ask-form card" onSubmit={submit} aria-label="Ask">
      <div class="field">
        <label for={`${id}-s`}>Snapshot</label>
        <select id={`${id}-s`} value={q.snapshot} onChange={(e) => onSnapshot(e.currentTarget.value)}>
          {snapshots.map((s) => (
            <option key={s.id} value={s.id}>
              {s.name}
            </option>
          ))}
        </select>
      </div>
      <Combobox
        label="From"
        value={q.from}
        suggestions={sorted.filter((n) => n.kind !== "service").map(suggestion)}
        placeholder="client, pod, node or address"
        onChange={(from) => change({ from })}
      />
      {asText ? (
        <div class="field wide">
          <label for={`${id}-p`}>Packet</label>
          <input
            id={`${id}-p`}
            class="mono"
            value={q.packet}
            spellcheck={false}
            placeholder="tcp 192.0.2.10:40000 > 198.51.100.1:80"
            onInput={(e) => change({ packet: e.currentTarget.value })}
          />
        </div>
      ) : (
        <>
          <Combobox
            label="To"
            value={q.to}
            suggestions={sorted.map(suggestion)}
            placeholder="Service, pod, node or address"
            onChange={(to) => {
              const known = portsOf(names, to, q.protocol);
              change({ to, port: known.length > 0 && !known.includes(Number(q.port)) ? String(known[0]) : q.port });
            }}
          />
          <div class="field narrow">
            <label for={`${id}-proto`}>Protocol</label>
            <select id={`${id}-proto`} value={q.protocol} onChange={(e) => change({ protocol: e.currentTarget.value })}>
              {PROTOCOLS.map((p) => (
                <option key={p}>{p}</option>
              ))}
            </select>
          </div>
          {q.protocol !== "icmp" && (
            <div class="field narrow">
              <label for={`${id}-port`}>Port</label>
              <input
                id={`${id}-port`}
                inputMode="numeric"
                value={q.port}
                list={`${id}-ports`}
                autocomplete="off"
                onInput={(e) => change({ port: e.currentTarget.value })}
              />
              <datalist id={`${id}-ports`}>
                {ports.map((p) => (
                  <option key={p} value={String(p)} />
                ))}
              </datalist>
            </div>
          )}
        </>
      )}
      <div class="field buttons">
        <button type="submit" class="primary" disabled={busy || !q.snapshot}>
          {busy ? "Tracing…" : "Trace"}
        </button>
        <button type="button" class="quiet" onClick={() => setAsText(!asText)}>
          {asText ? "As a form" : "As text"}
        </button>
      </div>
      <p class="form-fault" role="alert">
        {fault}
      </p>
    </form>
  );
}
