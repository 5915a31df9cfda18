/** Runs on the audio thread: renders the playout and tells every 200 ms what was played. */

import type { PlaybackOrder, PlaybackReport } from "./messages";
import { fromPcm16, WIRE_RATE } from "./pcm";
import { Playout } from "./playout";

const REPORT_SECONDS = 0.2;

class Playback extends AudioWorkletProcessor {
  private readonly playout = new Playout(WIRE_RATE, sampleRate);
  private sinceReport = 0;

  constructor() {
    super();
    this.port.onmessage = (message: MessageEvent<PlaybackOrder>) => {
      this.obey(message.data);
    };
  }

  override process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const output = outputs[0]?.[0];
    if (output === undefined) return true;
    this.playout.render(output);
    this.sinceReport += output.length;
    if (this.sinceReport >= REPORT_SECONDS * sampleRate || this.playout.anyEnded) this.report();
    return true;
  }

  private obey(order: PlaybackOrder): void {
    switch (order.kind) {
      case "play":
        this.playout.enqueue(order.response, order.item, fromPcm16(order.samples));
        break;
      case "finish":
        this.playout.finish(order.item);
        break;
      case "drop":
        this.playout.drop(order.response);
        break;
    }
  }

  private report(): void {
    this.sinceReport = 0;
    const report: PlaybackReport = this.playout.reports();
    if (report.length > 0) this.port.postMessage(report);
  }
}

registerProcessor("playback", Playback);
