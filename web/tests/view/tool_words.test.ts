import { expect, it } from "vitest";

import type { ToolRun } from "../../src/call/events";
import { factsOf, times, tool, toolStatus } from "../../src/view/tool_words";

const RUN: ToolRun = {
  id: "t1",
  agent: "clock",
  action: "time_in",
  arguments: {},
  status: "running",
  result: null,
  error: null,
  requestedAt: null,
  startedAt: null,
  latencyMs: null,
  approval: null,
};

const at = (status: string, latencyMs: number | null = null) => ({ ...RUN, status, latencyMs });

it("names a tool and how far it got", () => {
  expect(tool(RUN)).toBe("time in");
  expect(toolStatus(at("requested"))).toBe("about to start");
  expect(toolStatus(at("running"), "asking the clock")).toBe("asking the clock");
  expect(toolStatus(at("awaiting_approval"), "asking the clock")).toBe("asks you");
  expect(toolStatus(at("success", 42), "asking the clock")).toBe("done in 42 ms");
  expect(toolStatus(at("error", 1_500))).toBe("failed");
  const expired = { ...at("cancelled"), error: { code: "expired", message: "" } };
  expect(toolStatus(expired)).toBe("not done: you gave no answer");
  expect(toolStatus(at("unknown"))).toBe("nobody knows whether it was done");
});

it("makes a line of each argument, and of what is no object one", () => {
  expect(factsOf({ from_unit: "km", amount: 10, to: null, parts: ["a"] })).toEqual([
    ["from unit", "km"],
    ["amount", "10"],
    ["parts", '[\n  "a"\n]'],
  ]);
  expect(factsOf("noon")).toEqual([["", "noon"]]);
  expect(factsOf(null)).toEqual([]);
});

it("tells when a tool was asked for, when it began, and how long it took", () => {
  const requestedAt = "2026-01-31T12:00:00.000Z";
  expect(times(RUN)).toEqual([]);
  const [asked, ...rest] = times({ ...RUN, requestedAt, startedAt: "2026-01-31T12:00:00.012Z", latencyMs: 1_500 }, "en");
  expect(asked?.[0]).toBe("Asked for at");
  expect(asked?.[1]).toMatch(/\d:00:00/);
  expect(rest).toEqual([
    ["Began", "12 ms later"],
    ["Took", "1.5 s"],
  ]);
});
