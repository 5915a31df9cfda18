import { expect, it } from "vitest";

import { toBase64 } from "../../src/audio/pcm";
import {
  answerApproval,
  appendAudio,
  askForAnswer,
  askForPcm,
  askForText,
  cancel,
  chooseInput,
  clearTurn,
  commitTurn,
  decode,
  reportPlayed,
  socketUrl,
  subprotocols,
  typeText,
} from "../../src/wire/realtime";

function event(message: Record<string, unknown>) {
  return decode(JSON.stringify({ event_id: "event_0000017", ...message })).event;
}

it("reads the number at the end of an event's id", () => {
  expect(decode('{"type": "x", "event_id": "event_0000017"}').number).toBe(17);
  expect(decode('{"type": "x"}').number).toBeNull();
});

it.each(["", "[]", "null", "{", '{"type": 5}', '{"type": "rate_limits.updated"}', '{"type": "constructor"}'])(
  "passes over what it does not know: %s",
  (source) => {
    expect(decode(source).event).toBeNull();
  },
);

it("passes over an event whose fields are not as they should be", () => {
  expect(event({ type: "antiphon.partial", item_id: "i1", text: 5 })).toBeNull();
  expect(event({ type: "response.output_audio.delta", response_id: "r1", item_id: "i1", delta: "?!" })).toBeNull();
  expect(event({ type: "response.done", response: { id: "r1", status: "on fire" } })).toBeNull();
});

it("reads the user's words in their three forms", () => {
  expect(event({ type: "antiphon.partial", item_id: "i1", text: "what" })).toEqual({
    kind: "user_guessed",
    item: "i1",
    text: "what",
  });
  const transcription = "conversation.item.input_audio_transcription";
  expect(event({ type: `${transcription}.delta`, item_id: "i1", delta: "what" })).toMatchObject({ kind: "user_said" });
  expect(event({ type: `${transcription}.completed`, item_id: "i1", transcript: "What?" })).toEqual({
    kind: "user_settled",
    item: "i1",
    text: "What?",
  });
});

it("reads the agent's sound with the response that it belongs to", () => {
  const samples = Int16Array.of(1, -2, 3);
  const delta = toBase64(samples);
  expect(event({ type: "response.output_audio.delta", response_id: "r1", item_id: "i1", delta })).toEqual({
    kind: "agent_sounded",
    response: "r1",
    item: "i1",
    samples,
  });
});

it("reads how a response ended", () => {
  expect(event({ type: "response.done", response: { id: "r1", status: "cancelled" } })).toEqual({
    kind: "agent_ended",
    response: "r1",
    status: "cancelled",
  });
});

it("takes cleared audio without a response for all of it", () => {
  expect(event({ type: "output_audio_buffer.cleared" })).toEqual({ kind: "audio_cleared", response: null });
});

it("reads a tool's row, and nulls for what it does not hold yet", () => {
  expect(event({ type: "antiphon.tool", invocation_id: "t1", action: "time_in", status: "running" })).toEqual({
    kind: "tool_changed",
    run: {
      id: "t1",
      agent: "",
      action: "time_in",
      arguments: null,
      status: "running",
      result: null,
      error: null,
      requestedAt: null,
      startedAt: null,
      latencyMs: null,
      approval: null,
    },
  });
});

it("reads when a tool was asked for and began", () => {
  const row = { type: "antiphon.tool", invocation_id: "t1", action: "time_in", status: "running" };
  const times = { requested_at: "2026-01-31T12:00:00Z", started_at: "2026-01-31T12:00:01Z" };
  expect(event({ ...row, ...times })).toMatchObject({
    run: { requestedAt: "2026-01-31T12:00:00Z", startedAt: "2026-01-31T12:00:01Z" },
  });
});

it("reads how the person is asked, and answers that very question", () => {
  const row = { type: "antiphon.tool", invocation_id: "t1", action: "wipe", status: "awaiting_approval" };
  const approval = {
    approval_id: "01a2-b3",
    question: "Shall I wipe it?",
    asked_at: "2026-01-31T12:00:00Z",
    expires_at: "2026-01-31T12:00:30Z",
    tries: 2,
    answer: null,
  };
  expect(event({ ...row, approval })).toMatchObject({
    run: { approval: { id: "01a2-b3", question: "Shall I wipe it?", tries: 2, openMs: 30_000, answer: null } },
  });
  expect(JSON.parse(answerApproval("01a2-b3", false))).toEqual({
    type: "conversation.item.create",
    item: { type: "mcp_approval_response", approval_request_id: "mcpr_01a2b3", approve: false },
  });
});

it("types, asks for an answer that can be told apart, and for words alone", () => {
  expect(JSON.parse(typeText("typed_1", "hello"))).toEqual({
    type: "conversation.item.create",
    item: { id: "typed_1", type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] },
  });
  expect(JSON.parse(askForAnswer("ask-1"))).toEqual({ type: "response.create", event_id: "ask-1" });
  expect(JSON.parse(askForText())).toMatchObject({ session: { output_modalities: ["text"] } });
});

