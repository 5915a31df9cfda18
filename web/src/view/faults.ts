/** What to do where there is no microphone. */

import type { MicrophoneFault } from "../audio/microphone_fault";
import { element } from "./element";

export interface Trouble {
  readonly title: string;
  readonly advice: string;
  /** Lines for a terminal, and what each is for. */
  readonly commands: readonly (readonly [does: string, command: string])[];
}

const TROUBLES: Readonly<Record<Exclude<MicrophoneFault, "insecure">, readonly [title: string, advice: string]>> = {
  refused: [
    "The microphone is blocked for this page.",
    "Allow it beside the page's address (the icon to its left), then press Talk again.",
  ],
  unanswered: [
    "The browser got no answer about the microphone.",
    "Press Talk again, and allow the microphone when the browser asks.",
  ],
  forbidden: [
    "This browser may not use the microphone.",
    "The system's privacy settings, or whoever manages this browser, keep it from pages. Allow it there, then press Talk again.",
  ],
  missing: ["No microphone was found.", "Connect one, then press Talk again."],
  busy: [
    "The microphone could not be read. Another program may hold it.",
    "Close that program, a meeting or a recorder, then press Talk again.",
  ],
  other: ["The sound could not be started.", "Reload the page, then press Talk again."],
};

/**
 * What is wrong with the microphone, and what to do.
 *
 * @param host Of the page's address, and `port` likewise, for a tunnel to it.
 */
export function trouble(fault: MicrophoneFault, host = "host", port = "8999"): Trouble {
  if (fault === "insecure") {
    return {
      title: "Browsers give the microphone to https and localhost pages only.",
      advice: "This page is neither. Open it in one of these two ways:",
      commands: [
        ["On the gateway's machine: start it with https, and open the address that it prints", "antiphon up --lan"],
        [
          `On this machine: make a tunnel, and open http://localhost:${port}`,
          `ssh -L ${port}:localhost:${port} ${host}`,
        ],
      ],
    };
  }
  const [title, advice] = TROUBLES[fault];
  return { title, advice, commands: [] };
}

const TYPING = "Or type below: it goes on in writing.";

/** Shows the trouble in `place`. */
export function showTrouble(place: HTMLElement, { title, advice, commands }: Trouble): void {
  const list = element("dl", "commands", "");
  for (const [does, command] of commands) {
    const line = element("dd", "", "");
    line.append(element("code", "", command));
    list.append(element("dt", "", does), line);
  }
  const parts = [element("h2", "", title), element("p", "", advice), list, element("p", "", TYPING)];
  place.replaceChildren(...parts.filter((part) => part !== list || commands.length > 0));
}
