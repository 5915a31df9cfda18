import { expect, it } from "vitest";

import { authorization, canBeKey, forgetKey, keepKey } from "../../src/wire/key";

it("shows the key to REST once there is one", () => {
  expect(authorization()).toEqual({});
  keepKey("0123456789abcdef");
  expect(authorization()).toEqual({ authorization: "Bearer 0123456789abcdef" });
  forgetKey();
  expect(authorization()).toEqual({});
});

it("knows what no header can hold", () => {
  expect(canBeKey("sk-0123456789abcdef")).toBe(true);
  expect(["", "two words", "schlüssel", "line\nbreak"].some(canBeKey)).toBe(false);
});
