import { expect, it } from "vitest";

import { pauseMs } from "../../src/topology/connection";
import { readLines } from "../../src/topology/gateway";
import * as words from "../../src/topology/words";
import { edge, node, session } from "./samples";

it("says what a call does now", () => {
  expect(words.doing(session("s", { doing: ["listening", "speaking", "recording"] }))).toBe("hears the user, speaks");
  expect(words.doing(session("s", { doing: ["acting"], deeds: ["tell_time"] }))).toBe("uses tell time");
  expect(words.doing(session("s", { doing: ["recording"] }))).toBe("writes it down");
  expect(words.doing(session("s"))).toBe("quiet");
  expect(words.doing(session("s", { state: "waiting" }))).toBe("has not begun");
});

it("names a node with what it has to do, and marks by more than a colour how it fares", () => {
  const gateway = node("a", { kind: "gateway", name: "Gateway", load: { free: 9, sessions: 1 } });
  expect([words.name(gateway), words.work(gateway), words.mark("up")]).toEqual(["Gateway", "1 call", ""]);
  const tool = node("a", { name: "tell_time", load: { running: 0 } });
  expect([words.name(tool), words.work(tool), words.mark("down")]).toEqual(["tell time", "", "✕"]);
  const client = node("client:0123456789ab", { kind: "client", load: { sessions: 1 } });
  expect([words.work(client), words.callOf(client.id), words.callOf("gateway")]).toEqual(["456789ab", "0123456789ab", null]);
});

it("says a load in words", () => {
  expect(words.load(node("a", { load: { sessions: 3, free: 1 } }))).toBe("3 calls · 1 place free");
  expect(words.load(node("a", { load: { goose_steps: 2 } }))).toBe("2 goose steps");
});

it("says what goes over an edge", () => {
  expect(words.traffic(edge("a", "b", { listening: 2, speaking: 1 }))).toBe("hears the user (2), speaks (1)");
  expect(words.traffic(edge("a", "b"))).toBe("");
});

it("says how long", () => {
  expect([words.duration(480.4), words.duration(1660)]).toEqual(["480 ms", "1.7 s"]);
  expect([words.age(-5), words.age(125_000), words.age(3_725_000)]).toEqual(["0:00", "2:05", "1:02:05"]);
});

it("says since when nothing is true any more", () => {
  const lost = words.standing({ kind: "lost", since: 0, detail: "network error" });
  expect(lost).toContain(`No connection since ${words.clock(0)} (network error).`);
  expect(words.standing({ kind: "live" })).toBe("Live.");
});

it("waits longer from attempt to attempt, up to a quarter of a minute", () => {
  expect([0, 1, 2, 3, 4, 5, 20].map(pauseMs)).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
});

it("lists turns and tools of a call in the order of time", () => {
  const turns = [
    { speaker: "user", text: "what time is it", started_at: "2026-01-01T00:00:01Z", interrupted: false },
    { speaker: "agent", text: "It is noon", started_at: "2026-01-01T00:00:03Z", interrupted: true },
    { speaker: "agent", text: "", started_at: null, interrupted: false },
  ];
  const tool_invocations = [{ action: "tell_time", status: "success", latency_ms: 4.4, requested_at: "2026-01-01T00:00:02Z" }];
  expect(readLines({ turns, tool_invocations })).toEqual([
    { who: "user", text: "what time is it", state: "" },
    { who: "tool", text: "tell_time", state: "success, 4 ms" },
    { who: "agent", text: "It is noon", state: "cut" },
  ]);
});
