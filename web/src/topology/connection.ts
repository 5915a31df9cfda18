/** Follows the gateway's stream, and comes again when it breaks; tells how it stands. */

import { parse } from "../wire/json";
import { authorization } from "../wire/key";
import { readRefusal } from "../wire/rest";
import { EventStream } from "./event_stream";
import type { Told } from "./model";
import { readEvent } from "./read";

const STREAM = "/api/mas/voice/topology/stream";

/** The gateway gives a sign of life every 5 s. */
const SILENCE_MS = 15_000;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

export type Standing =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** It broke, or could not be had, `since` then (milliseconds since 1970); it is tried again. */
  | { readonly kind: "lost"; readonly since: number; readonly detail: string }
  /** The gateway wants a key, or another one. */
  | { readonly kind: "key_needed" };

/** How long to wait before the nth attempt in a row. */
export function pauseMs(attempt: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
}

class Unauthorized extends Error {}

export interface Follower {
  onTold(told: Told): void;
  onStanding(standing: Standing): void;
}

export class Connection {
  private controller = new AbortController();
  private attempt = 0;
  private lostSince: number | null = null;

  constructor(private readonly follower: Follower) {
    void this.keepOn(this.controller.signal);
  }

  /** Begins anew at once: another key was given, or somebody does not want to wait. */
  again(): void {
    this.controller.abort();
    this.controller = new AbortController();
    this.attempt = 0;
    void this.keepOn(this.controller.signal);
  }

  private async keepOn(signal: AbortSignal): Promise<void> {
    if (this.lostSince === null) this.follower.onStanding({ kind: "connecting" });
    for (;;) {
      const detail = await this.follow(signal).catch((error: unknown) => error);
      if (signal.aborted) return;
      if (detail instanceof Unauthorized) {
        this.follower.onStanding({ kind: "key_needed" });
        return;
      }
      this.lostSince ??= Date.now();
      const pause = pauseMs(this.attempt);
      this.attempt += 1;
      this.follower.onStanding({
        kind: "lost",
        since: this.lostSince,
        detail: detail instanceof Error ? detail.message : "",
      });
      await slept(pause, signal);
    }
  }

  /** Reads one stream to its end. */
  private async follow(signal: AbortSignal): Promise<void> {
    const silence = new AbortController();
    let timer = setTimeout(() => { silence.abort(); }, SILENCE_MS);
    try {
      const response = await fetch(STREAM, {
        headers: { accept: "text/event-stream", ...authorization() },
        cache: "no-store",
        signal: AbortSignal.any([signal, silence.signal]),
      });
      if (!response.ok || response.body === null) throw await refusal(response);
      const chunks = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const stream = new EventStream();
      for (;;) {
        const read = await chunks.read();
        if (read.done) return;
        clearTimeout(timer);
        timer = setTimeout(() => { silence.abort(); }, SILENCE_MS);
        for (const event of stream.feed(read.value)) this.take(readEvent(event.name, event.data));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  private take(told: Told | null): void {
    if (told === null) return;
    if (told.whole) {
      this.attempt = 0;
      this.lostSince = null;
      this.follower.onStanding({ kind: "live" });
    }
    this.follower.onTold(told);
  }
}

async function refusal(response: Response): Promise<Error> {
  const { detail } = readRefusal(response.status, parse(await response.text()), null);
  return response.status === 401 ? new Unauthorized(detail) : new Error(detail);
}

function slept(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
