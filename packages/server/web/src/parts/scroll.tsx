/** A region that scrolls by itself: named, and reachable by keyboard, else what lies outside of it could not be read without a mouse. */
import type { ComponentChildren } from "preact";

export function Scroll({ label, class: more = "", children }: { label: string; class?: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    <section class={`scroll ${more}`.trim()} tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
