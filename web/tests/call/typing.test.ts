import { expect, it } from "vitest";

import type { CallEvent } from "../../src/call/events";
import { Typing } from "../../src/call/typing";

const crossed = (about: string): CallEvent => ({
  kind: "error_reported",
  code: "conversation_already_has_active_response",
  message: "",
  about,
});
const started = (response: string): CallEvent => ({ kind: "agent_started", response });

it("sends what was typed and asks for an answer", () => {
  const typing = new Typing();
  expect(typing.type("hello")).toEqual([
    { kind: "hush" },
    { kind: "type", item: "typed_1", text: "hello" },
    { kind: "ask", id: "ask-1" },
  ]);
  expect(typing.type("again")).toContainEqual({ kind: "type", item: "typed_2", text: "again" });
});

it("cuts the agent first, once", () => {
  const typing = new Typing();
  typing.hear(started("r1"));
  expect(typing.type("hello")[0]).toEqual({ kind: "cancel", response: "r1" });
  expect(typing.type("hello")[0]).toEqual({ kind: "hush" });
});

it("leaves an answer that is over alone", () => {
  const typing = new Typing();
  typing.hear(started("r1"));
  typing.hear({ kind: "agent_ended", response: "r1", status: "completed" });
  expect(typing.type("hello")[0]).toEqual({ kind: "hush" });
});

it("cuts what the agent began at the same moment, and asks again", () => {
  const typing = new Typing();
  typing.type("hello");
  typing.hear(started("r1"));
  expect(typing.hear(crossed("ask-1"))).toEqual([
    { kind: "cancel", response: "r1" },
    { kind: "hush" },
    { kind: "ask", id: "ask-2" },
  ]);
});

it("does not ask again where an answer is on its way, or where somebody else asked", () => {
  const typing = new Typing();
  typing.type("hello");
  expect(typing.hear(crossed("ask-1"))).toEqual([]);
  typing.hear(started("r1"));
  expect(typing.hear(crossed(""))).toEqual([]);
});
