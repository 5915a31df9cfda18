/** OpenAI's Realtime protocol with the gateway's own events: messages of the wire to and from the page's words. */

import type { Played } from "../audio/playout";
import { fromBase64, WIRE_RATE } from "../audio/pcm";
import type { Approval, CallEvent, ResponseStatus, ToolError } from "../call/events";
import { type Json, list, number, object, parse, text } from "./json";

/** One message of the gateway. */
export interface Received {
  /** The number at the end of its `event_id`, for resuming behind it; null where it has none. */
  readonly number: number | null;
  /** Null for a type that the page doesn't use, and for one whose fields are not as they should be. */
  readonly event: CallEvent | null;
}

export function decode(source: string): Received {
  const message = object(parse(source));
  if (message === null) return { number: null, event: null };
  const type = text(message.type) ?? "";
  const read = Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  return { number: eventNumber(message), event: read?.(message) ?? null };
}

function eventNumber(message: Json): number | null {
  const digits = /\d+$/.exec(text(message.event_id) ?? "");
  return digits === null ? null : Number(digits[0]);
}

type Reader = (message: Json) => CallEvent | null;

const READERS: Readonly<Record<string, Reader>> = {
  "session.created": sessionOpened,
  error: (message) => {
    const error = object(message.error);
    if (error === null) return null;
    return {
      kind: "error_reported",
      code: text(error.code) ?? "",
      message: text(error.message) ?? "",
      about: text(error.event_id) ?? "",
    };
  },

  "input_audio_buffer.speech_started": () => ({ kind: "user_started" }),
  "input_audio_buffer.speech_stopped": () => ({ kind: "user_stopped" }),
  "antiphon.partial": userWords("user_guessed", "text"),
  "conversation.item.input_audio_transcription.delta": userWords("user_said", "delta"),
  "conversation.item.input_audio_transcription.completed": userWords("user_settled", "transcript"),
  "conversation.item.input_audio_transcription.failed": (message) => {
    const item = text(message.item_id);
    return item === null ? null : { kind: "user_unheard", item };
  },
  "conversation.item.added": (message) => {
    const item = object(message.item);
    const id = text(item?.id);
    // What was spoken has its words by events of its own.
    const words = list(item?.content)
      .map(object)
      .map((part) => (part?.type === "input_text" ? text(part.text) : null))
      .filter((part) => part !== null);
    return item?.role !== "user" || id === null || words.length === 0
      ? null
      : { kind: "user_typed", item: id, text: words.join(" ") };
  },

  "response.created": (message) => {
    const response = text(object(message.response)?.id);
    return response === null ? null : { kind: "agent_started", response };
  },
  "response.output_audio_transcript.delta": agentWords("agent_said", "delta"),
  "response.output_audio_transcript.done": agentWords("agent_settled", "transcript"),
  "response.output_text.delta": agentWords("agent_said", "delta"),
  "response.output_text.done": agentWords("agent_settled", "text"),
  "response.output_audio.delta": (message) => {
    const response = text(message.response_id);
    const item = text(message.item_id);
    const samples = fromBase64(text(message.delta) ?? "");
    if (response === null || item === null || samples === null) return null;
    return { kind: "agent_sounded", response, item, samples };
  },
  "response.output_audio.done": (message) => {
    const item = text(message.item_id);
    return item === null ? null : { kind: "agent_fell_silent", item };
  },
  "response.done": (message) => {
    const response = object(message.response);
    const id = text(response?.id);
    const status = RESPONSE_STATUSES.find((known) => known === response?.status);
    return id === null || status === undefined ? null : { kind: "agent_ended", response: id, status };
  },
  "output_audio_buffer.cleared": (message) => ({ kind: "audio_cleared", response: text(message.response_id) }),

  "antiphon.barge_in": (message) => {
    const what = text(message.kind);
    const response = text(message.response_id);
    if (what === null || response === null) return null;
    return { kind: "barged_in", what, response, unsaid: text(message.cancelled_text) ?? "" };
  },
  "antiphon.duck": (message) => ({ kind: "ducked", on: message.on === true }),
  "antiphon.tool": (message) => {
    const id = text(message.invocation_id);
    const progress = text(object(message.progress)?.text);
    if (id !== null && progress !== null) return { kind: "tool_progressed", id, text: progress };
    const action = text(message.action);
    const status = text(message.status);
    if (id === null || action === null || status === null) return null;
    return {
      kind: "tool_changed",
      run: {
        id,
        agent: text(message.agent) ?? "",
        action,
        arguments: message.arguments ?? null,
        status,
        result: message.result ?? null,
        error: toolError(message.error),
        requestedAt: text(message.requested_at),
        startedAt: text(message.started_at),
        latencyMs: number(message.latency_ms),
        approval: approval(message.approval),
      },
    };
  },
  "antiphon.continued": (message) => {
    const item = text(message.item_id);
    const of = text(message.of);
    return item === null || of === null ? null : { kind: "user_continued", item, of };
  },
  "antiphon.engine": (message) => {
    const mode = text(message.mode);
    if (mode === null) return null;
    return { kind: "engine_changed", mode, reason: text(message.reason), recognizer: text(message.recognizer) };
  },
  "antiphon.latency": (message) => {
    const spans: Record<string, number> = {};
    for (const [span, ms] of Object.entries(object(message.spans) ?? {})) {
      if (number(ms) !== null) spans[span] = ms as number;
    }
    return { kind: "turn_timed", response: text(message.response_id) ?? "", spans };
  },
};

