import { afterEach, expect, it, vi } from "vitest";

import { forgetKey, keepKey } from "../../src/wire/key";
import { endSession, readChoices, readOffers, readRefusal, readSession } from "../../src/wire/rest";

const SESSION = {
  session_id: "s1",
  mode: "local",
  fallback_reason: "no GPU",
  persona: "plain",
  voice: "reed",
  realtime_url: "/v1/realtime?session_id=s1",
  client_secret: { value: "ek_1", expires_at: 0 },
};

it("reads the session that was made", () => {
  expect(readSession(SESSION)).toEqual({
    id: "s1",
    realtimeUrl: "/v1/realtime?session_id=s1",
    secret: "ek_1",
    mode: "local",
    fallbackReason: "no GPU",
    persona: "plain",
    voice: "reed",
  });
});

it("takes an answer without a secret for no session", () => {
  expect(readSession({ ...SESSION, client_secret: null })).toBeNull();
  expect(readSession(null)).toBeNull();
});

it("lists what can be chosen and passes over rows without a name", () => {
  const rows = [{ name: "plain", title: "Assistant", default: true }, { name: "myca" }, {}, null];
  const wanted = [
    { name: "plain", title: "Assistant", description: "", isDefault: true },
    { name: "myca", title: "myca", description: "", isDefault: false },
  ];
  expect(readChoices({ personas: rows }, "personas")).toEqual(wanted);
  expect(readChoices(rows, "personas")).toEqual(wanted);
});

it("reads what each engine offers, and what the gateway does not say", () => {
  const local = { mode: "local", available: true, reason: null, slots_free: 7, latency_ms: 480.5 };
  const none = { mode: "personaplex", available: false, reason: "no speech server is configured" };
  expect(readOffers({ engines: [none, local, {}, null] })).toEqual([
    { mode: "personaplex", available: false, reason: "no speech server is configured", free: null, latencyMs: null },
    { mode: "local", available: true, reason: "", free: 7, latencyMs: 480.5 },
  ]);
});

it("reads a problem with the time to wait", () => {
  expect(readRefusal(503, { title: "Busy", detail: "All slots are taken." }, "5")).toEqual({
    status: 503,
    detail: "All slots are taken.",
    retryAfterSeconds: 5,
  });
  expect(readRefusal(500, null, "Wed, 21 Oct 2026 07:28:00 GMT")).toEqual({
    status: 500,
    detail: "",
    retryAfterSeconds: null,
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  forgetKey();
});

it("ends a session with the key, even where the page goes meanwhile", async () => {
  const fetch = vi.fn(() => Promise.resolve(new Response("{}")));
  vi.stubGlobal("fetch", fetch);
  keepKey("a-key-of-24-characters--");
  await endSession("s/1");
  expect(fetch).toHaveBeenCalledExactlyOnceWith(
    "/api/mas/voice/sessions/s%2F1",
    expect.objectContaining({ method: "DELETE", keepalive: true, headers: { authorization: "Bearer a-key-of-24-characters--" } }),
  );
});
