import { expect, it } from "vitest";

import { Level } from "../../src/audio/level";

it("is empty in silence and full where sound clips", () => {
  expect(new Level().push(0)).toBe(0);
  expect(new Level().push(0.0005)).toBe(0);
  expect(new Level().push(1)).toBe(1);
  expect(new Level().push(0.1)).toBeCloseTo(2 / 3);
});

it("rises with a sound at once, and falls by 30 dB in a second", () => {
  const level = new Level();
  level.push(0.1);
  expect(level.push(0)).toBeCloseTo(2 / 3 - 0.01);
  for (let chunks = 1; chunks < 50; chunks++) level.push(0);
  expect(level.push(0.1)).toBeCloseTo(2 / 3);
});

it("has a word for how loud it is", () => {
  const word = (rms: number) => {
    const level = new Level();
    level.push(rms);
    return level.word;
  };
  expect([0, 0.002, 0.1, 0.7].map(word)).toEqual(["silent", "quiet", "good", "too loud"]);
});
