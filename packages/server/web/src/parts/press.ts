/**
 * What makes an SVG group a button: reachable, and pressed by click, Enter or the space bar. Its name is that of its `<title>`, which is
 * also what the mouse is shown: the texts inside are cut to fit.
 */

export interface Press {
  readonly role: "button";
  /** In SVG attributes are case-sensitive: `tabIndex` would be another one. */
  readonly tabindex: 0;
  readonly "aria-pressed": boolean;
  onClick(): void;
  onKeyDown(e: KeyboardEvent): void;
}

export function pressable(pressed: boolean, press: () => void): Press {
  return {
    role: "button",
    tabindex: 0,
    "aria-pressed": pressed,
    onClick: press,
    onKeyDown: (e) => {
      if (e.key !== "Enter" && e.key !== " ") return;
      e.preventDefault();
      press();
    },
  };
}
