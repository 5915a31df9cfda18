/** What the page says to the person, in plain sentences. */

import type { MicrophoneFault } from "../audio/microphone";
import type { Call, Ending, Refusal } from "../call/call";
import type { ToolRun } from "../call/events";
import { type Activity, isRunning } from "../call/transcript";
import type { Offers } from "../wire/rest";

const FAULTS: Readonly<Record<MicrophoneFault, string>> = {
  insecure:
    "Browsers give the microphone to localhost and https pages only. Open this page at localhost or over https.",
  refused: "The microphone was refused. Allow it for this page in the browser's address bar, then press Talk again.",
  missing: "No microphone was found. Connect one, then press Talk again.",
  busy: "Another program holds the microphone. Close it there, then press Talk again.",
  other: "The browser could not start the sound. Reload the page and try again.",
};

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

/** What becomes of the person's sound: it goes up, or it is muted; by hand, it goes up while the button is held. */
export type MicrophoneUse = "open" | "muted" | "waiting" | "held";

const MODES: Readonly<Record<string, string>> = {
  local: "local engine",
  personaplex: "PersonaPlex",
  realtime: "Realtime engine",
  elevenlabs: "ElevenLabs",
};

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
  }
}

function ending(ending: Ending): string {
  switch (ending.kind) {
    case "hung_up":
      return "The call has ended.";
    case "ended_by_gateway":
      return "The gateway ended the call.";
    case "replaced":
      return "This call goes on in another window.";
    case "lost":
      return "The connection was lost and did not come back. Press Talk for a new call.";
    case "no_sound":
      return FAULTS[ending.fault];
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
export function offers(offers: Offers): string {
  return offers.mode === null ? `No call can be had right now: ${sentence(offers.obstacle)}`.trim() : "";
}

export function refusal(refusal: Refusal): string {
  if (refusal.status === null) return "The gateway does not answer. Is it running?";
  if (refusal.status === 401) return `This gateway asks for a key. ${sentence(refusal.detail)}`.trim();
  if (refusal.status === 503) {
    const when = refusal.retryAfterSeconds === null ? "Try again in a moment." : `Try again in ${refusal.retryAfterSeconds} s.`;
    return `No call can be had right now. ${sentence(refusal.detail)}${when}`;
  }
  return `The gateway refused the call. ${sentence(refusal.detail)}`.trim();
}

export function mode(name: string): string {
  return MODES[name] ?? name;
}

/** A tool by its name as one says it: `convert_units` becomes "convert units". */
export function tool(run: ToolRun): string {
  return run.action.replaceAll("_", " ");
}

export function toolStatus(run: ToolRun, progress = ""): string {
  if (run.status === "awaiting_approval") return "asks you";
  if (isRunning(run)) return progress === "" ? "running" : progress;
  if (run.status === "success") return run.latencyMs === null ? "done" : `done in ${duration(run.latencyMs)}`;
  return run.status === "error" ? "failed" : run.status;
}

/** How long the person waited for the first sound after their last word; "" where it was not measured. */
export function latency(spans: Readonly<Record<string, number>>): string {
  return spans.turn === undefined ? "" : `answered in ${duration(spans.turn)}`;
}

/** All that was measured, a span a line. */
export function spanList(spans: Readonly<Record<string, number>>): string {
  return Object.entries(spans)
    .map(([span, ms]) => `${span.replaceAll("_", " ")}: ${Math.round(ms)} ms`)
    .join("\n");
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function sentence(text: string): string {
  if (text === "") return "";
  return /[.!?]$/.test(text) ? `${text} ` : `${text}. `;
}
