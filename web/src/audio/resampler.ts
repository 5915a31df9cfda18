/** Streaming change of sample rate: a windowed-sinc low-pass, kept as one row of taps per output phase. */

/** 32 zero crossings of the sinc on each side: with the Kaiser window below, a transition of 1.7 kHz at 24 kHz and
 * a delay of 1.3 ms. */
const ZERO_CROSSINGS = 32;

/** Kaiser's beta for 70 dB of stop band, more than a microphone's own noise floor leaves to hear. */
const KAISER_BETA = 6.76;

/** Where the pass band ends, as a share of the lower rate's Nyquist frequency: half the transition below it, so that
 * what lies above it is gone before it can fold back. */
const CUTOFF = 0.93;

/**
 * Turns a stream of mono samples at one rate into the same sound at another.
 *
 * What it returns for a sound does not depend on how the sound was cut into chunks.
 */
export class Resampler {
  private readonly up: number;
  private readonly down: number;
  private readonly reach: number;
  private readonly phases: readonly Float32Array[];
  /** Input that later outputs still need; its first sample lies `reach - 1` before the next output's. */
  private kept: Float32Array;
  private phase = 0;
  private readonly same: boolean;

  /**
   * @param from Rate of the samples that come in, in whole hertz.
   * @param to Rate of the samples that go out, in whole hertz.
   */
  constructor(from: number, to: number) {
    const divisor = greatestCommonDivisor(from, to);
    this.up = to / divisor;
    this.down = from / divisor;
    this.same = from === to;
    this.reach = Math.ceil(ZERO_CROSSINGS * Math.max(1, from / to));
    this.phases = this.same ? [] : tapsByPhase(this.up, this.reach, CUTOFF * Math.min(1, to / from));
    this.kept = new Float32Array(this.reach - 1);
  }

  /** Takes samples in and gives back those that they complete; may be none. */
  push(chunk: Float32Array): Float32Array {
    if (this.same) return chunk.slice();
    const input = new Float32Array(this.kept.length + chunk.length);
    input.set(this.kept);
    input.set(chunk, this.kept.length);

    const width = 2 * this.reach;
    // Output n stands at phase + n·down, in steps of 1/up input samples; it needs the `width` inputs from there.
    const steps = (input.length - width + 1) * this.up - this.phase;
    const count = Math.max(0, Math.ceil(steps / this.down));
    const output = new Float32Array(count);
    let position = this.phase;
    for (let n = 0; n < count; n++) {
      const start = Math.floor(position / this.up);
      const taps = this.phases[position % this.up] ?? EMPTY;
      let sum = 0;
      for (let k = 0; k < width; k++) sum += (input[start + k] ?? 0) * (taps[k] ?? 0);
      output[n] = sum;
      position += this.down;
    }
    const consumed = Math.min(Math.floor(position / this.up), input.length);
    this.kept = input.slice(consumed);
    this.phase = position - consumed * this.up;
    return output;
  }

  /** Ends the sound: gives back what the filter still held. */
  flush(): Float32Array {
    return this.same ? EMPTY : this.push(new Float32Array(this.reach));
  }
}

const EMPTY = new Float32Array(0);

/**
 * One row of taps per output phase.
 *
 * @param cutoff Share of the input's Nyquist frequency that passes.
 * @returns `up` rows of `2 * reach` taps; each row sums to 1, so that no phase is louder than its neighbour.
 */
function tapsByPhase(up: number, reach: number, cutoff: number): Float32Array[] {
  const rows: Float32Array[] = [];
  for (let phase = 0; phase < up; phase++) {
    const row = new Float32Array(2 * reach);
    let sum = 0;
    for (let k = 0; k < row.length; k++) {
      // The output lies between the row's inputs reach - 1 and reach, phase/up of the way.
      const distance = k - (reach - 1) - phase / up;
      const tap = sinc(cutoff * distance) * kaiser(distance / reach);
      row[k] = tap;
      sum += tap;
    }
    rows.push(row.map((tap) => tap / sum));
  }
  return rows;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Kaiser's window over -1 to 1, nothing outside. */
function kaiser(x: number): number {
  return Math.abs(x) > 1 ? 0 : besselI0(KAISER_BETA * Math.sqrt(1 - x * x)) / besselI0(KAISER_BETA);
}

/** The modified Bessel function of order zero, by its power series. */
function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-10; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
