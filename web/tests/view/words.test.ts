import { expect, it } from "vitest";

import type { Call, Phase } from "../../src/call/call";
import * as words from "../../src/view/words";
import type { Offer } from "../../src/wire/rest";

function call(phase: Phase): Call {
  return { phase, session: null, after: null, lostAt: null, attempts: 0 };
}

it("tells a busy gateway's caller when to come back", () => {
  expect(words.refusal({ status: 503, detail: "All lines are taken", retryAfterSeconds: 7 })).toBe(
    "No call can be had right now. All lines are taken. Try again in 7 s.",
  );
  expect(words.refusal({ status: 503, detail: "", retryAfterSeconds: null })).toBe(
    "No call can be had right now. Try again in a moment.",
  );
});

const OFFER: Offer = { mode: "local", available: true, reason: "", free: null, latencyMs: null };
const AWAY: Offer = { ...OFFER, mode: "personaplex", available: false, reason: "no speech server is configured" };

it("says before the call only what stands in its way", () => {
  expect(words.offers([AWAY, OFFER])).toBe("");
  expect(words.offers([AWAY, { ...OFFER, available: false, reason: "the voice is away" }])).toBe(
    "No call can be had right now: no speech server is configured; the voice is away.",
  );
});

it("says why an engine can't be had, and of one that can what is known", () => {
  expect(words.offer(AWAY)).toBe("Can't be had: no speech server is configured.");
  expect(words.offer({ ...AWAY, reason: "" })).toBe("Can't be had: the gateway doesn't say why.");
  expect(words.offer(OFFER)).toBe("");
  expect(words.offer({ ...OFFER, free: 7, latencyMs: 480 })).toBe("7 calls free, answers in about 480 ms");
});

it("says with which engine a call goes on, and why", () => {
  expect(words.engineChange({ mode: "local", reason: "the speech server died." })).toBe(
    "The call goes on with another engine, Local engine: the speech server died.",
  );
  expect(words.engineChange({ mode: "local", reason: null })).toMatch(/Local engine\.$/);
});

it("tells an absent gateway from one that refuses", () => {
  expect(words.refusal({ status: null, detail: "", retryAfterSeconds: null })).toMatch(/does not answer/);
  expect(words.refusal({ status: 422, detail: "No such persona.", retryAfterSeconds: null })).toBe(
    "The gateway refused the call. No such persona.",
  );
});

it("tells the call's milestones once, and with the reason of its end what to do", () => {
  expect(words.milestone(call({ kind: "connecting" }))).toBe("");
  expect(words.milestone(call({ kind: "live" }))).toBe("Connected.");
  const refused = call({ kind: "ended", ending: { kind: "no_sound", fault: "refused" } });
  expect(words.milestone(refused)).toMatch(/^The microphone is blocked for this page\. Allow it/);
});

it("tells why the gateway ended a call, where that helps", () => {
  const ended = (reason: string) => call({ kind: "ended", ending: { kind: "ended_by_gateway", reason } });
  expect(words.status(ended("engine_lost"), "listening", "open")).toMatch(/^The engine was lost/);
  expect(words.milestone(ended("engine_lost"))).toMatch(/^The engine was lost/);
  expect(words.status(ended("hung_up"), "listening", "open")).toBe("The gateway ended the call.");
});

it("tells who types to type", () => {
  const live = call({ kind: "live" });
  expect(words.status(live, "listening", "none")).toBe("Type, and press Enter.");
  expect(words.status(live, "working", "none")).toBe("Working on it …");
});

it("says what became of a device that was chosen", () => {
  expect(words.deviceChange({ kind: "microphone", what: "gone", label: "Headset" })).toBe(
    "The microphone “Headset” went away. The system's own is used now.",
  );
});

it("puts the mute before everything else that is going on", () => {
  expect(words.status(call({ kind: "live" }), "speaking", "muted")).toBe("Your microphone is muted.");
  expect(words.status(call({ kind: "live" }), "working", "open")).toBe("Working on it …");
});

it("tells who pushes to talk what to hold, and when to let go", () => {
  const live = call({ kind: "live" });
  expect(words.status(live, "listening", "waiting")).toMatch(/^Hold the button or the space bar/);
  expect(words.status(live, "wordless", "waiting")).toMatch(/^No words were made out/);
  expect(words.status(live, "speaking", "waiting")).toBe("Speaking. Hold the button to cut in.");
  expect(words.status(live, "working", "waiting")).toBe("Working on it …");
  expect(words.status(live, "speaking", "held")).toBe("Listening. Let go when you are done.");
});

it("calls a key wrong where the gateway does, and tells anything else as it is", () => {
  const told = (status: number | null, detail: string) => words.keyRefusal({ status, detail, retryAfterSeconds: null });
  expect(told(401, "send an API key")).toContain("not a key of this gateway");
  expect(told(503, "it stops")).toBe("The gateway refuses (503). it stops.");
  expect(told(403, "")).toBe("The gateway refuses (403).");
  expect(told(null, "TypeError: Failed to fetch")).toBe("The gateway does not answer. Is it running?");
});
