import { expect, it } from "vitest";

import type { CallEvent, ToolRun } from "../../src/call/events";
import { activity, advance, close, EMPTY, type Entry, note, take, type, type Transcript, wordsOf } from "../../src/call/transcript";

function after(...events: CallEvent[]): Transcript {
  return events.reduce(advance, EMPTY);
}

/** What one reads: who, in which state, what. */
function lines(transcript: Transcript): string[] {
  return transcript.entries.map((entry: Entry) => {
    if (entry.kind === "tool") return `tool ${entry.run.status}: ${entry.run.action}`;
    if (entry.kind === "notice") return `notice: ${entry.text}`;
    return `${entry.kind} ${entry.state}: ${entry.kind === "user" ? wordsOf(entry) : entry.text}`;
  });
}

const guessed = (text: string, item = "u1"): CallEvent => ({ kind: "user_guessed", item, text });
const settled = (text: string, item = "u1"): CallEvent => ({ kind: "user_settled", item, text });
const said = (text: string, response = "r1"): CallEvent => ({ kind: "agent_said", response, item: `i-${response}`, text });
const ended = (status: "completed" | "cancelled" | "failed" | "incomplete", response = "r1"): CallEvent => ({
  kind: "agent_ended",
  response,
  status,
});
const bargedIn = (what: string, unsaid = ""): CallEvent => ({ kind: "barged_in", what, response: "r1", unsaid });

function tool(status: string): CallEvent {
  const run: ToolRun = {
    id: "t1",
    agent: "clock",
    action: "time_in",
    arguments: { place: "Tokyo" },
    status,
    result: null,
    error: null,
    requestedAt: null,
    startedAt: null,
    latencyMs: null,
  approval: null,
  };
  return { kind: "tool_changed", run };
}

it("shows the user's words as they come, and settles them", () => {
  expect(lines(after(guessed("what"), guessed("what time")))).toEqual(["user partial: what time"]);
  expect(lines(after(guessed("what dime"), settled("What time is it?")))).toEqual(["user settled: What time is it?"]);
});

it("puts words that will not change behind each other", () => {
  const words = (text: string): CallEvent => ({ kind: "user_said", item: "u1", text });
  expect(lines(after(words("what "), words("time")))).toEqual(["user partial: what time"]);
});

it("does not show words twice that come as a guess and for good", () => {
  const words: CallEvent = { kind: "user_said", item: "u1", text: "what time" };
  expect(lines(after(guessed("what time is"), words))).toEqual(["user partial: what time is"]);
});

it("shows nothing for a sound without words", () => {
  expect(lines(after({ kind: "user_started" }, settled("")))).toEqual([]);
  expect(lines(after(guessed("uh"), settled(" ")))).toEqual([]);
});

it("leaves settled words alone", () => {
  expect(lines(after(settled("yes"), guessed("no")))).toEqual(["user settled: yes"]);
});

it("keeps the last guess when the recogniser gives up", () => {
  expect(lines(after(guessed("what"), { kind: "user_unheard", item: "u1" }))).toEqual(["user unheard: what"]);
});

const continued = (item: string, of: string): CallEvent => ({ kind: "user_continued", item, of });

it("makes one bubble of a turn that goes on after a pause, whenever it is told", () => {
  const first = after(settled("remind me"), said("When?"), ended("cancelled"));
  const early = [continued("u2", "u1"), guessed("in ten", "u2"), settled("in ten minutes", "u2")];
  const late = [guessed("in ten", "u2"), settled("in ten minutes", "u2"), continued("u2", "u1")];
  for (const events of [early, late]) {
    expect(lines(events.reduce(advance, first))).toEqual(["user settled: remind me in ten minutes", "agent cut: When?"]);
  }
  expect(lines(early.slice(0, 2).reduce(advance, first))[0]).toBe("user partial: remind me in ten");
});

it("lets a turn go on more than once", () => {
  const breaths = [settled("remind me"), continued("u2", "u1"), settled("in ten", "u2"), continued("u3", "u2"), settled("minutes", "u3")];
  expect(lines(after(...breaths))).toEqual(["user settled: remind me in ten minutes"]);
});

it("keeps what was said when nothing comes of going on", () => {
  expect(lines(after(settled("remind me"), continued("u2", "u1"), settled("", "u2")))).toEqual(["user settled: remind me"]);
});

it("leaves the words of an earlier breath alone", () => {
  const gone = after(settled("remind me"), continued("u2", "u1"), settled("later", "u2"), guessed("rewind", "u1"), settled("rewind", "u1"));
  expect(lines(gone)).toEqual(["user settled: remind me later"]);
});

it("shows what goes on with a turn that it never saw as a turn of its own", () => {
  expect(lines(after(continued("u2", "u1"), settled("in ten minutes", "u2")))).toEqual(["user settled: in ten minutes"]);
});

it("says beside the conversation that no words were made out, until there are some", () => {
  const nothing: CallEvent = { kind: "error_reported", about: "", code: "no_input", message: "nothing was said" };
  expect(lines(after(nothing))).toEqual([]);
  expect(activity(after(nothing))).toBe("wordless");
  expect(activity(after(nothing, { kind: "user_started" }, { kind: "user_stopped" }))).toBe("listening");
  expect(activity(after(nothing, { kind: "agent_started", response: "r1" }))).toBe("listening");
  expect(activity(take(after(nothing)))).toBe("listening");
});

it.each(["response_cancel_not_active", "conversation_already_has_active_response"])(
  "has nothing to tell where person and gateway acted at once: %s",
  (code) => {
    expect(lines(after({ kind: "error_reported", about: "", code, message: "too late" }))).toEqual([]);
  },
);

