/** The choice of an engine, and why some can't be had. */

import type { Offer } from "../wire/rest";
import { element } from "./element";
import * as words from "./words";

export const AUTO = "auto";

export class Engines {
  private wanted = AUTO;

  /** @param list Is filled with a radio button for each engine. */
  constructor(private readonly list: HTMLElement) {
    this.show([]);
  }

  /** What the person wants: an engine's mode, or `auto`. */
  get mode(): string {
    return this.wanted;
  }

  show(offers: readonly Offer[]): void {
    const best = offers.find((offer) => offer.available);
    // What the person chose may have gone away since.
    if (!offers.some((offer) => offer.mode === this.wanted && offer.available)) this.wanted = AUTO;
    const focused = this.list.contains(document.activeElement);
    const now = best === undefined ? "" : `Now: ${words.mode(best.mode)}`;
    this.list.replaceChildren(
      this.row(AUTO, now, true),
      ...offers.map((offer) => this.row(offer.mode, words.offer(offer), offer.available)),
    );
    if (focused) this.list.querySelector<HTMLInputElement>("input:checked")?.focus();
  }

  private row(mode: string, remark: string, available: boolean): HTMLElement {
    const row = element("li", "engine", "");
    row.dataset.testid = "engine";
    row.dataset.mode = mode;
    const radio = document.createElement("input");
    radio.type = "radio";
    radio.name = "engine";
    radio.id = `engine-${mode}`;
    radio.checked = mode === this.wanted;
    radio.disabled = !available;
    radio.addEventListener("change", () => {
      this.wanted = mode;
    });
    const label = document.createElement("label");
    label.htmlFor = radio.id;
    label.textContent = words.mode(mode);
    row.append(radio, label);
    if (remark === "") return row;
    const why = element("p", "remark", remark);
    why.id = `engine-${mode}-remark`;
    radio.setAttribute("aria-describedby", why.id);
    row.append(why);
    return row;
  }
}
