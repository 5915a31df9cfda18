/** The choice of microphone and loudspeaker: what there is, what was chosen last time, and what comes and goes. */

import { type Change, changes, type Chosen, type Devices, isNameless, type Kind, NO_DEVICES, sort, usable } from "../audio/devices";
import { canChooseLoudspeaker } from "../audio/loudspeaker";
import { ofThisBrowser } from "../memory";

const KINDS: readonly Kind[] = ["microphone", "loudspeaker"];

export interface DeviceListener {
  /** Another device is to be used from now on: the person chose it, or the one before went away. */
  onUse(kind: Kind, id: string): void;
  onChange(change: Change): void;
}

export interface DevicePlaces {
  readonly microphone: HTMLSelectElement;
  readonly loudspeaker: HTMLSelectElement;
  /** Asks for the microphone, so that the devices get names. */
  readonly name: HTMLElement;
  /** Says that the loudspeaker is the system's business. */
  readonly fixed: HTMLElement;
}

export class DeviceChoice {
  private devices: Devices = NO_DEVICES;
  private wanted: Chosen = { microphone: stored("microphone"), loudspeaker: stored("loudspeaker") };

  constructor(
    private readonly places: DevicePlaces,
    private readonly listener: DeviceListener,
  ) {
    places.fixed.hidden = canChooseLoudspeaker();
    for (const kind of KINDS) {
      places[kind].addEventListener("change", () => {
        this.choose(kind, places[kind].value);
      });
    }
    // Absent on pages that are neither localhost nor https.
    (navigator.mediaDevices as MediaDevices | undefined)?.addEventListener("devicechange", () => void this.refresh());
    this.show();
  }

  /** What to use now. */
  get chosen(): Chosen {
    return usable(this.wanted, this.devices);
  }

  /** Looks again what there is. */
  async refresh(): Promise<void> {
    if (!window.isSecureContext) return;
    const found = await navigator.mediaDevices.enumerateDevices();
    // Some browsers hide the names again when the call is over.
    if (isNameless(found)) return;
    const before = this.devices;
    const used = this.chosen;
    this.devices = sort(found);
    this.show();
    for (const change of changes(this.wanted, before, this.devices)) this.listener.onChange(change);
    const now = this.chosen;
    for (const kind of KINDS) if (now[kind] !== used[kind]) this.listener.onUse(kind, now[kind]);
  }

  private choose(kind: Kind, id: string): void {
    this.wanted = { ...this.wanted, [kind]: id };
    ofThisBrowser.write(`antiphon.${kind}`, id);
    this.listener.onUse(kind, id);
  }

  private show(): void {
    const { chosen } = this;
    for (const kind of KINDS) {
      const select = this.places[kind];
      const options = [new Option("The system's choice", "")];
      for (const { id, label } of this.devices[kind]) options.push(new Option(label, id));
      select.replaceChildren(...options);
      select.value = chosen[kind];
      select.disabled = options.length === 1;
    }
    this.places.loudspeaker.closest("label")?.toggleAttribute("hidden", !canChooseLoudspeaker());
    // Without a label no device is listed.
    this.places.name.hidden = !window.isSecureContext || this.devices.microphone.length > 0;
  }
}

function stored(kind: Kind): string {
  return ofThisBrowser.read(`antiphon.${kind}`);
}
