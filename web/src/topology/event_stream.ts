/** Takes a `text/event-stream` apart (HTML, 9.2.6): `EventSource` could do that, but sends no key. */

export interface StreamEvent {
  readonly name: string;
  readonly data: string;
}

/** Feed it what comes; a comment or a half event gives nothing yet. */
export class EventStream {
  private rest = "";
  private name = "";
  private data: string[] = [];

  feed(chunk: string): StreamEvent[] {
    const lines = (this.rest + chunk).split("\n");
    this.rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.line(line.endsWith("\r") ? line.slice(0, -1) : line));
  }

  private line(line: string): StreamEvent[] {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return [];
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.name = value;
    if (field === "data") this.data.push(value);
    return [];
  }

  private dispatch(): StreamEvent[] {
    const event = { name: this.name === "" ? "message" : this.name, data: this.data.join("\n") };
    const empty = this.data.length === 0;
    this.name = "";
    this.data = [];
    return empty ? [] : [event];
  }
}
