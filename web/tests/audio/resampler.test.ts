import { describe, expect, it } from "vitest";

import { level } from "../../src/audio/pcm";
import { Resampler } from "../../src/audio/resampler";

/** Samples at each end that hold the filter's rise and fall. */
const EDGE = 200;

function sine(hertz: number, rate: number, seconds = 0.5): Float32Array {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, n) => Math.sin((2 * Math.PI * hertz * n) / rate));
}

function whole(sound: Float32Array, from: number, to: number): Float32Array {
  return streamed(sound, from, to, sound.length);
}

function streamed(sound: Float32Array, from: number, to: number, chunk: number): Float32Array {
  const resampler = new Resampler(from, to);
  const parts: Float32Array[] = [];
  for (let start = 0; start < sound.length; start += chunk) {
    parts.push(resampler.push(sound.subarray(start, start + chunk)));
  }
  parts.push(resampler.flush());
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

function decibels(ratio: number): number {
  return 20 * Math.log10(ratio);
}

function middle(sound: Float32Array): Float32Array {
  return sound.subarray(EDGE, sound.length - EDGE);
}

const RATES: [number, number][] = [
  [48_000, 24_000],
  [44_100, 24_000],
  [96_000, 24_000],
  [16_000, 24_000],
  [24_000, 48_000],
  [24_000, 44_100],
];

describe.each(RATES)("from %i to %i Hz", (from, to) => {
  it("keeps a tone of speech at its level and pitch", () => {
    const out = middle(whole(sine(1_000, from), from, to));
    const wanted = middle(sine(1_000, to));
    const error = wanted.map((sample, n) => sample - (out[n] ?? 0));
    expect(decibels(level(error) / level(wanted))).toBeLessThan(-60);
  });

  it("keeps the highest consonants within half a decibel", () => {
    const hertz = 0.42 * Math.min(from, to);
    const out = middle(whole(sine(hertz, from), from, to));
    expect(Math.abs(decibels(level(out) / Math.SQRT1_2))).toBeLessThan(0.5);
  });

  it("gives as much time back as it was given", () => {
    const out = whole(sine(440, from), from, to);
    expect(Math.abs(out.length - to * 0.5)).toBeLessThanOrEqual(1);
  });

  it("makes the same of chunks as of the whole", () => {
    const sound = sine(1_234, from, 0.1);
    expect(streamed(sound, from, to, 128)).toEqual(whole(sound, from, to));
    expect(streamed(sound, from, to, 7)).toEqual(whole(sound, from, to));
  });
});

it.each([12_500, 14_000, 18_000, 23_000])("lets nothing of %i Hz fold back into 24 kHz", (hertz) => {
  const out = middle(whole(sine(hertz, 48_000), 48_000, 24_000));
  expect(decibels(level(out) / Math.SQRT1_2)).toBeLessThan(-50);
});

it("leaves no image above the voice when it goes up to 48 kHz", () => {
  const hertz = 5_000;
  const out = middle(whole(sine(hertz, 24_000), 24_000, 48_000));
  // The image of a tone lies mirrored at the old rate; its level by correlation.
  const image = 24_000 - hertz;
  let re = 0;
  let im = 0;
  out.forEach((sample, n) => {
    re += sample * Math.cos((2 * Math.PI * image * n) / 48_000);
    im += sample * Math.sin((2 * Math.PI * image * n) / 48_000);
  });
  expect(decibels((2 * Math.hypot(re, im)) / out.length)).toBeLessThan(-50);
});

it("passes samples through where both rates are the same", () => {
  const sound = sine(440, 24_000, 0.02);
  expect(whole(sound, 24_000, 24_000)).toEqual(sound);
});
