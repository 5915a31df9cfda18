/** What goes up, in order, kept while there is no connection to send it by. */

import { CHUNK_MS } from "../audio/pcm";

/** The gateway keeps a session this long for a connection that comes back. */
const KEPT_MS = 20_000;

/** About 2 s of sound that the network has not taken. What comes on top is dropped, so that the gateway never hears
 * the person later than that. */
export const LIVE_LIMIT_BYTES = 128_000;

/** About 30 s: what was kept, and 10 s that are said while it drains. */
export const WHOLE_LIMIT_BYTES = 2_000_000;

/** The wire's way up, as far as this needs to know it. */
export interface Way {
  /** Whether it takes messages now. */
  isOpen(): boolean;
  /** Bytes that it took and the network has not. */
  buffered(): number;
  send(message: string): void;
}

/** `live` sound is worth nothing late; that of a turn which is ended by hand may arrive late, but `whole`. */
export type Sound = "live" | "whole";

interface Message {
  readonly text: string;
  readonly isSound: boolean;
}

export class Uplink {
  private waiting: Message[] = [];
  private sounds = 0;
  /** Whether sound that was kept may still wait for the network. Live sound is late behind it, whatever is dropped. */
  private draining = false;

  constructor(private readonly way: Way) {}

  /** Sends a chunk of sound, keeps it, or drops it where the network is too far behind. Of sound that is kept the
   * oldest goes once it is 20 s. */
  sound(text: string, sound: Sound): void {
    if (!this.isFull(sound)) this.put({ text, isSound: true });
  }

  /** Sends anything else, or keeps it, behind the sound before it. */
  say(text: string): void {
    this.put({ text, isSound: false });
  }

  /** Sends what was kept. */
  flush(): void {
    for (const message of this.waiting) this.way.send(message.text);
    this.draining = this.sounds > 0;
    this.waiting = [];
    this.sounds = 0;
  }

  private isFull(sound: Sound): boolean {
    // A socket that closes never sends what it took.
    if (!this.way.isOpen()) return false;
    const buffered = this.way.buffered();
    if (buffered < LIVE_LIMIT_BYTES) this.draining = false;
    return buffered >= (sound === "whole" || this.draining ? WHOLE_LIMIT_BYTES : LIVE_LIMIT_BYTES);
  }

  private put(message: Message): void {
    if (this.way.isOpen()) {
      this.way.send(message.text);
      return;
    }
    this.waiting.push(message);
    if (!message.isSound) return;
    this.sounds += 1;
    if (this.sounds * CHUNK_MS <= KEPT_MS) return;
    this.waiting.splice(this.waiting.findIndex((kept) => kept.isSound), 1);
    this.sounds -= 1;
  }
}
