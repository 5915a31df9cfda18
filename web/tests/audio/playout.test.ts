import { beforeEach, expect, it } from "vitest";

import { Playout } from "../../src/audio/playout";

/** Equal rates, so that what comes out can be compared sample by sample. */
const RATE = 1_000;

/** A call of the audio thread, in samples, which are milliseconds here. */
const BLOCK = 10;

let playout: Playout;

beforeEach(() => {
  playout = new Playout(RATE, RATE);
});

function tone(ms: number, value = 0.5): Float32Array {
  return new Float32Array(ms).fill(value);
}

/** Renders `ms` and gives back what was heard. */
function render(ms: number): number[] {
  const heard: number[] = [];
  const block = new Float32Array(BLOCK);
  for (let n = 0; n < ms; n += BLOCK) {
    playout.render(block);
    heard.push(...block);
  }
  return heard;
}

function heardMs(samples: number[]): number {
  return samples.filter((sample) => sample !== 0).length;
}

it("is silent while nothing came", () => {
  expect(heardMs(render(50))).toBe(0);
});

it("starts at once when enough is buffered", () => {
  playout.enqueue("r1", "i1", tone(60));
  expect(render(BLOCK)).toEqual(Array(BLOCK).fill(0.5));
});

it("holds a short beginning back until the buffer has its depth", () => {
  playout.enqueue("r1", "i1", tone(40));
  expect(heardMs(render(30))).toBe(0);
  playout.enqueue("r1", "i1", tone(20));
  expect(heardMs(render(60))).toBe(60);
});

it("starts after the target time even when little came", () => {
  playout.enqueue("r1", "i1", tone(20));
  expect(heardMs(render(80))).toBe(20);
});

it("plays an answer shorter than the buffer once it is whole", () => {
  playout.enqueue("r1", "i1", tone(20));
  playout.finish("i1");
  expect(heardMs(render(30))).toBe(20);
});

it("plays two items one after the other without a gap", () => {
  playout.enqueue("r1", "i1", tone(60, 0.1));
  playout.finish("i1");
  playout.enqueue("r2", "i2", tone(20, 0.2));
  const heard = render(80);
  expect(heard[59]).toBeCloseTo(0.1);
  expect(heard[60]).toBeCloseTo(0.2);
});

it("buffers more after it ran dry in the middle of an answer", () => {
  playout.enqueue("r1", "i1", tone(60));
  render(70);
  playout.enqueue("r1", "i1", tone(60));
  expect(playout.gaps).toBe(1);
  expect(heardMs(render(30))).toBe(0);
  playout.enqueue("r1", "i1", tone(40));
  expect(heardMs(render(100))).toBe(100);
});

it("does not take an answer's end for a gap, even when word of it comes late", () => {
  playout.enqueue("r1", "i1", tone(60));
  render(100);
  playout.finish("i1");
  render(BLOCK);
  expect(playout.gaps).toBe(0);
});

it("shrinks back after answers without a gap", () => {
  playout.enqueue("r1", "i1", tone(60));
  render(70);
  playout.enqueue("r1", "i1", tone(100));
  playout.finish("i1");
  render(110);
  playout.reports();
  for (const item of ["i2", "i3"]) {
    playout.enqueue(item, item, tone(100));
    playout.finish(item);
    render(110);
    playout.reports();
  }
  playout.enqueue("r4", "i4", tone(60));
  expect(heardMs(render(BLOCK))).toBe(BLOCK);
});

it("drops a response at once, with a fade of 10 ms", () => {
  playout.enqueue("r1", "i1", tone(200));
  render(50);
  playout.drop("r1");
  const heard = render(40);
  expect(heardMs(heard)).toBeLessThan(10);
  expect(heard.slice(0, 9)).toEqual([...heard.slice(0, 9)].sort((a, b) => b - a));
  expect(Math.max(...heard.slice(10))).toBe(0);
});

it("ignores what comes late of a dropped response", () => {
  playout.enqueue("r1", "i1", tone(100));
  playout.drop("r1");
  playout.enqueue("r1", "i1", tone(100));
  expect(heardMs(render(200))).toBe(0);
});

it("ignores a response that was dropped before its first sound", () => {
  playout.drop("r1");
  playout.enqueue("r1", "i1", tone(100));
  expect(heardMs(render(200))).toBe(0);
});

it("plays the next response right after the fade of a dropped one", () => {
  playout.enqueue("r1", "i1", tone(200, 0.1));
  render(50);
  playout.enqueue("r2", "i2", tone(60, 0.2));
  playout.drop("r1");
  expect(render(20)[10]).toBeCloseTo(0.2);
});

it("drops everything when no response is named", () => {
  playout.enqueue("r1", "i1", tone(60));
  playout.enqueue("r2", "i2", tone(60));
  playout.drop(null);
  playout.enqueue("r2", "i2", tone(60));
  expect(heardMs(render(200))).toBe(0);
});

it("tells how much of an item was played, and once that it ended", () => {
  playout.enqueue("r1", "i1", tone(100));
  render(50);
  expect(playout.reports()).toEqual([{ item: "i1", ms: 50, ended: false }]);
  expect(playout.reports()).toEqual([]);
  playout.finish("i1");
  render(60);
  expect(playout.anyEnded).toBe(true);
  expect(playout.reports()).toEqual([{ item: "i1", ms: 100, ended: true }]);
  expect(playout.anyEnded).toBe(false);
  expect(playout.reports()).toEqual([]);
});

it("counts of a dropped item only what was rendered, its fade included", () => {
  playout.enqueue("r1", "i1", tone(200));
  render(50);
  playout.drop("r1");
  render(50);
  expect(playout.reports()).toEqual([{ item: "i1", ms: 60, ended: true }]);
});

it("says of an item dropped before it began that nothing was played", () => {
  playout.enqueue("r1", "i1", tone(20));
  playout.drop("r1");
  expect(playout.reports()).toEqual([{ item: "i1", ms: 0, ended: true }]);
});

it("counts in time of the output, whatever the rates", () => {
  playout = new Playout(24_000, 48_000);
  playout.enqueue("r1", "i1", tone(2_400));
  playout.finish("i1");
  playout.render(new Float32Array(9_600));
  expect(playout.reports()).toEqual([{ item: "i1", ms: 100, ended: true }]);
});

it("drops the oldest sound when the loudspeaker stands still, and counts it", () => {
  for (let n = 0; n < 60; n++) playout.enqueue("r1", "i1", tone(100));
  expect(playout.overflowed).toBe(1_000);
});
