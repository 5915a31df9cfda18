/** What can be had: engines, personas and voices to choose from; where REST wants a key, that first. */

import type { Refusal } from "../call/call";
import * as rest from "../wire/rest";
import { page } from "./elements";
import { Engines } from "./engines";
import { KeyForm } from "./key_form";
import * as words from "./words";

export interface MenuListener {
  /** Nothing can be done before a key is given. */
  onLocked(): void;
  onUnlocked(): void;
  /** What to know before a call, or "". */
  onSaid(text: string): void;
}

export class Menu {
  private readonly engines = new Engines(page.engines);
  private readonly key: KeyForm;
  private titles = new Map<string, string>();

  constructor(private readonly listener: MenuListener) {
    this.key = new KeyForm(
      page.key,
      () => this.refresh(),
      () => {
        listener.onUnlocked();
      },
    );
  }

  get locked(): boolean {
    return this.key.shown;
  }

  get chosen(): Pick<rest.Wish, "mode" | "persona" | "voice"> {
    return { mode: this.engines.mode, persona: page.persona.value, voice: page.voice.value };
  }

  /** A persona or a voice by the name that people read. */
  title(name: string): string {
    return this.titles.get(name) ?? name;
  }

  /** Asks what can be had now; why the gateway does not say, or null. */
  async refresh(): Promise<Refusal | null> {
    try {
      const [personas, voices, offers] = await Promise.all([rest.personas(), rest.voices(), rest.offers()]);
      this.titles = new Map([...personas, ...voices].map((choice) => [choice.name, choice.title]));
      fillSelect(page.persona, personas);
      const own = { name: "", title: "The persona's own", description: "", isDefault: true };
      fillSelect(page.voice, [own, ...voices.map((voice) => ({ ...voice, isDefault: false }))]);
      this.engines.show(offers);
      this.listener.onSaid(words.offers(offers));
    } catch (error) {
      if (!(error instanceof rest.Refused)) throw error;
      if (error.refusal.status === 401) {
        this.key.show();
        this.listener.onLocked();
      } else this.listener.onSaid(words.refusal(error.refusal));
      return error.refusal;
    }
    return null;
  }
}

function fillSelect(select: HTMLSelectElement, choices: readonly rest.Choice[]): void {
  const wanted = select.value;
  select.replaceChildren(
    ...choices.map((choice) => {
      const option = new Option(choice.title, choice.name, choice.isDefault, choice.isDefault);
      option.title = choice.description;
      return option;
    }),
  );
  if (choices.some((choice) => choice.name === wanted)) select.value = wanted;
}
