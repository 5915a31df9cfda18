/** The agent's voice: chunks of the wire in, sound out, and word of what was truly played. */

import type { PlaybackOrder, PlaybackReport } from "./messages";
import playbackUrl from "./playback.worklet.ts?worker&url";

/** How loud the agent goes on while it is not yet clear whether the person takes the floor. */
const DUCKED_GAIN = 0.1;

const DUCK_SECONDS = 0.03;

/** Coming back is slower than going away, which sounds less like a switch. */
const RISE_SECONDS = 0.06;

/** What Chromium's contexts have and TypeScript's DOM does not know yet (Web Audio API 1.1, 1.2.3). */
interface Routed {
  setSinkId(id: string): Promise<void>;
}

/** Whether this browser lets a page choose the loudspeaker; else the system does. */
export function canChooseLoudspeaker(): boolean {
  return "setSinkId" in AudioContext.prototype;
}

/**
 * Has all sound of `context` played by a loudspeaker.
 *
 * @param id "" is the system's choice.
 * @throws DOMException There is none such.
 */
export async function chooseLoudspeaker(context: AudioContext, id: string): Promise<void> {
  if (canChooseLoudspeaker()) await (context as AudioContext & Routed).setSinkId(id);
}

export class Loudspeaker {
  private constructor(
    private readonly context: AudioContext,
    private readonly playback: AudioWorkletNode,
    private readonly gain: GainNode,
  ) {}

  /** Browsers give worklets, as the microphone, to localhost and https pages only. */
  static get isPossible(): boolean {
    return window.isSecureContext;
  }

  /** @param onPlayed Is told about every 200 ms, and at each item's end, what was rendered. */
  static async open(context: AudioContext, onPlayed: (report: PlaybackReport) => void): Promise<Loudspeaker> {
    await context.audioWorklet.addModule(playbackUrl);
    const playback = new AudioWorkletNode(context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    playback.port.onmessage = (message: MessageEvent<PlaybackReport>) => {
      onPlayed(message.data);
    };
    const gain = context.createGain();
    playback.connect(gain).connect(context.destination);
    return new Loudspeaker(context, playback, gain);
  }

  play(response: string, item: string, samples: Int16Array): void {
    this.order({ kind: "play", response, item, samples }, [samples.buffer]);
  }

  finish(item: string): void {
    this.order({ kind: "finish", item });
  }

  drop(response: string | null): void {
    this.order({ kind: "drop", response });
  }

  duck(on: boolean): void {
    const now = this.context.currentTime;
    const gain = this.gain.gain;
    gain.cancelScheduledValues(now);
    gain.setValueAtTime(gain.value, now);
    gain.linearRampToValueAtTime(on ? DUCKED_GAIN : 1, now + (on ? DUCK_SECONDS : RISE_SECONDS));
  }

  close(): void {
    this.playback.port.onmessage = null;
    this.playback.disconnect();
    this.gain.disconnect();
  }

  private order(order: PlaybackOrder, transfer: Transferable[] = []): void {
    this.playback.port.postMessage(order, transfer);
  }
}