it("takes a typed item for what the person typed, and leaves spoken ones to their own events", () => {
  const added = (role: string, content: unknown) =>
    event({ type: "conversation.item.added", item: { id: "i1", type: "message", role, content } });
  expect(added("user", [{ type: "input_text", text: "hello" }])).toEqual({
    kind: "user_typed",
    item: "i1",
    text: "hello",
  });
  expect(added("user", [{ type: "input_audio", transcript: null }])).toBeNull();
  expect(added("assistant", [{ type: "output_audio" }])).toBeNull();
});

it("reads answers that come in words alone", () => {
  const place = { response_id: "r1", item_id: "i1" };
  expect(event({ type: "response.output_text.delta", ...place, delta: "It" })).toMatchObject({ kind: "agent_said" });
  expect(event({ type: "response.output_text.done", ...place, text: "It is." })).toMatchObject({
    kind: "agent_settled",
    text: "It is.",
  });
});

it("reads which of our messages an error is about", () => {
  expect(event({ type: "error", error: { code: "no_input", message: "Nothing.", event_id: "ask-1" } })).toEqual({
    kind: "error_reported",
    code: "no_input",
    message: "Nothing.",
    about: "ask-1",
  });
});

it("reads why a tool failed, and what it says while it works", () => {
  const failed = { type: "antiphon.tool", invocation_id: "t1", action: "time_in", status: "error" };
  expect(event({ ...failed, error: { code: "no_place", message: "No such place." } })).toMatchObject({
    run: { error: { code: "no_place", message: "No such place." } },
  });
  expect(
    event({ type: "antiphon.tool", invocation_id: "t1", status: "running", progress: { text: "asking", fraction: null } }),
  ).toEqual({ kind: "tool_progressed", id: "t1", text: "asking" });
});

it("keeps of the spans those that were measured", () => {
  expect(event({ type: "antiphon.latency", response_id: "r1", spans: { turn: 480.5, tool: null } })).toEqual({
    kind: "turn_timed",
    response: "r1",
    spans: { turn: 480.5 },
  });
});

it("notices a session that speaks another sound format", () => {
  const session = (rate: number) => {
    const format = { type: "audio/pcm", rate };
    return event({ type: "session.created", session: { audio: { input: { format }, output: { format } } } });
  };
  expect(session(24_000)).toMatchObject({ settings: { formatsFit: true } });
  expect(session(8_000)).toMatchObject({ settings: { formatsFit: false } });
});

it("tells a session whose turns end by hand", () => {
  const session = (turn_detection: unknown) =>
    event({ type: "session.created", session: { audio: { input: { turn_detection } } } });
  expect(session(null)).toMatchObject({ settings: { pushToTalk: true } });
  expect(session({ type: "server_vad" })).toMatchObject({ settings: { pushToTalk: false } });
});

it("reads that a turn goes on", () => {
  expect(event({ type: "antiphon.continued", item_id: "i2", of: "i1" })).toEqual({
    kind: "user_continued",
    item: "i2",
    of: "i1",
  });
  expect(event({ type: "antiphon.continued", item_id: "i2" })).toBeNull();
});

it("writes what push-to-talk has to say", () => {
  expect(JSON.parse(commitTurn())).toEqual({ type: "input_audio_buffer.commit" });
  expect(JSON.parse(clearTurn())).toEqual({ type: "input_audio_buffer.clear" });
  expect(JSON.parse(askForAnswer())).toEqual({ type: "response.create" });
  expect(JSON.parse(cancel("resp_1"))).toEqual({ type: "response.cancel", response_id: "resp_1" });
  expect(JSON.parse(chooseInput(true))).toEqual({ type: "antiphon.engine", input_mode: "push_to_talk" });
  expect(JSON.parse(chooseInput(false))).toEqual({ type: "antiphon.engine", input_mode: "duplex" });
});

it("writes the three messages that go up by themselves", () => {
  expect(JSON.parse(appendAudio("AAA="))).toEqual({ type: "input_audio_buffer.append", audio: "AAA=" });
  expect(JSON.parse(reportPlayed({ item: "i1", ms: 120, ended: false }))).toEqual({
    type: "antiphon.playback",
    item_id: "i1",
    played_ms: 120,
  });
  const format = { type: "audio/pcm", rate: 24_000 };
  expect(JSON.parse(askForPcm())).toMatchObject({ session: { audio: { input: { format }, output: { format } } } });
});

it("addresses the session's socket, whatever form its address came in", () => {
  const page = "https://voice.example/voice-duplex";
  expect(socketUrl("/v1/realtime?session_id=s1", page, "s1", null)).toBe(
    "wss://voice.example/v1/realtime?session_id=s1&antiphon=1",
  );
  expect(socketUrl("ws://127.0.0.1:8999/v1/realtime", page, "s1", 17)).toBe(
    "ws://127.0.0.1:8999/v1/realtime?session_id=s1&antiphon=1&after=17",
  );
});

it("brings the secret as a subprotocol", () => {
  expect(subprotocols("ek_1")).toEqual(["realtime", "openai-insecure-api-key.ek_1"]);
});
