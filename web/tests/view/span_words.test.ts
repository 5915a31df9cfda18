import { expect, it } from "vitest";

import { latency, spanRows, spanSummary } from "../../src/view/span_words";

it("puts spans in the order in which they pass, with the longest as the measure", () => {
  const rows = spanRows({ turn: 600, endpoint: 480, unheard_of: 6, first_audio: 120 });
  expect(rows.map(({ span, share }) => [span, share])).toEqual([
    ["endpoint", 0.8],
    ["first_audio", 0.2],
    ["turn", 1],
    ["unheard_of", 0.01],
  ]);
  expect(rows.map(({ title }) => title)).toContain("Making sure that you were done");
  expect(rows.at(-1)?.title).toBe("unheard of");
});

it("draws no bar for what took no time", () => {
  expect(spanRows({ intent: 0 })).toMatchObject([{ share: 0 }]);
});

it("sums up by the wait, else by the tool, and tells no figure that was not measured", () => {
  expect(spanSummary({ endpoint: 300, turn: 480 })).toBe("answered in 480 ms");
  expect(spanSummary({ dispatch: 12, tool: 1_500 })).toBe("the tool took 1.5 s");
  expect(latency({ endpoint: 300 })).toBe("");
});
