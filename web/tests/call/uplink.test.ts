import { expect, it } from "vitest";

import { CHUNK_MS, CHUNK_SAMPLES, toBase64 } from "../../src/audio/pcm";
import { LIVE_LIMIT_BYTES, Uplink, WHOLE_LIMIT_BYTES } from "../../src/call/uplink";
import { appendAudio } from "../../src/wire/realtime";

class Way {
  readonly sent: string[] = [];
  open = true;
  bytes = 0;

  isOpen(): boolean {
    return this.open;
  }

  buffered(): number {
    return this.bytes;
  }

  send(message: string): void {
    this.sent.push(message);
  }
}

it("sends at once while there is a connection", () => {
  const way = new Way();
  const uplink = new Uplink(way);
  uplink.sound("a", "live");
  uplink.say("commit");
  expect(way.sent).toEqual(["a", "commit"]);
});

it("keeps what comes while there is none, and sends it in order, once", () => {
  const way = new Way();
  const uplink = new Uplink(way);
  way.open = false;
  uplink.sound("a", "live");
  uplink.say("commit");
  uplink.sound("b", "live");
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
  for (let n = 0; n < 1_200; n++) uplink.sound(String(n), "live");
  way.open = true;
  uplink.flush();
  expect(way.sent.slice(0, 2)).toEqual(["commit", "200"]);
  expect(way.sent).toHaveLength(1 + 1_000);
  expect(way.sent.at(-1)).toBe("1199");
});

it("drops live sound while 2 s wait for the network, and sound of a turn by hand only at 30 s", () => {
  const way = new Way();
  const uplink = new Uplink(way);
  way.bytes = LIVE_LIMIT_BYTES;
  uplink.sound("live", "live");
  uplink.sound("by hand", "whole");
  way.bytes = WHOLE_LIMIT_BYTES;
  uplink.sound("by hand, too late", "whole");
  uplink.say("commit");
  expect(way.sent).toEqual(["by hand", "commit"]);
});

it("drops no live sound behind kept sound until that has drained", () => {
  const way = new Way();
  const uplink = new Uplink(way);
  way.open = false;
  uplink.sound("kept", "live");
  way.open = true;
  uplink.flush();
  way.bytes = WHOLE_LIMIT_BYTES - 1;
  uplink.sound("just after", "live");
  way.bytes = WHOLE_LIMIT_BYTES;
  uplink.sound("too much", "live");
  way.bytes = LIVE_LIMIT_BYTES - 1;
  uplink.sound("drained", "live");
  way.bytes = LIVE_LIMIT_BYTES;
  uplink.sound("too late", "live");
  expect(way.sent).toEqual(["kept", "just after", "drained"]);
});

it("has room for 10 s behind all the sound that it keeps", () => {
  const message = appendAudio(toBase64(new Int16Array(CHUNK_SAMPLES)));
  expect((message.length * 30_000) / CHUNK_MS).toBeLessThanOrEqual(WHOLE_LIMIT_BYTES);
});

it("keeps sound where a socket closes on what it could not send", () => {
  const way = new Way();
  const uplink = new Uplink(way);
  way.open = false;
  way.bytes = WHOLE_LIMIT_BYTES;
  uplink.sound("a", "live");
  way.open = true;
  way.bytes = 0;
  uplink.flush();
  expect(way.sent).toEqual(["a"]);
});
