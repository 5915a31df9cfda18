/** What the person types: it cuts the agent, goes up as an item, and is answered whatever came in between. */

import type { CallEvent } from "./events";

export type TypingOrder =
  /** The agent is to stop saying this. */
  | { readonly kind: "cancel"; readonly response: string }
  /** Nothing of what the loudspeaker still holds is to be heard. */
  | { readonly kind: "hush" }
  | { readonly kind: "type"; readonly item: string; readonly text: string }
  /** An answer, please; an error about it comes with `id`. */
  | { readonly kind: "ask"; readonly id: string };

/** The agent had begun to speak when the gateway was asked for an answer. */
const CROSSED = "conversation_already_has_active_response";

const ASK = "ask-";

export class Typing {
  /** Responses that the agent has begun and not ended. */
  private readonly open = new Set<string>();
  private typed = 0;
  private asked = 0;

  /** @param text Not blank. */
  type(text: string): TypingOrder[] {
    this.typed += 1;
    const item = `typed_${this.typed}`;
    return [...this.cut(), { kind: "hush" }, { kind: "type", item, text }, this.ask()];
  }

  /** What happens in the call. */
  hear(event: CallEvent): TypingOrder[] {
    switch (event.kind) {
      case "agent_started":
        this.open.add(event.response);
        return [];
      case "agent_ended":
        this.open.delete(event.response);
        return [];
      case "error_reported":
        // Where nothing can be cut, the answer is on its way already.
        if (event.code !== CROSSED || !event.about.startsWith(ASK) || this.open.size === 0) return [];
        return [...this.cut(), { kind: "hush" }, this.ask()];
      default:
        return [];
    }
  }

  private cut(): TypingOrder[] {
    const cancelled = [...this.open].map((response): TypingOrder => ({ kind: "cancel", response }));
    this.open.clear();
    return cancelled;
  }

  private ask(): TypingOrder {
    this.asked += 1;
    return { kind: "ask", id: `${ASK}${this.asked}` };
  }
}