it("builds the agent's words as they are spoken", () => {
  const spoken = after(said("It is "), said("noon."));
  expect(lines(spoken)).toEqual(["agent speaking: It is noon."]);
  expect(lines(advance(spoken, ended("completed")))).toEqual(["agent done: It is noon."]);
});

it("shows where an agent was cut, and by whom", () => {
  const cut = after(said("It is noon and"), bargedIn("barge_in"), ended("cancelled"));
  expect(lines(cut)).toEqual(["agent cut: It is noon and"]);
  expect(cut.entries[0]).toMatchObject({ bargedIn: true });
});

it("takes a backchannel for no barge-in", () => {
  expect(after(said("It is"), bargedIn("backchannel")).entries[0]).toMatchObject({ bargedIn: false });
});

it("shows what the agent would have gone on to say", () => {
  const truth: CallEvent = { kind: "agent_settled", response: "r1", item: "i-r1", text: "It is" };
  const cut = after(said("It is "), truth, ended("cancelled"), bargedIn("barge_in", "noon in Tokyo."));
  expect(cut.entries[0]).toMatchObject({ text: "It is", unsaid: "noon in Tokyo.", state: "cut" });
});

it("takes the blank behind the last word for nothing unsaid", () => {
  const truth: CallEvent = { kind: "agent_settled", response: "r1", item: "i-r1", text: "Noon." };
  expect(after(said("Noon. "), truth).entries[0]).toMatchObject({ text: "Noon.", unsaid: "" });
});

it("marks what was shown and turned out not to have been said", () => {
  const truth: CallEvent = { kind: "agent_settled", response: "r1", item: "i-r1", text: "It is" };
  expect(after(said("It is noon."), truth, ended("cancelled")).entries[0]).toMatchObject({
    text: "It is",
    unsaid: "noon.",
    state: "cut",
  });
});

it("ignores words that come late of a cut response", () => {
  expect(lines(after(said("It is"), ended("cancelled"), said(" noon")))).toEqual(["agent cut: It is"]);
});

it("changes a tool's badge in its place", () => {
  expect(lines(after(settled("time?"), tool("running"), said("One moment."), tool("success")))).toEqual([
    "user settled: time?",
    "tool success: time_in",
    "agent speaking: One moment.",
  ]);
});

it("keeps what a tool said of its work, each line once", () => {
  const says = (text: string): CallEvent => ({ kind: "tool_progressed", id: "t1", text });
  const working = after(tool("running"), says("asking the clock"), says("asking the clock"), says(""), says("reading it"));
  expect(working.entries[0]).toMatchObject({ progress: ["asking the clock", "reading it"] });
  expect(advance(working, tool("success")).entries[0]).toMatchObject({ progress: ["asking the clock", "reading it"] });
});

it("closes what was open when the gateway can't replay what happened", () => {
  const gap: CallEvent = { kind: "error_reported", about: "", code: "resync_required", message: "" };
  expect(lines(after(said("It is"), gap))).toEqual([
    "agent cut: It is",
    "notice: Some of what happened meanwhile is missing here.",
  ]);
});

it("keeps entries that did not change as they were, so that only changes are drawn", () => {
  const before = after(settled("hello"));
  expect(advance(before, said("Hi.")).entries[0]).toBe(before.entries[0]);
});

it("times the answer that was measured, whether its words come first or the figures", () => {
  const timed: CallEvent = { kind: "turn_timed", response: "r1", spans: { turn: 480 } };
  expect(after(timed).spans).toEqual({ turn: 480 });
  expect(after(timed, { ...timed, spans: { tool: 39 } }).spans).toEqual({ turn: 480 });
  expect(after(timed, said("Noon.")).entries[0]).toMatchObject({ spans: { turn: 480 } });
  expect(after(said("Noon."), timed).entries[0]).toMatchObject({ spans: { turn: 480 } });
  expect(after(said("Noon."), { ...timed, response: "r2" }).entries[0]).toMatchObject({ spans: {} });
});

it("shows at once what was typed, and settles it when the gateway has it", () => {
  const typed = type(EMPTY, "typed_1", "what time is it");
  expect(lines(typed)).toEqual(["user partial: what time is it"]);
  const taken = advance(typed, { kind: "user_typed", item: "typed_1", text: "what time is it" });
  expect(lines(taken)).toEqual(["user settled: what time is it"]);
  expect(close(typed).entries[0]).toMatchObject({ state: "unheard", typed: true });
});

it("shows errors that the gateway reports, each on a line of its own", () => {
  const error = (message: string): CallEvent => ({ kind: "error_reported", about: "", code: "some_code", message });
  expect(lines(after(error("The recogniser died."), guessed("a"), settled(""), error("")))).toEqual([
    "notice: The recogniser died.",
    "notice: some_code",
  ]);
});

it("leaves nothing open when the call is over", () => {
  const over = close(after({ kind: "user_started" }, said("It is"), guessed("but")));
  expect(lines(over)).toEqual(["agent cut: It is", "user unheard: but"]);
  expect(over.userSpeaks).toBe(false);
});

it("tells what the call is busy with", () => {
  expect(activity(EMPTY)).toBe("listening");
  expect(activity(after({ kind: "user_started" }))).toBe("hearing");
  expect(activity(after({ kind: "user_started" }, { kind: "user_stopped" }))).toBe("listening");
  expect(activity(after(tool("running")))).toBe("working");
  expect(activity(after(tool("running"), said("One moment.")))).toBe("speaking");
  expect(activity(after(tool("success"), said("Noon."), ended("completed")))).toBe("listening");
});

it("takes notices of the page itself", () => {
  expect(lines(note(EMPTY, "The microphone went away."))).toEqual(["notice: The microphone went away."]);
});
