/** Asks for the gateway's API key, on any page that got a 401. */

import type { Refusal } from "../call/call";
import { canBeKey, forgetKey, keepKey } from "../wire/key";
import { element } from "./element";
import * as words from "./words";

/** Of what no gateway needs to be asked about. */
const NO_KEY: Refusal = { status: 401, detail: "", retryAfterSeconds: null };

export class KeyForm {
  private readonly form = document.createElement("form");
  private readonly input = document.createElement("input");
  private readonly fault = element("p", "fault", "");
  private readonly button = document.createElement("button");

  /**
   * @param place Takes the form, while a key is wanted.
   * @param tryKey Is called when a key was given, which REST shows from then on. Says why the gateway did not take it, or null.
   * @param onTaken Is called once the gateway took it and the form, which had the focus, is gone.
   */
  constructor(
    private readonly place: HTMLElement,
    private readonly tryKey: () => Promise<Refusal | null>,
    private readonly onTaken: () => void = () => undefined,
  ) {
    this.form.className = "key";
    this.form.dataset.testid = "key";
    this.form.ariaLabel = "Key of this gateway";
    this.input.type = "password";
    this.input.id = "api-key";
    this.input.required = true;
    // A password manager may keep it; the page itself does so for this tab alone.
    this.input.autocomplete = "current-password";
    this.input.setAttribute("aria-describedby", "api-key-help api-key-fault");
    this.button.textContent = "Continue";
    const label = document.createElement("label");
    label.htmlFor = this.input.id;
    label.textContent = "API key";
    const help = element("p", "help", "It was shown where the gateway was started, or comes from who runs it.");
    help.id = "api-key-help";
    this.fault.id = "api-key-fault";
    this.fault.role = "alert";
    const row = element("div", "row", "");
    row.append(this.input, this.button);
    this.form.append(element("h2", "", "This gateway asks for a key."), help, label, row, this.fault);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.give(this.input.value.trim());
    });
  }

  get shown(): boolean {
    return this.form.isConnected;
  }

  show(): void {
    if (this.shown) return;
    this.place.append(this.form);
    this.input.focus();
  }

  private async give(key: string): Promise<void> {
    this.fault.textContent = "";
    this.button.disabled = true;
    const refusal = await this.check(key);
    this.button.disabled = false;
    // Whatever else the gateway says, the key may be good.
    const wrong = refusal?.status === 401;
    this.input.ariaInvalid = String(wrong);
    if (refusal === null) {
      this.form.remove();
      this.input.value = "";
      this.onTaken();
      return;
    }
    if (wrong) forgetKey();
    this.fault.textContent = words.keyRefusal(refusal);
    this.input.select();
    this.input.focus();
  }

  private async check(key: string): Promise<Refusal | null> {
    if (!canBeKey(key)) return NO_KEY;
    keepKey(key);
    return this.tryKey();
  }
}
