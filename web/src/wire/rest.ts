/** The gateway's REST answers that the page asks for. */

import type { Refusal, Session } from "../call/call";
import { list, number, object, parse, text } from "./json";
import { authorization } from "./key";

/** A gateway on this machine answers in milliseconds; one that has not by now won't. */
const PATIENCE_MS = 15_000;

const DUPLEX = "/api/mas/voice/duplex/session";
const SESSIONS = "/api/mas/voice/sessions";

/** A persona or a voice that can be chosen. */
export interface Choice {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly isDefault: boolean;
}

/** Whether an engine could be had now. */
export interface Offer {
  readonly mode: string;
  readonly available: boolean;
  /** Why it can't be had; "" where it can, or where the gateway doesn't say. */
  readonly reason: string;
  /** Calls that it could take now, or null where the gateway doesn't say. */
  readonly free: number | null;
  /** How long its answers take, in milliseconds; null where that was not measured. */
  readonly latencyMs: number | null;
}

export interface Wish {
  /** An engine, or `auto`. */
  readonly mode: string;
  readonly persona: string;
  /** "" for the persona's own. */
  readonly voice: string;
  readonly pushToTalk: boolean;
  readonly timezone: string;
}

/** No session came of it; says why. */
export class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.detail);
  }
}

export function personas(): Promise<Choice[]> {
  return choices("/api/personas", "personas");
}

export function voices(): Promise<Choice[]> {
  return choices("/api/voices", "voices");
}

/** The engines, the best first. */
export async function offers(): Promise<Offer[]> {
  const { body } = await request(DUPLEX);
  return readOffers(body);
}

/**
 * Makes a session.
 *
 * @throws Refused
 */
export async function makeSession(wish: Wish): Promise<Session> {
  const { body } = await request(DUPLEX, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      mode: wish.mode,
      persona: wish.persona,
      // Left out, the persona speaks with its own voice.
      ...(wish.voice === "" ? {} : { voice: wish.voice }),
      input_mode: wish.pushToTalk ? "push_to_talk" : "duplex",
      metadata: { timezone: wish.timezone },
    }),
  });
  const session = readSession(body);
  if (session === null) throw new Refused({ status: null, detail: "The answer was no session.", retryAfterSeconds: null });
  return session;
}

/** Where a session is read and ended. */
export function addressOf(sessionId: string): string {
  return `${SESSIONS}/${encodeURIComponent(sessionId)}`;
}

/**
 * Ends a session; also where the page is about to go.
 *
 * @throws Refused
 */
export async function endSession(id: string): Promise<void> {
  await request(addressOf(id), { method: "DELETE", keepalive: true });
}

export function readSession(body: unknown): Session | null {
  const fields = object(body);
  const id = text(fields?.session_id);
  const realtimeUrl = text(fields?.realtime_url);
  const secret = text(object(fields?.client_secret)?.value);
  if (fields === null || id === null || realtimeUrl === null || secret === null) return null;
  return {
    id,
    realtimeUrl,
    secret,
    mode: text(fields.mode) ?? "",
    fallbackReason: text(fields.fallback_reason),
    persona: text(fields.persona) ?? "",
    voice: text(fields.voice) ?? "",
  };
}

/** The rows of a list that name something; the list may stand alone or in a field. */
export function readChoices(body: unknown, field: string): Choice[] {
  const rows = Array.isArray(body) ? body : list(object(body)?.[field]);
  return rows.flatMap((row) => {
    const fields = object(row);
    const name = text(fields?.name);
    if (fields === null || name === null) return [];
    const title = text(fields.title) ?? name;
    return [{ name, title, description: text(fields.description) ?? "", isDefault: fields.default === true }];
  });
}

/** RFC 9457: `detail` says what is wrong with this request, `title` with its kind. */
export function readRefusal(status: number, body: unknown, retryAfter: string | null): Refusal {
  const problem = object(body);
  const seconds = Number(retryAfter ?? "");
  return {
    status,
    detail: text(problem?.detail) ?? text(problem?.title) ?? "",
    // The header may also hold a date, which is not worth a sentence here.
    retryAfterSeconds: seconds > 0 ? Math.ceil(seconds) : null,
  };
}

export function readOffers(body: unknown): Offer[] {
  return list(object(body)?.engines).flatMap((row) => {
    const fields = object(row);
    const mode = text(fields?.mode);
    if (fields === null || mode === null) return [];
    return [
      {
        mode,
        available: fields.available === true,
        reason: text(fields.reason) ?? "",
        free: number(fields.slots_free),
        latencyMs: number(fields.latency_ms),
      },
    ];
  });
}

async function choices(path: string, field: string): Promise<Choice[]> {
  const { body } = await request(path);
  return readChoices(body, field);
}

interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The request outlives the page. */
  readonly keepalive?: boolean;
}

/**
 * One request; its answer as JSON.
 *
 * @throws Refused
 */
export async function request(path: string, init: Asking = {}): Promise<{ body: unknown }> {
  let response: Response;
  let body: unknown;
  try {
    const headers = { ...authorization(), ...init.headers };
    response = await fetch(path, { ...init, headers, signal: AbortSignal.timeout(PATIENCE_MS) });
    body = parse(await response.text());
  } catch (error) {
    const detail = error instanceof Error ? error.message : "";
    throw new Refused({ status: null, detail, retryAfterSeconds: null });
  }
  if (!response.ok) throw new Refused(readRefusal(response.status, body, response.headers.get("retry-after")));
  return { body };
}
