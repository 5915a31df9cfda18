import { expect, it } from "vitest";

import { CHUNK_SAMPLES, Chunker, fromBase64, fromPcm16, level, toBase64, toPcm16 } from "../../src/audio/pcm";

it("brings samples over the wire and back", () => {
  const samples = Int16Array.of(0, 1, -1, 32_767, -32_768, 258);
  expect(fromBase64(toBase64(samples))).toEqual(samples);
});

it("writes the low byte first", () => {
  expect(atob(toBase64(Int16Array.of(258)))).toBe("\x02\x01");
});

it("reads a part of a larger buffer as what it shows", () => {
  const samples = Int16Array.of(1, 2, 3, 4).subarray(1, 3);
  expect(fromBase64(toBase64(samples))).toEqual(Int16Array.of(2, 3));
});

it("clips what is too loud", () => {
  expect(toPcm16(Float32Array.of(2, -2, 0.5))).toEqual(Int16Array.of(32_767, -32_767, 16_384));
});

it("keeps PCM within one", () => {
  expect(fromPcm16(Int16Array.of(-32_768, 16_384))).toEqual(Float32Array.of(-1, 0.5));
});

it("says of text that is not base64 that it is none", () => {
  expect(fromBase64("not base64!")).toBeNull();
});

it("leaves out an odd last byte", () => {
  expect(fromBase64(btoa("\x02\x01\x07"))).toEqual(Int16Array.of(258));
});

it("measures the level of a sound, and none where there is no sound", () => {
  expect(level(Float32Array.of(0.5, -0.5))).toBe(0.5);
  expect(level(new Float32Array(0))).toBe(0);
});

it("cuts a stream into chunks of 20 ms and keeps the rest for the next", () => {
  const chunker = new Chunker();
  const sound = Float32Array.from({ length: 2 * CHUNK_SAMPLES + 5 }, (_, n) => n);
  expect(chunker.push(sound.subarray(0, 3))).toEqual([]);
  const chunks = chunker.push(sound.subarray(3));
  expect(chunks.map((chunk) => chunk.length)).toEqual([CHUNK_SAMPLES, CHUNK_SAMPLES]);
  expect(chunks[1]?.[0]).toBe(CHUNK_SAMPLES);
  expect(chunker.push(new Float32Array(CHUNK_SAMPLES - 5))[0]?.[0]).toBe(2 * CHUNK_SAMPLES);
});
