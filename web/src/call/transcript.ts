/** The conversation as it stands on the page: a list of entries in the order in which each began. */

import type { CallEvent, ResponseStatus, Spans, ToolRun } from "./events";

export interface UserEntry {
  readonly kind: "user";
  readonly id: string;
  /** The wire's items that it is made of: more than one where the person went on after a pause. */
  readonly items: readonly string[];
  /** What the items before the last one say, or "". */
  readonly earlier: string;
  /** What the last one says. */
  readonly text: string;
  /** `partial`: may still change. `unheard`: the recogniser gave up, these were its last words. */
  readonly state: "partial" | "settled" | "unheard";
  /** The text is a guess at the whole turn, which appended words would double. */
  readonly guessed: boolean;
  /** Written, not spoken; `partial` until the gateway has it. */
  readonly typed: boolean;
}

export interface AgentEntry {
  readonly kind: "agent";
  readonly id: string;
  readonly response: string;
  readonly text: string;
  /** What the agent was about to say when it was cut. */
  readonly unsaid: string;
  readonly state: "speaking" | "done" | "cut" | "failed";
  /** The person spoke over it. */
  readonly bargedIn: boolean;
  /** What was measured until it began to sound. */
  readonly spans: Spans;
}

export interface ToolEntry {
  readonly kind: "tool";
  readonly id: string;
  readonly run: ToolRun;
  /** What the tool said of its work, in order. */
  readonly progress: readonly string[];
}

export interface NoticeEntry {
  readonly kind: "notice";
  readonly id: string;
  readonly text: string;
}

export type Entry = UserEntry | AgentEntry | ToolEntry | NoticeEntry;

export interface Transcript {
  readonly entries: readonly Entry[];
  readonly userSpeaks: boolean;
  /** No words were made out in what the person said last. */
  readonly wordless: boolean;
  /** What was measured, by response: it may be told before the response has a word to show. */
  readonly timings: Readonly<Record<string, Spans>>;
  /** Of the last response that was waited for. */
  readonly spans: Spans;
}

export const EMPTY: Transcript = { entries: [], userSpeaks: false, wordless: false, timings: {}, spans: {} };

/** What the gateway says when it no longer has all events since the connection went. */
const GAP = "resync_required";

/** What the gateway says when there are no words to answer. */
const NO_WORDS = "no_input";

/** The person and the gateway acted at the same moment; there is nothing to tell. */
const CROSSED = ["response_cancel_not_active", "conversation_already_has_active_response"];

/** Lines of a tool's work that are kept; the last tell most. */
const MOST_PROGRESS = 50;

/** What the call is busy with, for the status line. */
export type Activity = "listening" | "hearing" | "wordless" | "working" | "speaking";

/** The conversation after one more event. Entries that did not change stay the same objects. */
export function advance(transcript: Transcript, event: CallEvent): Transcript {
  switch (event.kind) {
    case "user_started":
      return { ...transcript, userSpeaks: true, wordless: false };
    case "user_stopped":
      return { ...transcript, userSpeaks: false };
    case "user_guessed":
      return user(transcript, event.item, (entry) => ({ ...entry, text: event.text, guessed: true }));
    case "user_said":
      return user(transcript, event.item, (entry) =>
        entry.guessed ? entry : { ...entry, text: entry.text + event.text },
      );
    case "user_settled":
      return settle(transcript, event.item, event.text.trim());
    case "user_unheard":
      return user(transcript, event.item, (entry) => ({ ...entry, state: "unheard" }));
    case "user_typed":
      return type(transcript, event.item, event.text, "settled");
    case "user_continued":
      return goOn(transcript, event.item, event.of);
    case "agent_started":
      return { ...transcript, wordless: false };
    case "agent_said":
      return agent(transcript, event.response, event.item, (entry) => ({ ...entry, text: entry.text + event.text }));
    case "agent_settled":
      return agent(transcript, event.response, event.item, (entry) => withTruth(entry, event.text));
    case "agent_ended":
      return endResponse(transcript, event.response, event.status);
    case "barged_in":
      return event.what === "barge_in" ? markBargeIn(transcript, event.response, event.unsaid) : transcript;
    case "tool_changed":
      return changeTool(transcript, event.run);
    case "tool_progressed":
      return progress(transcript, event.id, event.text);
    case "turn_timed":
      return time(transcript, event.response, event.spans);
    case "error_reported":
      if (event.code === GAP) return note(close(transcript), "Some of what happened meanwhile is missing here.");
      if (event.code === NO_WORDS) return { ...transcript, wordless: true };
      if (CROSSED.includes(event.code)) return transcript;
      return note(transcript, event.message === "" ? event.code : event.message);
    default:
      return transcript;
  }
}

