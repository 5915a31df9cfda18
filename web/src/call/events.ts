/** What happens in a call, in the page's own words; the wire is translated into these and out of them nowhere else. */

/** Where a tool's run has got to; the words of the gateway's table. */
export interface ToolRun {
  readonly id: string;
  readonly agent: string;
  readonly action: string;
  readonly arguments: unknown;
  readonly status: string;
  readonly result: unknown;
  readonly error: ToolError | null;
  /** Times as ISO 8601, null until they come. */
  readonly requestedAt: string | null;
  readonly startedAt: string | null;
  /** From start to end. */
  readonly latencyMs: number | null;
  /** How the person was asked before it ran, or null where they were not. */
  readonly approval: Approval | null;
}

/** A question for the person's consent. */
export interface Approval {
  readonly id: string;
  readonly question: string;
  /** How often it was asked; each time it is open anew. */
  readonly tries: number;
  /** Milliseconds in which an answer counts, from when it was asked. */
  readonly openMs: number;
  readonly answer: string | null;
}

export interface ToolError {
  readonly code: string;
  readonly message: string;
}

/** Milliseconds by span. */
export type Spans = Readonly<Record<string, number>>;

export type ResponseStatus = "completed" | "cancelled" | "failed" | "incomplete";

/** What the gateway tells of the session when it opens or changes. */
export interface SessionSettings {
  /** True when both directions already are PCM16 at 24 kHz. */
  readonly formatsFit: boolean;
  /** Turns of the person end when the page says so. */
  readonly pushToTalk: boolean;
}

export type CallEvent =
  | { readonly kind: "session_opened"; readonly settings: SessionSettings }
  | {
      readonly kind: "error_reported";
      readonly code: string;
      readonly message: string;
      /** The `event_id` of the message of ours that it is about, or "". */
      readonly about: string;
    }
  | { readonly kind: "user_started" }
  | { readonly kind: "user_stopped" }
  /** The words so far; replaces what came before. */
  | { readonly kind: "user_guessed"; readonly item: string; readonly text: string }
  /** Words that will not change; they come behind those before. */
  | { readonly kind: "user_said"; readonly item: string; readonly text: string }
  /** The whole turn; empty when nothing was understood. */
  | { readonly kind: "user_settled"; readonly item: string; readonly text: string }
  | { readonly kind: "user_unheard"; readonly item: string }
  /** The gateway has what was typed. */
  | { readonly kind: "user_typed"; readonly item: string; readonly text: string }
  /** What the person says goes on with a turn that was taken for over. */
  | { readonly kind: "user_continued"; readonly item: string; readonly of: string }
  | { readonly kind: "agent_started"; readonly response: string }
  | { readonly kind: "agent_said"; readonly response: string; readonly item: string; readonly text: string }
  | { readonly kind: "agent_settled"; readonly response: string; readonly item: string; readonly text: string }
  | {
      readonly kind: "agent_sounded";
      readonly response: string;
      readonly item: string;
      /** PCM16 at 24 kHz. */
      readonly samples: Int16Array;
    }
  | { readonly kind: "agent_fell_silent"; readonly item: string }
  | { readonly kind: "agent_ended"; readonly response: string; readonly status: ResponseStatus }
  /** What the gateway had sent is void; null means all of it. */
  | { readonly kind: "audio_cleared"; readonly response: string | null }
  | {
      readonly kind: "barged_in";
      /** `barge_in`, or what it was instead: `backchannel`, `false_alarm`, `echo`. */
      readonly what: string;
      readonly response: string;
      /** The words that the agent did not get to say, or "". */
      readonly unsaid: string;
    }
  | { readonly kind: "ducked"; readonly on: boolean }
  | { readonly kind: "tool_changed"; readonly run: ToolRun }
  | { readonly kind: "tool_progressed"; readonly id: string; readonly text: string }
  | {
      readonly kind: "engine_changed";
      readonly mode: string;
      readonly reason: string | null;
      /** Who makes words of the person's sound, or null where the gateway doesn't say. */
      readonly recognizer: string | null;
    }
  /** What was measured until `response` began to sound. */
  | { readonly kind: "turn_timed"; readonly response: string; readonly spans: Spans };
