/** Runs on the audio thread: the microphone at the machine's rate becomes 20 ms chunks at the wire's. */

import type { Captured } from "./messages";
import { Chunker, level, toPcm16, WIRE_RATE } from "./pcm";
import { Resampler } from "./resampler";

class Capture extends AudioWorkletProcessor {
  private readonly resampler = new Resampler(sampleRate, WIRE_RATE);
  private readonly chunker = new Chunker();

  override process(inputs: Float32Array[][]): boolean {
    const microphone = inputs[0]?.[0];
    if (microphone === undefined) return true;
    for (const chunk of this.chunker.push(this.resampler.push(microphone))) {
      const captured: Captured = { samples: toPcm16(chunk), level: level(chunk) };
      this.port.postMessage(captured, [captured.samples.buffer]);
    }
    return true;
  }
}

registerProcessor("capture", Capture);
