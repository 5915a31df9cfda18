/** The rules of one call, from the press of the button to its end: what happened goes in, what to do comes out. */

import type { MicrophoneFault } from "../audio/microphone_fault";
import type { CallEvent } from "./events";

/** A session as the gateway made it. */
export interface Session {
  readonly id: string;
  readonly realtimeUrl: string;
  readonly secret: string;
  readonly mode: string;
  /** Why it is not the mode that was wished for, or null. */
  readonly fallbackReason: string | null;
  readonly persona: string;
  readonly voice: string;
}

/** The gateway's answer where it made no session. */
export interface Refusal {
  /** HTTP status, or null when the gateway did not answer at all. */
  readonly status: number | null;
  /** What the gateway says of it, or "". */
  readonly detail: string;
  readonly retryAfterSeconds: number | null;
}

export type Ending =
  | { readonly kind: "hung_up" }
  /** With the reason that it gives, or "". */
  | { readonly kind: "ended_by_gateway"; readonly reason: string }
  | { readonly kind: "replaced" }
  | { readonly kind: "lost" }
  | { readonly kind: "no_sound"; readonly fault: MicrophoneFault }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export type Phase =
  | { readonly kind: "asking" }
  | { readonly kind: "making" }
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "reconnecting" }
  | { readonly kind: "ended"; readonly ending: Ending };

export interface Call {
  readonly phase: Phase;
  readonly session: Session | null;
  /** The number of the last event that arrived; a new connection resumes behind it. */
  readonly after: number | null;
  /** When the connection went, in milliseconds of the page's clock; null while it stands. */
  readonly lostAt: number | null;
  /** Attempts since then. */
  readonly attempts: number;
}

/** What befalls a call; `at` in milliseconds of the page's clock. */
export type Happening =
  /** Loudspeaker and, where it was asked for, microphone are there. */
  | { readonly kind: "sound_opened" }
  | { readonly kind: "microphone_failed"; readonly fault: MicrophoneFault }
  | { readonly kind: "session_made"; readonly session: Session }
  | { readonly kind: "session_refused"; readonly refusal: Refusal }
  | { readonly kind: "socket_opened" }
  | { readonly kind: "event_arrived"; readonly number: number | null; readonly event: CallEvent | null }
  | { readonly kind: "socket_lost"; readonly code: number; readonly reason: string; readonly at: number }
  | { readonly kind: "retry_due" }
  /** The person hung up, or left the page. */
  | { readonly kind: "hung_up" };

export type Order =
  | { readonly kind: "open_sound"; readonly microphone: boolean }
  | { readonly kind: "make_session" }
  | { readonly kind: "connect"; readonly session: Session; readonly after: number | null }
  | { readonly kind: "ask_for_pcm" }
  | { readonly kind: "retry"; readonly afterMs: number }
  /** Close the socket with 1000, which ends the session. */
  | { readonly kind: "close_socket" }
  /** End it by REST, for want of a socket: else it keeps its place until the gateway tires of waiting. */
  | { readonly kind: "end_session"; readonly session: Session }
  /** Let go of microphone, loudspeaker and timers. */
  | { readonly kind: "release" };

export interface Step {
  readonly call: Call;
  readonly orders: readonly Order[];
}

/** The gateway keeps a session this long for a socket that comes back. */
const KEPT_MS = 20_000;

/** The first attempt follows quickly, most losses being short; the later ones spare a gateway that starts anew. */
const BACKOFF_MS = [250, 500, 1_000, 2_000];

/** What the gateway says first, in an error or a close, when another page took the session over. */
const REPLACED = "session_replaced";

/** Closes by which the gateway itself ends the session: normal, and going away (RFC 6455 7.4.1). */
const FINAL_CODES = [1000, 1001];

/** @param microphone False for a call that is typed; it may get one later. */
export function begin(microphone: boolean): Step {
  return {
    call: {
      phase: { kind: microphone ? "asking" : "making" },
      session: null,
      after: null,
      lostAt: null,
      attempts: 0,
    },
    orders: [{ kind: "open_sound", microphone }],
  };
}

/** True from the press of the button until the call's end. */
export function isOpen(call: Call): boolean {
  return call.phase.kind !== "ended";
}

export function step(call: Call, happening: Happening): Step {
  // What was under way when the call ended may still come in.
  if (!isOpen(call)) return { call, orders: happening.kind === "session_made" ? [endingOf(happening.session)] : [] };
  switch (happening.kind) {
    case "sound_opened":
      return { call: { ...call, phase: { kind: "making" } }, orders: [{ kind: "make_session" }] };
    case "microphone_failed":
      return end(call, { kind: "no_sound", fault: happening.fault });
    case "session_made":
      return {
        call: { ...call, phase: { kind: "connecting" }, session: happening.session },
        orders: [{ kind: "connect", session: happening.session, after: null }],
      };
    case "session_refused":
      return end(call, { kind: "refused", refusal: happening.refusal });
    case "socket_opened":
      return { call: { ...call, phase: { kind: "live" }, lostAt: null, attempts: 0 }, orders: [] };
    case "event_arrived":
      return arrive(call, happening.number, happening.event);
    case "socket_lost":
      return lose(call, happening.code, happening.reason, happening.at);
    case "retry_due":
      if (call.session === null) return { call, orders: [] };
      return { call, orders: [{ kind: "connect", session: call.session, after: call.after }] };
    case "hung_up":
      return end(call, { kind: "hung_up" });
  }
}

function arrive(call: Call, number: number | null, event: CallEvent | null): Step {
  const counted = { ...call, after: number ?? call.after };
  if (event?.kind === "error_reported" && event.code === REPLACED) return end(counted, { kind: "replaced" });
  const misfit = event?.kind === "session_opened" && !event.settings.formatsFit;
  return { call: counted, orders: misfit ? [{ kind: "ask_for_pcm" }] : [] };
}

function lose(call: Call, code: number, reason: string, at: number): Step {
  if (reason.startsWith(REPLACED)) return end(call, { kind: "replaced" });
  if (FINAL_CODES.includes(code)) return end(call, { kind: "ended_by_gateway", reason });
  const lostAt = call.lostAt ?? at;
  const afterMs = BACKOFF_MS[call.attempts] ?? BACKOFF_MS.at(-1) ?? 0;
  if (at + afterMs > lostAt + KEPT_MS) return end(call, { kind: "lost" });
  return {
    call: { ...call, phase: { kind: "reconnecting" }, lostAt, attempts: call.attempts + 1 },
    orders: [{ kind: "retry", afterMs }],
  };
}

function end(call: Call, ending: Ending): Step {
  return {
    call: { ...call, phase: { kind: "ended", ending } },
    orders: [{ kind: "close_socket" }, ...unseenEnd(call, ending), { kind: "release" }],
  };
}

/** Ends the session where no socket is open whose close would; one that the gateway ended, or gave to another page, is
 * not ours to end. */
function unseenEnd({ phase, session }: Call, ending: Ending): readonly Order[] {
  const ours = ending.kind === "hung_up" || ending.kind === "lost";
  return ours && phase.kind !== "live" && session !== null ? [endingOf(session)] : [];
}

function endingOf(session: Session): Order {
  return { kind: "end_session", session };
}
