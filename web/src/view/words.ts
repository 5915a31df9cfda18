/** What the page says to the person, in plain sentences. */

import type { Change } from "../audio/devices";
import type { Call, Ending, Refusal } from "../call/call";
import type { Activity } from "../call/transcript";
import type { Offer } from "../wire/rest";
import { trouble } from "./faults";
import { duration } from "./span_words";

const ACTIVITIES: Readonly<Record<Activity, string>> = {
  listening: "Listening. Go ahead.",
  hearing: "Hearing you …",
  wordless: "No words were made out. Try again?",
  working: "Working on it …",
  speaking: "Speaking. Talk over it whenever you like.",
};

/** What differs where the person takes the floor by hand. */
const BY_HAND: Readonly<Partial<Record<Activity, string>>> = {
  listening: "Hold the button or the space bar, and talk.",
  wordless: "No words were made out. Hold the button while you talk.",
  speaking: "Speaking. Hold the button to cut in.",
};

/** And where the person types. */
const TYPED: Readonly<Partial<Record<Activity, string>>> = {
  listening: "Type, and press Enter.",
  speaking: "Speaking. What you send cuts in.",
};

/** What becomes of the person's sound: it goes up, or it is muted; by hand, it goes up while the button is held. With
 * no microphone there is none. */
export type MicrophoneUse = "open" | "muted" | "waiting" | "held" | "none";

const MODES: Readonly<Record<string, string>> = {
  auto: "Whichever is best",
  local: "Local engine",
  personaplex: "PersonaPlex",
  realtime: "Realtime engine",
  elevenlabs: "ElevenLabs",
};

/** Why the gateway ended a call, by its own name for it; of the others there is no more to say. */
const ENDED: Readonly<Record<string, string>> = {
  engine_lost: "The engine was lost, and the call with it. Press Talk for a new call.",
  gateway_stopped: "The gateway was stopped, and the call with it.",
  internal_error: "The call broke by a fault of the gateway's; its log says more. Press Talk for a new call.",
};

const NO_ANSWER = "The gateway does not answer. Is it running?";

export function status(call: Call, activity: Activity, use: MicrophoneUse): string {
  switch (call.phase.kind) {
    case "asking":
      return "Allow the microphone when the browser asks for it.";
    case "making":
    case "connecting":
      return "Connecting …";
    case "live":
      return live(activity, use);
    case "reconnecting":
      return "The connection dropped. Trying to get it back …";
    case "ended":
      return ending(call.phase.ending);
  }
}

/** What a screen reader is told as the call begins, breaks and ends; "" where it goes on. */
export function milestone(call: Call): string {
  switch (call.phase.kind) {
    case "asking":
      return "Allow the microphone when the browser asks for it.";
    case "live":
      return "Connected.";
    case "reconnecting":
      return "The connection dropped. Trying to get it back …";
    case "ended": {
      const { ending: by } = call.phase;
      return by.kind === "no_sound" ? `${ending(by)} ${trouble(by.fault).advice}` : ending(by);
    }
    default:
      return "";
  }
}

/** Said in the conversation when a call goes on with another engine. */
export function engineChange(engine: { readonly mode: string; readonly reason: string | null }): string {
  const what = `The call goes on with another engine, ${mode(engine.mode)}`;
  return sentence(engine.reason === null ? what : `${what}: ${engine.reason}`).trim();
}

function live(activity: Activity, use: MicrophoneUse): string {
  switch (use) {
    case "open":
      return ACTIVITIES[activity];
    case "muted":
      return "Your microphone is muted.";
    case "waiting":
      return BY_HAND[activity] ?? ACTIVITIES[activity];
    case "held":
      return "Listening. Let go when you are done.";
    case "none":
      return TYPED[activity] ?? ACTIVITIES[activity];
  }
}

function ending(ending: Ending): string {
  switch (ending.kind) {
    case "hung_up":
      return "The call has ended.";
    case "ended_by_gateway":
      return ENDED[ending.reason] ?? "The gateway ended the call.";
    case "replaced":
      return "This call goes on in another window.";
    case "lost":
      return "The connection was lost and did not come back. Press Talk for a new call.";
    case "no_sound":
      return trouble(ending.fault).title;
    case "refused":
      return refusal(ending.refusal);
  }
}

/** What to know before the first word. */
export function invitation(pushToTalk: boolean): string {
  return pushToTalk
    ? "Hold the button or the space bar as long as you talk; holding it silences the agent. Try:"
    : "You can speak over it at any time; it stops and listens. Try:";
}

/** What to know before the call: nothing, as long as one can be had. */
export function offers(offers: readonly Offer[]): string {
  if (offers.some((offer) => offer.available)) return "";
  const reasons = offers.map((offer) => offer.reason).filter((reason) => reason !== "");
  return `No call can be had right now: ${sentence(reasons.join("; "))}`.trim();
}

/** What to know of an engine before choosing it. */
export function offer(offer: Offer): string {
  if (!offer.available) return `Can't be had: ${sentence(offer.reason === "" ? "the gateway doesn't say why" : offer.reason)}`.trim();
  const facts = [
    offer.free === null ? "" : offer.free === 1 ? "1 call free" : `${offer.free} calls free`,
    offer.latencyMs === null ? "" : `answers in about ${duration(offer.latencyMs)}`,
  ];
  return facts.filter((fact) => fact !== "").join(", ");
}

/** What became of a device that was chosen. */
export function deviceChange({ kind, what, label }: Change): string {
  return what === "gone"
    ? `The ${kind} “${label}” went away. The system's own is used now.`
    : `The ${kind} “${label}” is back, and used again.`;
}

export function refusal(refusal: Refusal): string {
  if (refusal.status === null) return NO_ANSWER;
  if (refusal.status === 401) return "This gateway asks for a key.";
  if (refusal.status === 503) {
    const when = refusal.retryAfterSeconds === null ? "Try again in a moment." : `Try again in ${refusal.retryAfterSeconds} s.`;
    return `No call can be had right now. ${sentence(refusal.detail)}${when}`;
  }
  return `The gateway refused the call. ${sentence(refusal.detail)}`.trim();
}

/** Why a key was not taken. */
export function keyRefusal(refusal: Refusal): string {
  switch (refusal.status) {
    case 401:
      return "That is not a key of this gateway. Copy it from where the gateway was started, and try again.";
    case null:
      return NO_ANSWER;
    default:
      return `The gateway refuses (${refusal.status}). ${sentence(refusal.detail)}`.trim();
  }
}

export function mode(name: string): string {
  return MODES[name] ?? name;
}

function sentence(text: string): string {
  if (text === "") return "";
  return /[.!?]$/.test(text) ? `${text} ` : `${text}. `;
}
