/** Why the browser gave no microphone. */

/** In words that the page has a sentence for. */
export type MicrophoneFault =
  /** The page is neither localhost nor https. */
  | "insecure"
  /** The person said no, now or once for all. */
  | "refused"
  /** The question went away without an answer. */
  | "unanswered"
  /** The system, or who manages the browser, gives it to no page, or not to this one. */
  | "forbidden"
  | "missing"
  | "busy"
  | "other";

/** The names are those of the Media Capture specification, section 10.2; the messages are Chromium's, and tell more. */
export function faultOf(name: string, message: string): MicrophoneFault {
  if (name === "NotAllowedError" && /by system|policy/i.test(message)) return "forbidden";
  if (name === "NotAllowedError" && /dismissed/i.test(message)) return "unanswered";
  return FAULTS[name] ?? "other";
}

const FAULTS: Readonly<Record<string, MicrophoneFault>> = {
  NotAllowedError: "refused",
  SecurityError: "forbidden",
  NotFoundError: "missing",
  NotReadableError: "busy",
};
