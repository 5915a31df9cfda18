/** What goes up, in order, kept while there is no connection to send it by. */

import { CHUNK_MS } from "../audio/pcm";

/** The gateway keeps a session this long for a connection that comes back. */
const KEPT_MS = 20_000;

/** The wire's way up, as far as this needs to know it. */
export interface Way {
  /** Whether it takes messages now. */
  isOpen(): boolean;
  send(message: string): void;
}

interface Message {
  readonly text: string;
  readonly isSound: boolean;
}

export class Uplink {
  private waiting: Message[] = [];
  private sounds = 0;

  constructor(private readonly way: Way) {}

  /** Sends a chunk of sound, or keeps it; of sound that is kept the oldest goes once it is 20 s. */
  sound(text: string): void {
    this.put({ text, isSound: true });
  }

  /** Sends anything else, or keeps it, behind the sound before it. */
  say(text: string): void {
    this.put({ text, isSound: false });
  }

  /** Sends what was kept. */
  flush(): void {
    for (const message of this.waiting) this.way.send(message.text);
    this.waiting = [];
    this.sounds = 0;
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
