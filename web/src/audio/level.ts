/** How loud the microphone is, for a bar: rises with each sound, and falls slowly enough to be seen. */

import { CHUNK_MS } from "./pcm";

/** A quiet room; the bar is empty there. */
const FLOOR_DB = -60;

/** A syllable's end is still seen half a second later. */
const FALL_DB_PER_S = 30;

/** Speech below is hard to make out, and above it clips between the chunks' averages. */
const GOOD_DB = { from: -42, to: -9 };

export class Level {
  private db = FLOOR_DB;

  /**
   * Takes the next 20 ms.
   *
   * @param rms Root mean square of its samples, 0 to 1.
   * @returns How full the bar is, 0 to 1.
   */
  push(rms: number): number {
    const heard = rms > 0 ? 20 * Math.log10(rms) : FLOOR_DB;
    this.db = Math.max(heard, this.db - (FALL_DB_PER_S * CHUNK_MS) / 1000, FLOOR_DB);
    return Math.min(1, 1 - this.db / FLOOR_DB);
  }

  /** The same in a word. */
  get word(): "silent" | "quiet" | "good" | "too loud" {
    if (this.db <= FLOOR_DB) return "silent";
    if (this.db < GOOD_DB.from) return "quiet";
    return this.db > GOOD_DB.to ? "too loud" : "good";
  }
}
