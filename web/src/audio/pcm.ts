/** Samples between their three forms: floats in the browser's graph, PCM16, and base64 on the wire. */

/** Rate of all sound on the wire, in hertz. */
export const WIRE_RATE = 24_000;

/** The length of one message up. */
export const CHUNK_MS = 20;
export const CHUNK_SAMPLES = (CHUNK_MS * WIRE_RATE) / 1000;

/** Floats of -1 to 1 as PCM16; louder ones are clipped. */
export function toPcm16(samples: Float32Array): Int16Array<ArrayBuffer> {
  const pcm = new Int16Array(samples.length);
  samples.forEach((sample, i) => {
    pcm[i] = Math.round(Math.max(-1, Math.min(1, sample)) * 32_767);
  });
  return pcm;
}

/** PCM16 as floats of -1 to 1. */
export function fromPcm16(samples: Int16Array): Float32Array {
  return Float32Array.from(samples, (sample) => sample / 32_768);
}

/** PCM16 as base64. Typed arrays are little endian on every machine that runs a browser, as the wire is. */
export function toBase64(samples: Int16Array): string {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Base64 as PCM16; an odd last byte is left out. Null where the text is not base64. */
export function fromBase64(text: string): Int16Array | null {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return null;
  }
  const samples = new Int16Array(binary.length >> 1);
  const bytes = new Uint8Array(samples.buffer);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return samples;
}

/** The root mean square of samples, 0 for none. */
export function level(samples: Float32Array): number {
  if (samples.length === 0) return 0;
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}

/** Cuts a stream of samples into chunks of `CHUNK_SAMPLES`. */
export class Chunker {
  private held = new Float32Array(0);

  push(samples: Float32Array): Float32Array[] {
    const joined = new Float32Array(this.held.length + samples.length);
    joined.set(this.held);
    joined.set(samples, this.held.length);
    const chunks: Float32Array[] = [];
    let start = 0;
    for (; start + CHUNK_SAMPLES <= joined.length; start += CHUNK_SAMPLES) {
      chunks.push(joined.slice(start, start + CHUNK_SAMPLES));
    }
    this.held = joined.slice(start);
    return chunks;
  }
}
