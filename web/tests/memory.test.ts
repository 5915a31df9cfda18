import { expect, it } from "vitest";

import { Memory } from "../src/memory";

it("keeps words in the browser's store, and forgets them", () => {
  const store = new Map<string, string>();
  const memory = new Memory(() => ({
    getItem: (name) => store.get(name) ?? null,
    setItem: (name, text) => void store.set(name, text),
    removeItem: (name) => void store.delete(name),
  }));
  expect(memory.read("a")).toBe("");
  memory.write("a", "b");
  expect([memory.read("a"), store.get("a")]).toEqual(["b", "b"]);
  memory.write("a", "");
  expect([memory.read("a"), store.size]).toEqual(["", 0]);
});

it("keeps them for as long as the page lives where the browser forbids its store", () => {
  const memory = new Memory(() => {
    throw new Error("SecurityError");
  });
  memory.write("a", "b");
  expect(memory.read("a")).toBe("b");
});
