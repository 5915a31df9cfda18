/** The line in which the person types; Enter sends. */

export class Composer {
  /** @param onText Is given what was typed, never blank. */
  constructor(
    form: HTMLFormElement,
    private readonly input: HTMLInputElement,
    onText: (text: string) => void,
  ) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (text === "") return;
      input.value = "";
      onText(text);
    });
  }

  focus(): void {
    this.input.focus();
  }
}
