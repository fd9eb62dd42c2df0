/** A text field with suggestions, by the ARIA combobox pattern: what is typed counts, a suggestion only fills it in. */
import { useId, useRef, useState } from "preact/hooks";

export interface Suggestion {
  readonly value: string;
  readonly note: string;
}

export interface ComboboxProps {
  readonly label: string;
  readonly value: string;
  readonly suggestions: readonly Suggestion[];
  readonly placeholder?: string;
  readonly hint?: string;
  onChange(value: string): void;
}

const SHOWN = 12;

function matching(suggestions: readonly Suggestion[], text: string): readonly Suggestion[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = suggestions.filter((s) => words.every((w) => `${s.value} ${s.note}`.toLowerCase().includes(w)));
  return hits.slice(0, SHOWN);
}

export function Combobox({ label, value, suggestions, placeholder, hint, onChange }: ComboboxProps) {
  const id = useId();
  const [open, setOpen] = useState(false);
  /** True once something was typed: before, all suggestions are offered. */
  const [typed, setTyped] = useState(false);
  const [active, setActive] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const shown = open ? matching(suggestions, typed ? value : "") : [];
  const close = () => {
    setOpen(false);
    setActive(-1);
  };
  const take = (s: Suggestion) => {
    onChange(s.value);
    close();
    input.current?.focus();
  };
  const key = (e: KeyboardEvent) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      if (!open) return setOpen(true);
      const step = e.key === "ArrowDown" ? 1 : -1;
      setActive((active + step + shown.length + (active < 0 && step < 0 ? 1 : 0)) % Math.max(shown.length, 1));
    } else if (e.key === "Enter" && open && active >= 0 && shown[active]) {
      e.preventDefault();
      take(shown[active]);
    } else if (e.key === "Escape" && open) {
      e.stopPropagation();
      close();
    }
  };
  return (
    <div class="field combobox">
      <label for={id}>{label}</label>
      <input
        id={id}
        ref={input}
        role="combobox"
        type="text"
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        value={value}
        aria-expanded={shown.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={active >= 0 && shown[active] ? `${id}-${active}` : undefined}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onFocus={() => setTyped(false)}
        onClick={() => setOpen(true)}
        onBlur={close}
        onKeyDown={key}
        onInput={(e) => {
          onChange(e.currentTarget.value);
          setTyped(true);
          setOpen(true);
          setActive(-1);
        }}
      />
      {hint && (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      )}
      <div id={`${id}-list`} role="listbox" aria-label={label} hidden={shown.length === 0}>
        {shown.map((s, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the input's, as the pattern asks
          // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the input, as the pattern asks
          <div
            key={`${s.value} ${s.note}`}
            id={`${id}-${i}`}
            role="option"
            aria-selected={i === active}
            // A press must not take the focus from the field: that would close the list before the click.
            onMouseDown={(e) => e.preventDefault()}
            onClick={() => take(s)}
          >
            <span>{s.value}</span> <small>{s.note}</small>
          </div>
        ))}
      </div>
    </div>
  );
}
