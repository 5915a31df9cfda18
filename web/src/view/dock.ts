/** Shows how the call stands: its buttons, its status, and who takes part in it. */

import { type Call, isOpen } from "../call/call";
import { activity, type Transcript } from "../call/transcript";
import { element, setText } from "./element";
import { page } from "./elements";
import * as words from "./words";

export function showDock(call: Call, transcript: Transcript, use: words.MicrophoneUse): void {
  const open = isOpen(call);
  const live = call.phase.kind === "live";
  const byHand = page.pushToTalk.checked;
  const focused = document.activeElement;
  page.call.dataset.phase = call.phase.kind;
  setText(page.callLabel, open ? (live ? "Hang up" : "Cancel") : "Talk");
  setText(page.status, words.status(call, activity(transcript), use));
  showMute(live, byHand, use);
  // What is said while the connection is gone is kept, so the button stays.
  page.hold.hidden = !byHand || use === "none" || !(live || call.phase.kind === "reconnecting");
  page.hold.ariaPressed = String(use === "held");
  page.meter.hidden = !live || use === "none";
  page.controls.dataset.holding = String(!page.hold.hidden);
  page.nextCall.hidden = open;
  // A button that goes away takes the focus with it.
  if ((focused === page.mute && page.mute.hidden) || (focused === page.hold && page.hold.hidden)) page.call.focus();
}

function showMute(live: boolean, byHand: boolean, use: words.MicrophoneUse): void {
  const without = use === "none";
  page.mute.hidden = !live || (byHand && !without);
  setText(page.muteLabel, without ? "Use microphone" : "Mute");
  page.mute.ariaPressed = without ? null : String(use === "muted");
}

/** Who listens and answers, by name, and why it is not who was asked for. */
export function showFacts(facts: readonly (readonly [name: string, value: string])[], reason: string | null): void {
  const key = JSON.stringify([facts, reason]);
  if (page.facts.dataset.shown === key) return;
  page.facts.dataset.shown = key;
  const list = element("dl", "", "");
  for (const [name, value] of facts) {
    if (value === "") continue;
    const fact = element("div", "", "");
    fact.append(element("dt", "unseen", name), element("dd", "", value));
    list.append(fact);
  }
  page.facts.replaceChildren(...(facts.length > 0 ? [list] : []));
  if (reason !== null) page.facts.append(element("p", "reason", reason));
}
