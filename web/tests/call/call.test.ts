import { expect, it } from "vitest";

import { begin, type Call, type Happening, type Order, type Session, step } from "../../src/call/call";

const SESSION: Session = {
  id: "s1",
  realtimeUrl: "/v1/realtime",
  secret: "ek_1",
  mode: "local",
  fallbackReason: null,
  persona: "plain",
  voice: "reed",
};

/** The call after these happenings, and what the last of them ordered. */
function after(...happenings: Happening[]): { call: Call; orders: readonly Order[] } {
  return happenings.reduce((last, happening) => step(last.call, happening), begin(true));
}

const OPENED: Happening = { kind: "sound_opened" };
const MADE: Happening = { kind: "session_made", session: SESSION };
const CONNECTED: Happening = { kind: "socket_opened" };
const DUE: Happening = { kind: "retry_due" };

function lost(at: number, code = 1006, reason = ""): Happening {
  return { kind: "socket_lost", code, reason, at };
}

function arrived(number: number): Happening {
  return { kind: "event_arrived", number, event: null };
}

const END_SESSION: Order = { kind: "end_session", session: SESSION };
const HANG_UP: readonly Order[] = [{ kind: "close_socket" }, { kind: "release" }];
const HANG_UP_UNSEEN: readonly Order[] = [{ kind: "close_socket" }, END_SESSION, { kind: "release" }];

it("asks for the microphone first, so that no session is made in vain", () => {
  expect(begin(true).call.phase).toEqual({ kind: "asking" });
  expect(begin(true).orders).toEqual([{ kind: "open_sound", microphone: true }]);
  expect(after(OPENED).orders).toEqual([{ kind: "make_session" }]);
});

it("asks for no microphone in a call that is typed", () => {
  expect(begin(false).call.phase).toEqual({ kind: "making" });
  expect(begin(false).orders).toEqual([{ kind: "open_sound", microphone: false }]);
});

it("connects to the session that was made, and is live once the socket opens", () => {
  expect(after(OPENED, MADE).orders).toEqual([{ kind: "connect", session: SESSION, after: null }]);
  expect(after(OPENED, MADE, CONNECTED).call.phase).toEqual({ kind: "live" });
});

it("ends with the reason when there is no microphone", () => {
  const { call, orders } = after({ kind: "microphone_failed", fault: "refused" });
  expect(call.phase).toEqual({ kind: "ended", ending: { kind: "no_sound", fault: "refused" } });
  expect(orders).toEqual(HANG_UP);
});

it("ends with the gateway's reason when it makes no session", () => {
  const refusal = { status: 503, detail: "All slots are taken.", retryAfterSeconds: 5 };
  const { call } = after(OPENED, { kind: "session_refused", refusal });
  expect(call.phase).toEqual({ kind: "ended", ending: { kind: "refused", refusal } });
});

it("comes back behind the last event that arrived", () => {
  const { call, orders } = after(OPENED, MADE, CONNECTED, arrived(17), lost(1_000), DUE);
  expect(call.phase).toEqual({ kind: "reconnecting" });
  expect(orders).toEqual([{ kind: "connect", session: SESSION, after: 17 }]);
});

it("keeps its place when an event carries no number", () => {
  expect(after(OPENED, MADE, CONNECTED, arrived(3), { kind: "event_arrived", number: null, event: null }).call.after).toBe(3);
});

it("waits longer from attempt to attempt, and starts anew once it was live again", () => {
  const orders = (...more: Happening[]) => after(OPENED, MADE, CONNECTED, lost(0), ...more).orders;
  expect(orders()).toEqual([{ kind: "retry", afterMs: 250 }]);
  expect(orders(DUE, lost(300))).toEqual([{ kind: "retry", afterMs: 500 }]);
  expect(orders(DUE, lost(300), DUE, lost(900))).toEqual([{ kind: "retry", afterMs: 1_000 }]);
  expect(orders(DUE, CONNECTED, lost(9_000))).toEqual([{ kind: "retry", afterMs: 250 }]);
});

it("gives up when the gateway no longer keeps the session", () => {
  const { call, orders } = after(OPENED, MADE, CONNECTED, lost(0), DUE, lost(19_900));
  expect(call.phase).toEqual({ kind: "ended", ending: { kind: "lost" } });
  expect(orders).toEqual(HANG_UP_UNSEEN);
});

it.each([1000, 1001])("takes a close with %i for the end of the session", (code) => {
  const { call, orders } = after(OPENED, MADE, CONNECTED, lost(0), DUE, lost(300, code, "engine_lost"));
  expect(call.phase).toEqual({ kind: "ended", ending: { kind: "ended_by_gateway", reason: "engine_lost" } });
  expect(orders).toEqual(HANG_UP);
});

it("does not fight another window for the session", () => {
  const replaced = { kind: "ended", ending: { kind: "replaced" } };
  expect(after(OPENED, MADE, CONNECTED, lost(0, 1008, "session_replaced: a newer connection took this session")).call.phase).toEqual(replaced);
  const told: Happening = {
    kind: "event_arrived",
    number: 4,
    event: { kind: "error_reported", about: "", code: "session_replaced", message: "" },
  };
  expect(after(OPENED, MADE, CONNECTED, told).call.phase).toEqual(replaced);
});

it("asks for its own sound format when the session has another", () => {
  const opened = (formatsFit: boolean): Happening => ({
    kind: "event_arrived",
    number: 1,
    event: { kind: "session_opened", settings: { formatsFit, pushToTalk: false } },
  });
  expect(after(OPENED, MADE, CONNECTED, opened(true)).orders).toEqual([]);
  expect(after(OPENED, MADE, CONNECTED, opened(false)).orders).toEqual([{ kind: "ask_for_pcm" }]);
});

it.each([
  ["while the browser asks", [], HANG_UP],
  ["while the session is made", [OPENED], HANG_UP],
  ["while it connects", [OPENED, MADE], HANG_UP_UNSEEN],
  ["while it is live", [OPENED, MADE, CONNECTED], HANG_UP],
  ["while it reconnects", [OPENED, MADE, CONNECTED, lost(0)], HANG_UP_UNSEEN],
])("can be hung up %s", (_when, happenings, wanted) => {
  const { call, orders } = after(...happenings, { kind: "hung_up" });
  expect(call.phase).toEqual({ kind: "ended", ending: { kind: "hung_up" } });
  expect(orders).toEqual(wanted);
});

it("ends a session that is made when nobody waits for it any more", () => {
  const { call, orders } = after(OPENED, { kind: "hung_up" }, MADE);
  expect(call.phase).toEqual({ kind: "ended", ending: { kind: "hung_up" } });
  expect(orders).toEqual([END_SESSION]);
});

it("does nothing more once it ended, whatever else still comes in", () => {
  const late: Happening[] = [OPENED, CONNECTED, arrived(1), lost(0), DUE, { kind: "hung_up" }];
  for (const happening of late) expect(after({ kind: "hung_up" }, happening).orders).toEqual([]);
});