/** The conversation once nothing more will come: nobody speaks, and what was open is cut. */
export function close(transcript: Transcript): Transcript {
  const entries = transcript.entries.map((entry): Entry => {
    // Nobody can answer any more; the gateway lets it go.
    if (entry.kind === "tool" && entry.run.status === "awaiting_approval") {
      return { ...entry, run: { ...entry.run, status: "cancelled" } };
    }
    if (entry.kind === "agent" && entry.state === "speaking") return { ...entry, state: "cut" };
    if (entry.kind === "user" && entry.state === "partial") return { ...entry, state: "unheard" };
    return entry;
  });
  return { ...transcript, entries, userSpeaks: false };
}

export function note(transcript: Transcript, text: string): Transcript {
  const before = transcript.entries.filter((entry) => entry.kind === "notice").length;
  return put(transcript, { kind: "notice", id: `notice:${before}`, text });
}

export function activity(transcript: Transcript): Activity {
  if (transcript.entries.some((entry) => entry.kind === "agent" && entry.state === "speaking")) return "speaking";
  if (transcript.userSpeaks) return "hearing";
  if (transcript.entries.some((entry) => entry.kind === "tool" && isRunning(entry.run))) return "working";
  return transcript.wordless ? "wordless" : "listening";
}

/** The conversation as the person takes the floor by hand. */
export function take(transcript: Transcript): Transcript {
  return { ...transcript, wordless: false };
}

/** The conversation with what the person typed as the item `item`. */
export function type(
  transcript: Transcript,
  item: string,
  text: string,
  state: "partial" | "settled" = "partial",
): Transcript {
  const entry = userEntry(transcript, item) ?? newUser(item);
  return put({ ...transcript, wordless: false }, { ...entry, text, state, typed: true });
}

/** All that the person says in one turn. */
export function wordsOf(entry: UserEntry): string {
  return [entry.earlier, entry.text].filter((words) => words.trim() !== "").join(" ");
}

export function isRunning(run: ToolRun): boolean {
  return ["requested", "awaiting_approval", "running"].includes(run.status);
}

function user(transcript: Transcript, item: string, change: (entry: UserEntry) => UserEntry): Transcript {
  const entry = userEntry(transcript, item) ?? newUser(item);
  // Only the last of its items can still change.
  if (entry.state === "settled" || entry.items.at(-1) !== item) return transcript;
  const changed = change(entry);
  // A bubble appears with its first word; voice activity alone may be a cough.
  return wordsOf(changed) === "" ? remove(transcript, entry.id) : put(transcript, changed);
}

function settle(transcript: Transcript, item: string, text: string): Transcript {
  const entry = userEntry(transcript, item) ?? newUser(item);
  if (entry.items.at(-1) !== item) return transcript;
  const settled: UserEntry = { ...entry, text, state: "settled" };
  return wordsOf(settled) === "" ? remove(transcript, entry.id) : put(transcript, settled);
}

/** Makes one bubble of two: the person went on with what they had said. */
function goOn(transcript: Transcript, item: string, of: string): Transcript {
  const first = userEntry(transcript, of);
  if (first === undefined || first.items.includes(item)) return transcript;
  const { text, state, guessed, id } = userEntry(transcript, item) ?? newUser(item);
  const whole = { ...first, items: [...first.items, item], earlier: wordsOf(first), text, state, guessed };
  return put(remove(transcript, id), whole);
}

