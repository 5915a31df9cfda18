import { expect, it } from "vitest";

import type { CallEvent, ToolRun } from "../../src/call/events";
import { advance, close, EMPTY, note, type, type Transcript } from "../../src/call/transcript";
import { announcements } from "../../src/view/announcements";

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

const said: CallEvent = { kind: "agent_said", response: "r1", item: "i1", text: "It is noon." };
const ended: CallEvent = { kind: "agent_ended", response: "r1", status: "completed" };
const asked: CallEvent = { kind: "user_settled", item: "u1", text: "what time is it" };
const tool = (status: string): CallEvent => ({ kind: "tool_changed", run: { ...RUN, status } });

/** Everything that is said while these events come, one by one. */
function told(spoken: boolean, ...events: CallEvent[]): string[] {
  let shown: Transcript = EMPTY;
  return events.flatMap((event) => {
    const before = shown;
    shown = advance(shown, event);
    return announcements(before, shown, spoken);
  });
}

it("does not say what is said aloud anyway", () => {
  expect(told(false, asked, said, ended)).toEqual([]);
});

it("says each turn once, when it is whole, to who wants that", () => {
  expect(told(true, asked, said, ended)).toEqual(["You: what time is it", "Agent: It is noon."]);
});

it("says what became of a tool, and that it waits for an answer, not how far it is", () => {
  const progress: CallEvent = { kind: "tool_progressed", id: "t1", text: "reading the clock" };
  expect(told(false, tool("requested"), tool("awaiting_approval"), tool("running"), progress, tool("error"))).toEqual([
    "time in: asks you",
    "time in: failed",
  ]);
});

it("says notices once, and what could not be sent", () => {
  const noted = note(EMPTY, "The microphone went away.");
  expect(announcements(EMPTY, noted, false)).toEqual(["The microphone went away."]);
  expect(announcements(noted, { ...noted, userSpeaks: true }, false)).toEqual([]);
  const typed = type(EMPTY, "typed_1", "hello");
  expect(announcements(typed, close(typed), false)).toEqual(["Not sent: hello"]);
});
