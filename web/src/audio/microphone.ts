/** The person's microphone, as chunks for the wire. */

import captureUrl from "./capture.worklet.ts?worker&url";
import type { Captured } from "./messages";
import { faultOf, type MicrophoneFault } from "./microphone_fault";

export class MicrophoneError extends Error {
  constructor(readonly fault: MicrophoneFault) {
    super(`microphone: ${fault}`);
  }
}

export class Microphone {
  private constructor(
    private readonly stream: MediaStream,
    private readonly source: MediaStreamAudioSourceNode,
    private readonly capture: AudioWorkletNode,
  ) {}

  /**
   * Asks the person for the microphone and starts it.
   *
   * @param id The wanted one; where it is gone, or "", the system's choice.
   * @param onChunk Is given 20 ms at a time.
   * @param onLost Is called when the device goes away during the call.
   * @throws MicrophoneError
   */
  static async open(
    context: AudioContext,
    id: string,
    onChunk: (chunk: Captured) => void,
    onLost: () => void,
  ): Promise<Microphone> {
    const stream = await ask(id);
    try {
      return await Microphone.listen(context, stream, onChunk, onLost);
    } catch (error) {
      stopTracks(stream);
      throw error;
    }
  }

  private static async listen(
    context: AudioContext,
    stream: MediaStream,
    onChunk: (chunk: Captured) => void,
    onLost: () => void,
  ): Promise<Microphone> {
    await context.audioWorklet.addModule(captureUrl);
    const source = context.createMediaStreamSource(stream);
    const capture = new AudioWorkletNode(context, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    capture.port.onmessage = (message: MessageEvent<Captured>) => {
      onChunk(message.data);
    };
    for (const track of stream.getTracks()) track.addEventListener("ended", onLost);
    source.connect(capture);
    return new Microphone(stream, source, capture);
  }

  /** A muted microphone still sends, silence, so that the session's clock keeps its pace. */
  set muted(on: boolean) {
    for (const track of this.stream.getTracks()) track.enabled = !on;
  }

  close(): void {
    this.capture.port.onmessage = null;
    this.source.disconnect();
    stopTracks(this.stream);
  }
}

/**
 * Asks for the microphone once, after which the browser tells the devices' names.
 *
 * @throws MicrophoneError
 */
export async function askOnce(): Promise<void> {
  stopTracks(await ask(""));
}

async function ask(id: string): Promise<MediaStream> {
  // Browsers hide the microphone on pages that are neither localhost nor https.
  if (!window.isSecureContext) throw new MicrophoneError("insecure");
  try {
    return await get(id);
  } catch (error) {
    throw new MicrophoneError(error instanceof DOMException ? faultOf(error.name, error.message) : "other");
  }
}

/** As a mere wish Chromium may pass the device over; as a condition it fails where the device is gone by now. */
async function get(id: string): Promise<MediaStream> {
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  if (id === "") return navigator.mediaDevices.getUserMedia({ audio });
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { ...audio, deviceId: { exact: id } } });
  } catch (error) {
    const isGone = error instanceof DOMException && error.name === "OverconstrainedError";
    if (!isGone) throw error;
    return navigator.mediaDevices.getUserMedia({ audio });
  }
}

function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
