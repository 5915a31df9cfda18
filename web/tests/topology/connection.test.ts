import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { Connection, pauseMs, type Standing } from "../../src/topology/connection";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function problem(status: number, detail: string): Response {
  return new Response(JSON.stringify({ detail }), { status });
}

it("asks for a key where the gateway says 401, and says what else it refuses for", async () => {
  const answers = [problem(403, "this host is not served"), problem(401, "send a key")];
  vi.stubGlobal("fetch", () => Promise.resolve(answers.shift()));
  const standings: Standing[] = [];
  new Connection({ onTold: () => undefined, onStanding: (standing) => standings.push(standing) });
  await vi.advanceTimersByTimeAsync(pauseMs(0));
  expect(standings).toEqual([
    { kind: "connecting" },
    expect.objectContaining({ kind: "lost", detail: "this host is not served" }),
    { kind: "key_needed" },
  ]);
});
