/** Words that outlive a reload. Where the browser keeps nothing for this page, they last as long as the page does. */

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export class Memory {
  private readonly own = new Map<string, string>();

  /** @param store Looked up each time: a browser that blocks storage throws at its very name. */
  constructor(private readonly store: () => Store) {}

  /** What was last written by this name, or "". */
  read(name: string): string {
    try {
      return this.store().getItem(name) ?? "";
    } catch {
      return this.own.get(name) ?? "";
    }
  }

  /** Keeps `text`; "" forgets. */
  write(name: string, text: string): void {
    this.own.set(name, text);
    try {
      if (text === "") this.store().removeItem(name);
      else this.store().setItem(name, text);
    } catch {
      // Kept by the page itself.
    }
  }
}

/** Forgotten when the tab is closed. */
export const ofThisTab = new Memory(() => sessionStorage);

export const ofThisBrowser = new Memory(() => localStorage);
