/** What the page and its two audio worklets say to each other. */

import type { Played } from "./playout";

/** From the capture worklet: 20 ms of the microphone at the wire's rate. */
export interface Captured {
  readonly samples: Int16Array<ArrayBuffer>;
  /** Root mean square, 0 to 1. */
  readonly level: number;
}

/** To the playback worklet. */
export type PlaybackOrder =
  | {
      readonly kind: "play";
      readonly response: string;
      readonly item: string;
      /** At the wire's rate. */
      readonly samples: Int16Array;
    }
  | { readonly kind: "finish"; readonly item: string }
  /** Null drops every response so far. */
  | { readonly kind: "drop"; readonly response: string | null };

/** From the playback worklet: what was rendered since the last such message. */
export type PlaybackReport = readonly Played[];
