import { expect, it } from "vitest";

import { EventStream } from "../../src/topology/event_stream";

it("gives each event once it is whole, however the chunks fall", () => {
  const text = "retry: 1000\n\nevent: snapshot\ndata: {}\n\nevent: change\r\ndata: 1\r\n\r\n";
  for (const size of [1, 2, 7, text.length]) {
    const stream = new EventStream();
    const events = [];
    for (let at = 0; at < text.length; at += size) events.push(...stream.feed(text.slice(at, at + size)));
    expect(events).toEqual([
      { name: "snapshot", data: "{}" },
      { name: "change", data: "1" },
    ]);
  }
});

it("passes over comments and what is no event", () => {
  expect(new EventStream().feed(":\n\n: alive\n\nid: 4\n\n")).toEqual([]);
});

it("joins several lines of data, and names what has no name", () => {
  expect(new EventStream().feed("data: a\ndata:b\n\n")).toEqual([{ name: "message", data: "a\nb" }]);
});
