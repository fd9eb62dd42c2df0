/** Small texts that look the same in every view. */
import { useState } from "preact/hooks";
import type { Verdict } from "../api/types.js";

/** A sign beside the colour, so that colour alone tells nothing. */
const SIGN: Record<Verdict, string> = {
  delivered: "✓",
  refused: "✕",
  unreachable: "✕",
  dropped: "✕",
  looped: "↻",
  expired: "⌛",
  unknown: "?",
  mixed: "±",
};

export function VerdictMark({ verdict }: { verdict: Verdict }) {
  return (
    <span class={`verdict ${verdict}`}>
      <span aria-hidden="true">{SIGN[verdict]} </span>
      {verdict}
    </span>
  );
}

export const percent = (part: number): string => `${(part * 100).toFixed(part === 1 || part === 0 ? 0 : 1).replace(/\.0$/, "")} %`;

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function size(bytes: number): string {
  let n = bytes;
  let unit = 0;
  for (; n >= 1024 && unit < UNITS.length - 1; unit++) n /= 1024;
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${UNITS[unit]}`;
}

export const count = (n: number): string => n.toLocaleString("en");

export const plural = (n: number, word: string, many = `${word}s`): string => `${count(n)} ${n === 1 ? word : many}`;

export const time = (iso: string): string => iso.replace("T", " ").replace(/(:\d\d)\.\d+Z$|Z$/, "$1");

/** A command that would tell more, with a button to copy it. */
export function Command({ text }: { text: string }) {
  const [copied, set] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    set(true);
    setTimeout(() => set(false), 1500);
  };
  return (
    <span class="command">
      <code>{text}</code>
      <button type="button" class="quiet" onClick={copy} aria-label={`Copy the command ${text}`}>
        {copied ? "Copied" : "Copy"}
      </button>
    </span>
  );
}
