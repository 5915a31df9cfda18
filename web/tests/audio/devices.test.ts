import { expect, it } from "vitest";

import { changes, type Chosen, isNameless, sort, usable } from "../../src/audio/devices";

const input = (deviceId: string, label = `Microphone ${deviceId}`) => ({ kind: "audioinput" as const, deviceId, label });
const output = (deviceId: string) => ({ kind: "audiooutput" as const, deviceId, label: `Loudspeaker ${deviceId}` });

const WANTED: Chosen = { microphone: "headset", loudspeaker: "" };

it("lists each device once, and the system's choice not among them", () => {
  const found = [input("default"), input("communications"), input("a"), output("default"), output("b")];
  expect(sort(found)).toEqual({
    microphone: [{ id: "a", label: "Microphone a" }],
    loudspeaker: [{ id: "b", label: "Loudspeaker b" }],
  });
});

it("tells devices without names from no devices", () => {
  expect(isNameless([input("", ""), input("a", "")])).toBe(true);
  expect(isNameless([input("a")])).toBe(false);
  expect(isNameless([])).toBe(false);
  expect(sort([input("", "")]).microphone).toEqual([]);
});

it("uses what the person wants as long as it is there", () => {
  expect(usable(WANTED, sort([input("headset")])).microphone).toBe("headset");
  expect(usable(WANTED, sort([input("other")])).microphone).toBe("");
});

it("notices that the chosen device is unplugged and plugged in again, and no other", () => {
  const both = sort([input("headset"), input("other")]);
  const one = sort([input("other")]);
  expect(changes(WANTED, both, one)).toEqual([{ kind: "microphone", what: "gone", label: "Microphone headset" }]);
  expect(changes(WANTED, one, both)).toEqual([{ kind: "microphone", what: "back", label: "Microphone headset" }]);
  expect(changes({ ...WANTED, microphone: "" }, both, one)).toEqual([]);
});

it("takes the first list for no news", () => {
  expect(changes(WANTED, sort([]), sort([input("headset")]))).toEqual([]);
});
