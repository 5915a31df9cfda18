import { expect, it } from "vitest";

import type { Call, Phase } from "../../src/call/call";
import type { ToolRun } from "../../src/call/events";
import * as words from "../../src/view/words";

function call(phase: Phase): Call {
  return { phase, session: null, after: null, lostAt: null, attempts: 0 };
}

function run(status: string, latencyMs: number | null = null): ToolRun {
  return { id: "t1", agent: "", action: "time_in", arguments: {}, status, result: null, error: null, latencyMs };
}

it("tells a busy gateway's caller when to come back", () => {
  expect(words.refusal({ status: 503, detail: "All lines are taken", retryAfterSeconds: 7 })).toBe(
    "No call can be had right now. All lines are taken. Try again in 7 s.",
  );
  expect(words.refusal({ status: 503, detail: "", retryAfterSeconds: null })).toBe(
    "No call can be had right now. Try again in a moment.",
  );
});

it("says before the call only what stands in its way", () => {
  expect(words.offers({ mode: "local", obstacle: "no GPU" })).toBe("");
  expect(words.offers({ mode: null, obstacle: "the voice is away" })).toBe(
    "No call can be had right now: the voice is away.",
  );
});

it("tells an absent gateway from one that refuses", () => {
  expect(words.refusal({ status: null, detail: "", retryAfterSeconds: null })).toMatch(/does not answer/);
  expect(words.refusal({ status: 422, detail: "No such persona.", retryAfterSeconds: null })).toBe(
    "The gateway refused the call. No such persona.",
  );
});

it("says what to do about a microphone that is refused or hidden", () => {
  const ended = (fault: "refused" | "insecure") =>
    words.status(call({ kind: "ended", ending: { kind: "no_sound", fault } }), "listening", "open");
  expect(ended("refused")).toMatch(/Allow it/);
  expect(ended("insecure")).toMatch(/localhost and https/);
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

it("names a tool and how far it got", () => {
  expect(words.tool(run("running"))).toBe("time in");
  expect(words.toolStatus(run("requested"))).toBe("running");
  expect(words.toolStatus(run("running"), "asking the clock")).toBe("asking the clock");
  expect(words.toolStatus(run("awaiting_approval"))).toBe("asks you");
  expect(words.toolStatus(run("success", 42))).toBe("done in 42 ms");
  expect(words.toolStatus(run("error", 1_500))).toBe("failed");
  expect(words.toolStatus(run("superseded"))).toBe("superseded");
});

it("shows a latency only where one was measured", () => {
  expect(words.latency({ endpoint: 300 })).toBe("");
  expect(words.latency({ endpoint: 300, turn: 480 })).toBe("answered in 480 ms");
  expect(words.spanList({ engine_frame: 3.4, turn: 480 })).toBe("engine frame: 3 ms\nturn: 480 ms");
});