function userEntry(transcript: Transcript, item: string): UserEntry | undefined {
  return transcript.entries.find((entry): entry is UserEntry => entry.kind === "user" && entry.items.includes(item));
}

function newUser(item: string): UserEntry {
  return {
    kind: "user",
    id: `user:${item}`,
    items: [item],
    earlier: "",
    text: "",
    state: "partial",
    guessed: false,
    typed: false,
  };
}

function agent(
  transcript: Transcript,
  response: string,
  item: string,
  change: (entry: AgentEntry) => AgentEntry,
): Transcript {
  const id = `agent:${item}`;
  const known = find(transcript, id);
  const entry: AgentEntry =
    known?.kind === "agent"
      ? known
      : {
          kind: "agent",
          id,
          response,
          text: "",
          unsaid: "",
          state: "speaking",
          bargedIn: false,
          spans: transcript.timings[response] ?? {},
        };
  // Words of a response that was cut may still be under way.
  if (entry.state !== "speaking") return transcript;
  const changed = change(entry);
  return changed.text === "" && changed.unsaid === "" ? transcript : put(transcript, changed);
}

/** The whole transcript is the truth: where less was said than shown, the rest is marked. */
function withTruth(entry: AgentEntry, said: string): AgentEntry {
  const unsaid = entry.text.startsWith(said) ? entry.text.slice(said.length).trim() : "";
  return { ...entry, text: said, unsaid };
}

function endResponse(transcript: Transcript, response: string, status: ResponseStatus): Transcript {
  const states = { completed: "done", cancelled: "cut", incomplete: "cut", failed: "failed" } as const;
  return mapResponse(transcript, response, (entry) =>
    entry.state === "speaking" ? { ...entry, state: states[status] } : entry,
  );
}

function markBargeIn(transcript: Transcript, response: string, unsaid: string): Transcript {
  return mapResponse(transcript, response, (entry) => ({
    ...entry,
    bargedIn: true,
    unsaid: unsaid === "" ? entry.unsaid : unsaid,
  }));
}

function changeTool(transcript: Transcript, run: ToolRun): Transcript {
  const id = `tool:${run.id}`;
  const known = find(transcript, id);
  return put(transcript, { kind: "tool", id, run, progress: known?.kind === "tool" ? known.progress : [] });
}

function progress(transcript: Transcript, run: string, text: string): Transcript {
  const entry = find(transcript, `tool:${run}`);
  // Some tools say the same at every step.
  if (entry?.kind !== "tool" || text === "" || entry.progress.at(-1) === text) return transcript;
  return put(transcript, { ...entry, progress: [...entry.progress, text].slice(-MOST_PROGRESS) });
}

function time(transcript: Transcript, response: string, spans: Spans): Transcript {
  const timings = { ...transcript.timings, [response]: spans };
  // A tool's result was not waited for as the first word was.
  const last = spans.turn === undefined ? transcript.spans : spans;
  return mapResponse({ ...transcript, timings, spans: last }, response, (entry) => ({ ...entry, spans }));
}

function mapResponse(
  transcript: Transcript,
  response: string,
  change: (entry: AgentEntry) => AgentEntry,
): Transcript {
  const entries = transcript.entries.map((entry) =>
    entry.kind === "agent" && entry.response === response ? change(entry) : entry,
  );
  return { ...transcript, entries };
}

function find(transcript: Transcript, id: string): Entry | undefined {
  return transcript.entries.find((entry) => entry.id === id);
}

function put(transcript: Transcript, entry: Entry): Transcript {
  const known = transcript.entries.some((other) => other.id === entry.id);
  const entries = known
    ? transcript.entries.map((other) => (other.id === entry.id ? entry : other))
    : [...transcript.entries, entry];
  return { ...transcript, entries };
}

function remove(transcript: Transcript, id: string): Transcript {
  const entries = transcript.entries.filter((entry) => entry.id !== id);
  return entries.length === transcript.entries.length ? transcript : { ...transcript, entries };
}
