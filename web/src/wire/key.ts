/** The API key that REST asks for beyond loopback: typed once, kept for this tab alone. */

import { ofThisTab } from "../memory";

const NAME = "antiphon.key";

export function keepKey(key: string): void {
  ofThisTab.write(NAME, key);
}

export function forgetKey(): void {
  keepKey("");
}

/** The header that shows the key; none where there is none. The WebSocket has its session's secret instead. */
export function authorization(): Record<string, string> {
  const key = ofThisTab.read(NAME);
  return key === "" ? {} : { authorization: `Bearer ${key}` };
}

/** Whether a header can hold it: visible ASCII. Anything else is no key of any gateway. */
export function canBeKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
