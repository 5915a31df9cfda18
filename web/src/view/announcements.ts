/** What a screen reader is told of the conversation. Not what is heard anyway, unless the person wants that too. */

import { type Entry, isRunning, type Transcript, wordsOf } from "../call/transcript";
import { element } from "./element";
import { tool, toolStatus } from "./tool_words";

/** Lines that are kept: enough to be read, and no second transcript. */
const KEPT = 5;

/**
 * What is new from one look of the conversation to the next, a line each.
 *
 * @param spoken Tells what was said aloud too, each turn once, when it is whole.
 */
export function announcements(before: Transcript, now: Transcript, spoken: boolean): string[] {
  if (before.entries === now.entries) return [];
  const known = new Map(before.entries.map((entry) => [entry.id, entry]));
  return now.entries.flatMap((entry) => {
    const old = known.get(entry.id);
    if (old === entry) return [];
    const text = announcement(entry, spoken);
    return text === "" || (old !== undefined && text === announcement(old, spoken)) ? [] : [text];
  });
}

function announcement(entry: Entry, spoken: boolean): string {
  switch (entry.kind) {
    case "notice":
      return entry.text;
    case "tool":
      // How far it got may change many times a second.
      return isRunning(entry.run) && entry.run.status !== "awaiting_approval"
        ? ""
        : `${tool(entry.run)}: ${toolStatus(entry.run)}`;
    case "user":
      if (entry.state === "unheard") return entry.typed ? `Not sent: ${wordsOf(entry)}` : "Not understood.";
      return spoken && entry.state === "settled" ? `You: ${wordsOf(entry)}` : "";
    case "agent":
      return spoken && entry.state !== "speaking" ? `Agent: ${entry.text}` : "";
  }
}

/** A live region that no eye sees: each line is said once. */
export class Announcer {
  constructor(private readonly region: HTMLElement) {}

  say(text: string): void {
    if (text === "") return;
    this.region.append(element("p", "", text));
    while (this.region.childElementCount > KEPT) this.region.firstElementChild?.remove();
  }
}