const RESPONSE_STATUSES: readonly ResponseStatus[] = ["completed", "cancelled", "failed", "incomplete"];

function sessionOpened(message: Json): CallEvent {
  const audio = object(object(message.session)?.audio);
  const fits = (side: unknown) => {
    const format = object(object(side)?.format);
    return format?.type === "audio/pcm" && format.rate === WIRE_RATE;
  };
  const formatsFit = fits(audio?.input) && fits(audio?.output);
  return { kind: "session_opened", settings: { formatsFit, pushToTalk: object(audio?.input)?.turn_detection === null } };
}

function toolError(value: unknown): ToolError | null {
  const error = object(value);
  return error === null ? null : { code: text(error.code) ?? "", message: text(error.message) ?? "" };
}

function approval(value: unknown): Approval | null {
  const asked = object(value);
  const id = text(asked?.approval_id);
  const question = text(asked?.question);
  if (asked === null || id === null || question === null) return null;
  const openMs = Date.parse(text(asked.expires_at) ?? "") - Date.parse(text(asked.asked_at) ?? "");
  const tries = number(asked.tries) ?? 1;
  return { id, question, tries, openMs: Number.isNaN(openMs) ? 0 : openMs, answer: text(asked.answer) };
}

function userWords(kind: "user_guessed" | "user_said" | "user_settled", field: string): Reader {
  return (message) => {
    const item = text(message.item_id);
    const words = text(message[field]);
    return item === null || words === null ? null : { kind, item, text: words };
  };
}

function agentWords(kind: "agent_said" | "agent_settled", field: string): Reader {
  return (message) => {
    const response = text(message.response_id);
    const item = text(message.item_id);
    const words = text(message[field]);
    return response === null || item === null || words === null ? null : { kind, response, item, text: words };
  };
}

/** 20 ms of the microphone, PCM16 in base64. */
export function appendAudio(audio: string): string {
  return JSON.stringify({ type: "input_audio_buffer.append", audio });
}

export function reportPlayed(played: Played): string {
  return JSON.stringify({ type: "antiphon.playback", item_id: played.item, played_ms: played.ms });
}

/** The person's turn is over. */
export function commitTurn(): string {
  return JSON.stringify({ type: "input_audio_buffer.commit" });
}

/** What was sent since the last turn is void. */
export function clearTurn(): string {
  return JSON.stringify({ type: "input_audio_buffer.clear" });
}

/** @param id Comes back with the error, where there is one. */
export function askForAnswer(id?: string): string {
  return JSON.stringify({ type: "response.create", event_id: id });
}

/** What the person typed, as the item `item`. */
export function typeText(item: string, words: string): string {
  const content = [{ type: "input_text", text: words }];
  return JSON.stringify({
    type: "conversation.item.create",
    item: { id: item, type: "message", role: "user", content },
  });
}

/** Answers a question for consent: its item's id is made of its own. */
export function answerApproval(id: string, approve: boolean): string {
  return JSON.stringify({
    type: "conversation.item.create",
    item: { type: "mcp_approval_response", approval_request_id: `mcpr_${id.replaceAll("-", "")}`, approve },
  });
}

/** Asks for the answers as words alone. */
export function askForText(): string {
  return JSON.stringify({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
}

export function cancel(response: string): string {
  return JSON.stringify({ type: "response.cancel", response_id: response });
}

/** Chooses how the person takes the floor. */
export function chooseInput(pushToTalk: boolean): string {
  return JSON.stringify({ type: "antiphon.engine", input_mode: pushToTalk ? "push_to_talk" : "duplex" });
}

/** Asks for PCM16 at 24 kHz both ways. */
export function askForPcm(): string {
  const format = { type: "audio/pcm", rate: WIRE_RATE };
  return JSON.stringify({
    type: "session.update",
    session: { type: "realtime", audio: { input: { format }, output: { format } } },
  });
}

/**
 * The address of a session's socket.
 *
 * @param realtimeUrl As the gateway gave it: absolute, or relative to the page.
 * @param page The page's own address.
 * @param after The last event that arrived, to resume behind it; null at the first connection.
 */
export function socketUrl(realtimeUrl: string, page: string, session: string, after: number | null): string {
  const url = new URL(realtimeUrl, page);
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  if (!url.searchParams.has("session_id")) url.searchParams.set("session_id", session);
  url.searchParams.set("antiphon", "1");
  if (after !== null) url.searchParams.set("after", String(after));
  return url.href;
}

/** The subprotocols by which a browser, which can't set headers, brings its secret. */
export function subprotocols(secret: string): string[] {
  return ["realtime", `openai-insecure-api-key.${secret}`];
}
