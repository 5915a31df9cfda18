import { expect, it } from "vitest";

import { trouble } from "../../src/view/faults";

it("tells who opened the page over plain http both ways to a microphone", () => {
  const { commands } = trouble("insecure", "10.0.0.7", "8999");
  expect(commands.map(([, command]) => command)).toEqual(["antiphon up --lan", "ssh -L 8999:localhost:8999 10.0.0.7"]);
});

it.each(["refused", "unanswered", "forbidden", "missing", "busy", "other"] as const)(
  "says what is wrong, and what to do: %s",
  (fault) => {
    const { title, advice, commands } = trouble(fault);
    expect(title).toMatch(/\.$/);
    expect(advice).toMatch(/press Talk again\.|when the browser asks\.$/);
    expect(commands).toEqual([]);
  },
);
