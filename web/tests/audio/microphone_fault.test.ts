import { expect, it } from "vitest";

import { faultOf } from "../../src/audio/microphone_fault";

it.each([
  ["NotAllowedError", "Permission denied", "refused"],
  ["NotAllowedError", "The request is not allowed by the user agent or the platform in the current context.", "refused"],
  ["NotAllowedError", "Permission denied by system", "forbidden"],
  ["NotAllowedError", "Permission dismissed", "unanswered"],
  ["SecurityError", "", "forbidden"],
  ["NotFoundError", "Requested device not found", "missing"],
  ["NotReadableError", "Could not start audio source", "busy"],
  ["AbortError", "", "other"],
])("tells who said no: %s, %s", (name, message, fault) => {
  expect(faultOf(name, message)).toBe(fault);
});
