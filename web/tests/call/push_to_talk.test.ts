import { expect, it } from "vitest";

import type { Captured } from "../../src/audio/messages";
import { type FloorOrder, PushToTalk } from "../../src/call/push_to_talk";

const QUIET = 0.001;
const VOICE = 0.1;

/** A person at the button: pushes chunks of 20 ms, numbered from 0, and notes what follows. */
class Person {
  readonly floor = new PushToTalk();
  readonly orders: FloorOrder[] = [];
  private count = 0;

  /** The microphone runs for so long. */
  hears(ms: number, level = VOICE): this {
    for (let past = 0; past < ms; past += 20) {
      const chunk: Captured = { samples: Int16Array.of(this.count), level };
      this.count += 1;
      this.orders.push(...this.floor.push(chunk));
    }
    return this;
  }

  presses(): this {
    this.orders.push(...this.floor.press());
    return this;
  }

  releases(): this {
    this.floor.release();
    return this;
  }

  /** The agent begins, or ends, response r1. */
  agent(does: "starts" | "ends"): this {
    const started = { kind: "agent_started", response: "r1" } as const;
    const ended = { kind: "agent_ended", response: "r1", status: "completed" } as const;
    this.orders.push(...this.floor.hear(does === "starts" ? started : ended));
    return this;
  }

  /** The numbers of the chunks that went up. */
  get sent(): number[] {
    return this.orders.flatMap((order) => (order.kind === "send" ? [...order.chunk.samples] : []));
  }

  /** Everything else that was ordered. */
  get words(): string[] {
    return this.orders.filter((order) => order.kind !== "send").map((order) => order.kind);
  }
}

function from(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, n) => first + n);
}

it("sends nothing until it is pressed", () => {
  expect(new Person().hears(5_000).orders).toEqual([]);
});

it("sends what is said while held, 200 ms before and 160 ms behind it, and then commits", () => {
  const person = new Person().hears(1_000).presses().hears(600).releases().hears(1_000);
  expect(person.sent).toEqual(from(40, 10 + 30 + 8));
  expect(person.words).toEqual(["hush", "commit"]);
  expect(person.orders.at(-1)?.kind).toBe("commit");
});

it("sends of the sound before a press nothing twice", () => {
  const person = new Person().hears(1_000).presses().hears(600).releases().hears(160 + 60).presses();
  expect(person.sent).toEqual([...from(40, 10 + 30 + 8), ...from(88, 3)]);
});

it("cuts the agent at the press, before anything goes up", () => {
  const person = new Person().hears(1_000).agent("starts").presses();
  expect(person.orders.slice(0, 2)).toEqual([{ kind: "cancel", response: "r1" }, { kind: "hush" }]);
});

it("cancels no answer that has ended, but silences what the loudspeaker still holds of it", () => {
  expect(new Person().agent("starts").agent("ends").presses().words).toEqual(["hush"]);
});

it("cancels an answer that begins while the person has the floor, up to the last sound of the turn", () => {
  expect(new Person().presses().hears(400).agent("starts").words).toEqual(["hush", "cancel"]);
  expect(new Person().presses().hears(400).releases().agent("starts").words).toEqual(["hush", "cancel"]);
  expect(new Person().presses().hears(400).releases().hears(160).agent("starts").words).toEqual(["hush", "commit"]);
});

it("takes a press that follows at once for the same turn", () => {
  const person = new Person().presses().hears(400).releases().hears(100).presses().hears(400).releases().hears(160);
  expect(person.sent).toEqual(from(0, 20 + 5 + 20 + 8));
  expect(person.words).toEqual(["hush", "commit"]);
});

it("takes back a short press in which nothing was said, be there the click of the key", () => {
  expect(new Person().hears(500).presses().hears(40, VOICE).hears(60, QUIET).releases().hears(160, QUIET).words).toEqual([
    "hush",
    "clear",
  ]);
});

it("commits a short press in which something was said, and a long one whatever it was", () => {
  expect(new Person().presses().hears(80, VOICE).releases().hears(160, QUIET).words).toEqual(["hush", "commit"]);
  expect(new Person().presses().hears(800, QUIET).releases().hears(160, QUIET).words).toEqual(["hush", "commit"]);
});

it("ends the turn at once where the microphone goes away, and commits no turn without sound", () => {
  const person = new Person().presses().hears(400);
  expect(person.floor.finish()).toEqual([{ kind: "commit" }]);
  expect(person.floor.held).toBe(false);
  person.presses();
  expect(person.floor.finish()).toEqual([{ kind: "clear" }]);
  expect(person.floor.finish()).toEqual([]);
});

it("closes the turn that is under way when push-to-talk is chosen in the middle of it", () => {
  const floor = new PushToTalk();
  expect(floor.begin()).toEqual([{ kind: "clear" }]);
  floor.hear({ kind: "user_started" });
  expect(floor.begin()).toEqual([{ kind: "commit" }]);
  floor.hear({ kind: "user_stopped" });
  expect(floor.begin()).toEqual([{ kind: "clear" }]);
});
