/** Which microphone and loudspeaker to use: what there is, what the person wants, and what follows when one comes or goes. */

export interface Device {
  readonly id: string;
  readonly label: string;
}

export type Kind = "microphone" | "loudspeaker";

/** An id each; "" is the system's choice. */
export type Chosen = Readonly<Record<Kind, string>>;

export type Devices = Readonly<Record<Kind, readonly Device[]>>;

export const NO_DEVICES: Devices = { microphone: [], loudspeaker: [] };

/** What became of a device that the person had chosen. */
export interface Change {
  readonly kind: Kind;
  readonly what: "gone" | "back";
  readonly label: string;
}

/** Chromium lists the system's choice under these names too. */
const ALIASES = ["", "default", "communications"];

export type Found = readonly Pick<MediaDeviceInfo, "kind" | "deviceId" | "label">[];

/** Whether the browser keeps the devices' names to itself, as long as the person has not allowed the microphone. */
export function isNameless(found: Found): boolean {
  return found.length > 0 && found.every((device) => device.label === "");
}

/** The devices by kind, of those that have a name. */
export function sort(found: Found): Devices {
  const of = (kind: MediaDeviceKind) =>
    found
      .filter((device) => device.kind === kind && device.label !== "" && !ALIASES.includes(device.deviceId))
      .map((device) => ({ id: device.deviceId, label: device.label }));
  return { microphone: of("audioinput"), loudspeaker: of("audiooutput") };
}

/** What to use now: what the person wants, where it is there. */
export function usable(wanted: Chosen, devices: Devices): Chosen {
  const of = (kind: Kind) => (find(devices, kind, wanted[kind]) === undefined ? "" : wanted[kind]);
  return { microphone: of("microphone"), loudspeaker: of("loudspeaker") };
}

/** What became of the wanted devices from one list to the next. */
export function changes(wanted: Chosen, before: Devices, now: Devices): readonly Change[] {
  return (["microphone", "loudspeaker"] as const).flatMap((kind): Change[] => {
    const was = find(before, kind, wanted[kind]);
    const is = find(now, kind, wanted[kind]);
    if (was !== undefined && is === undefined) return [{ kind, what: "gone", label: was.label }];
    if (was === undefined && is !== undefined && before[kind].length > 0) return [{ kind, what: "back", label: is.label }];
    return [];
  });
}

function find(devices: Devices, kind: Kind, id: string): Device | undefined {
  return devices[kind].find((device) => device.id === id);
}
