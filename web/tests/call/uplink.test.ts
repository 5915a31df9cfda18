import { expect, it } from "vitest";

import { Uplink } from "../../src/call/uplink";

class Way {
  readonly sent: string[] = [];
  open = true;

  isOpen(): boolean {
    return this.open;
  }

  send(message: string): void {
    this.sent.push(message);
  }
}

it("sends at once while there is a connection", () => {
  const way = new Way();
  const uplink = new Uplink(way);
  uplink.sound("a");
  uplink.say("commit");
  expect(way.sent).toEqual(["a", "commit"]);
});

it("keeps what comes while there is none, and sends it in order, once", () => {
  const way = new Way();
  const uplink = new Uplink(way);
  way.open = false;
  uplink.sound("a");
  uplink.say("commit");
  uplink.sound("b");
  expect(way.sent).toEqual([]);
  way.open = true;
  uplink.flush();
  uplink.flush();
  expect(way.sent).toEqual(["a", "commit", "b"]);
});

it("keeps the last 20 s of the sound, and all that is no sound", () => {
  const way = new Way();
  const uplink = new Uplink(way);
  way.open = false;
  uplink.say("commit");
  for (let n = 0; n < 1_200; n++) uplink.sound(String(n));
  way.open = true;
  uplink.flush();
  expect(way.sent.slice(0, 2)).toEqual(["commit", "200"]);
  expect(way.sent).toHaveLength(1 + 1_000);
  expect(way.sent.at(-1)).toBe("1199");
});
