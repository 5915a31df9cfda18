/** A button that is held: by pointer or touch, by the space bar wherever the focus is, by Enter on the button itself. */

/** Where the space bar has a meaning of its own. */
const OWN_SPACE = "a, button, dialog, input, select, summary, textarea, [contenteditable]";

type Holder = "pointer" | "Space" | "Enter" | "click";

export interface HoldListener {
  onPress(): void;
  onRelease(): void;
}

export class Hold {
  private holder: Holder | null = null;

  /** Listens as long as the page is open; presses count while the button is shown. */
  constructor(
    private readonly button: HTMLButtonElement,
    private readonly listener: HoldListener,
  ) {
    window.addEventListener("keydown", this.onKeyDown);
    window.addEventListener("keyup", this.onKeyUp);
    // Nobody would see the key or the button come up.
    window.addEventListener("blur", this.letGo);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.letGo();
    });
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      this.press("pointer");
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      button.addEventListener(end, () => {
        this.release("pointer");
      });
    }
    // A long touch would open the menu of the browser.
    button.addEventListener("contextmenu", (event) => {
      event.preventDefault();
    });
    button.addEventListener("click", this.onClick);
  }

  /** Releases, whoever holds. */
  readonly letGo = (): void => {
    if (this.holder !== null) this.release(this.holder);
  };

  private readonly onKeyDown = (event: KeyboardEvent): void => {
    const key = this.keyOf(event);
    if (key === null) return;
    // Neither a scrolled page nor a click; a key that is kept down repeats itself.
    event.preventDefault();
    if (!event.repeat) this.press(key);
  };

  private readonly onKeyUp = (event: KeyboardEvent): void => {
    if (event.code !== this.holder) return;
    // Some browsers click at the key's end.
    event.preventDefault();
    this.release(this.holder);
  };

  /** Voice control, switches and screen readers can click but not hold: one click takes the floor, the next gives it. */
  private readonly onClick = (event: MouseEvent): void => {
    const madeByPointer = event.detail > 0;
    if (madeByPointer) return;
    if (this.holder === "click") this.release("click");
    else this.press("click");
  };

  private keyOf(event: KeyboardEvent): "Space" | "Enter" | null {
    if (!this.isShown || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return null;
    const onButton = event.target === this.button;
    if (event.code === "Enter") return onButton ? "Enter" : null;
    if (event.code !== "Space") return null;
    const taken = event.target instanceof Element && event.target.closest(OWN_SPACE) !== null;
    return taken && !onButton ? null : "Space";
  }

  private get isShown(): boolean {
    return this.button.offsetParent !== null;
  }

  private press(holder: Holder): void {
    if (this.holder !== null) return;
    this.holder = holder;
    this.listener.onPress();
  }

  private release(holder: Holder): void {
    if (this.holder !== holder) return;
    this.holder = null;
    this.listener.onRelease();
  }
}
