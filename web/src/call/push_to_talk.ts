/** Push-to-talk: which of the microphone's sound goes up, and what the gateway is told at press and release.
 *
 * Time is counted in chunks of the microphone, so that nothing here needs a clock. */

import type { Captured } from "../audio/messages";
import { CHUNK_MS } from "../audio/pcm";
import type { CallEvent } from "./events";

/** People press late: the sound of this long before the press goes up with it. */
const PRE_ROLL_CHUNKS = Math.ceil(200 / CHUNK_MS);

/** And they release early. */
const TAIL_CHUNKS = Math.ceil(150 / CHUNK_MS);

/** A shorter press is one by mistake, or only to silence the agent, unless something was said in it. */
const TAP_CHUNKS = Math.ceil(150 / CHUNK_MS);

/** Root mean square of a chunk in which somebody may speak; -34 dBFS. */
const LOUD = 0.02;

/** 60 ms; the click of the key itself is shorter. */
const SPOKEN_CHUNKS = Math.ceil(60 / CHUNK_MS);

export type FloorOrder =
  | { readonly kind: "send"; readonly chunk: Captured }
  /** The turn is over: take it, and answer. */
  | { readonly kind: "commit" }
  /** Forget what went up since the last turn. */
  | { readonly kind: "clear" }
  /** The agent is to stop saying this. */
  | { readonly kind: "cancel"; readonly response: string }
  /** Nothing of what the loudspeaker still holds is to be heard. */
  | { readonly kind: "hush" };

export class PushToTalk {
  /** `ending`: released, and its last sound still goes up. */
  private phase: "up" | "held" | "ending" = "up";
  private readonly recent: Captured[] = [];
  /** Responses that the agent has begun and not ended. */
  private readonly open = new Set<string>();
  private userSpeaks = false;
  private sent = 0;
  private heldFor = 0;
  private loud = 0;
  private left = 0;

  get held(): boolean {
    return this.phase === "held";
  }

  /** What is to happen as push-to-talk begins in a running call: a turn of the person's that is under way is over. */
  begin(): FloorOrder[] {
    return [{ kind: this.userSpeaks ? "commit" : "clear" }];
  }

  /** The person wants the floor: whatever the agent says is cut. */
  press(): FloorOrder[] {
    if (this.phase === "held") return [];
    const goesOn = this.phase === "ending";
    this.phase = "held";
    if (goesOn) return [];
    this.sent = this.heldFor = this.loud = 0;
    const cancelled = [...this.open].map((response): FloorOrder => ({ kind: "cancel", response }));
    this.open.clear();
    const before = this.recent.splice(0).map((chunk) => this.send(chunk));
    return [...cancelled, { kind: "hush" }, ...before];
  }

  /** The last sound of the turn still comes, as chunks. */
  release(): void {
    if (this.phase !== "held") return;
    this.phase = "ending";
    this.left = TAIL_CHUNKS;
  }

  /** The next 20 ms of the microphone. */
  push(chunk: Captured): FloorOrder[] {
    if (this.phase === "up") {
      this.recent.push(chunk);
      if (this.recent.length > PRE_ROLL_CHUNKS) this.recent.shift();
      return [];
    }
    if (chunk.level >= LOUD) this.loud += 1;
    if (this.phase === "held") {
      this.heldFor += 1;
      return [this.send(chunk)];
    }
    this.left -= 1;
    return [this.send(chunk), ...(this.left === 0 ? this.finish() : [])];
  }

  /** Ends a turn that was not ended yet, without waiting for its last sound: none may come any more. */
  finish(): FloorOrder[] {
    if (this.phase === "up") return [];
    this.phase = "up";
    const tap = this.heldFor < TAP_CHUNKS && this.loud < SPOKEN_CHUNKS;
    return [{ kind: this.sent === 0 || tap ? "clear" : "commit" }];
  }

  /** What happens in the call; a response that begins while the person has the floor is cancelled. */
  hear(event: CallEvent): FloorOrder[] {
    switch (event.kind) {
      case "agent_started":
        if (this.phase !== "up") return [{ kind: "cancel", response: event.response }];
        this.open.add(event.response);
        return [];
      case "agent_ended":
        this.open.delete(event.response);
        return [];
      case "user_started":
      case "user_stopped":
        this.userSpeaks = event.kind === "user_started";
        return [];
      default:
        return [];
    }
  }

  private send(chunk: Captured): FloorOrder {
    this.sent += 1;
    return { kind: "send", chunk };
  }
}
