import { expect, it } from "vitest";

import { readEvent } from "../../src/topology/read";

const NODE = { id: "gateway", kind: "gateway", name: "Gateway", health: "up", reason: "", load: { sessions: 1 } };
const EDGE = { id: "a>b", source: "a", target: "b", sessions: 2, doing: { speaking: 1, humming: 1 } };
const SESSION = {
  session_id: "s1",
  mode: "local",
  persona: "plain",
  voice: "fern",
  client: "",
  input_mode: "duplex",
  started_at: "1970-01-01T00:00:01Z",
  state: "live",
  doing: ["speaking", "humming"],
  deeds: [{ agent: "clock", tool: "tell_time" }],
  user_turns: 1,
  agent_turns: 2,
  barge_ins: 0,
  tools: 1,
  tool_failures: 0,
  turn_ms: null,
  path: ["a>b"],
};

function read(fields: object) {
  return readEvent("change", JSON.stringify({ at: "1970-01-01T00:00:02Z", ...fields }));
}

it("reads what changed", () => {
  const told = read({ nodes: [NODE], edges: [EDGE], sessions: [SESSION], gone: { nodes: ["x"] } });
  expect(told).toMatchObject({ whole: false, at: 2000, nodes: [NODE], gone: { nodes: ["x"], edges: [], sessions: [] } });
  expect(told?.sessions[0]).toMatchObject({ id: "s1", startedAt: 1000, deeds: ["tell_time"], turnMs: null });
});

it("passes over what a newer gateway may tell", () => {
  const told = read({ nodes: [{ ...NODE, kind: "oracle" }, null], edges: [EDGE, {}], sessions: [SESSION, {}] });
  expect(told?.nodes).toEqual([]);
  expect(told?.edges[0]?.doing).toEqual({ speaking: 1 });
  expect(told?.sessions[0]?.doing).toEqual(["speaking"]);
  expect(readEvent("weather", "{}")).toBeNull();
  expect(readEvent("snapshot", "{")).toBeNull();
});

it("reads totals with the spans that were measured", () => {
  const turn = { span: "turn", count: 3, p50: 480, p95: 700 };
  const totals = { as_of: "1970-01-01T00:00:01Z", sessions: 1, turns: 2, tools: 3, tool_failures: 1, hour: [turn, {}], day: [] };
  expect(read({ totals })?.totals).toEqual({
    asOf: 1000,
    sessions: 1,
    turns: 2,
    tools: 3,
    toolFailures: 1,
    hour: [turn],
    day: [],
  });
});
