/** What makes an SVG group a button: reachable, named, and pressed by click, Enter or the space bar. */

export interface Press {
  readonly role: "button";
  readonly tabIndex: 0;
  readonly "aria-label": string;
  readonly "aria-pressed": boolean;
  onClick(): void;
  onKeyDown(e: KeyboardEvent): void;
}

export function pressable(label: string, pressed: boolean, press: () => void): Press {
  return {
    role: "button",
    tabIndex: 0,
    "aria-label": label,
    "aria-pressed": pressed,
    onClick: press,
    onKeyDown: (e) => {
      if (e.key !== "Enter" && e.key !== " ") return;
      e.preventDefault();
      press();
    },
  };
}
