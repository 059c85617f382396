import { computed, signal } from "@preact/signals";
import { type Draft, draft } from "./draft.js";
import { takes } from "./model.js";
import { type NumberField, numberFault, numberFields, numberNames } from "./numbers.js";
import { requestSize, shownSubjects } from "./order.js";

/** What is wrong with a field, which has the id `field`. */
export interface Fault {
  field: string;
  /** A whole sentence, for the end of the form. */
  message: string;
  /** What stands by the field. */
  short: string;
  /** Whether it is that something is not there yet: said once the order was tried. */
  isMissing?: boolean;
}

/** At the end of the form: what is wrong with the order, or with anything else that was tried. */
export const draftError = signal("");

/** What the server said of the draft that it was sent. */
const refusal = signal<(Fault & { of: Draft }) | undefined>(undefined);

/** Whether what is missing is shown. */
const isTried = signal(false);

/** What no server has to be asked for. */
const ownFaults = computed(() => faultsOf(draft.value));

/** Of a field as it is now. */
export function faultAt(field: string): Fault | undefined {
  const said = refusal.value;
  const own = ownFaults.value.find((fault) => fault.field === field && (isTried.value || !fault.isMissing));
  return own ?? (said?.of === draft.value && said.field === field ? said : undefined);
}

/** Whether the draft may be sent; what is wrong with it is said. */
export function checkDraft(): boolean {
  refusal.value = undefined;
  const faults = ownFaults.value;
  isTried.value = faults.length > 0;
  draftError.value = faults.map(({ message }) => message).join("; ");
  if (faults[0]) goTo(faults[0].field);
  return faults.length === 0;
}

/** Shows the server's message, by the field too whose option it begins with. */
export function refuse(message: string, of: Draft): void {
  draftError.value = message;
  const [named = ""] = /^[a-zA-Z]+(\[\d+\])?(\.[a-zA-Z]+)?/.exec(message) ?? [];
  const field = named.startsWith("context") ? "context" : named;
  const short = message.replace(/^[a-zA-Z]+(\[\d+\])?(\.[a-zA-Z]+)?( \d+)?:? /, "");
  refusal.value = { of, field, message, short };
  if (of === draft.value) goTo(field);
}

/** Opens what a field is folded in, and puts the focus there, if there is such a field. */
function goTo(field: string): void {
  const element = document.getElementById(field);
  for (let fold = element?.closest("details"); fold; fold = fold.parentElement?.closest("details"))
    fold.open = true;
  element?.focus();
}

function faultsOf(of: Draft): Fault[] {
  const faults: Fault[] = [];
  const number = (field: string, kind: NumberField, text: string) => {
    const message = numberFault(kind, text);
    if (message === undefined) return;
    faults.push({ field, message, short: kind.whole ? "not a whole number" : "not a number" });
  };
  for (const name of numberNames) if (takes(name)) number(name, numberFields[name], of[name]);
  number("context", { label: "Frames in a window", whole: true }, of.windowLength);
  number("context.overlap", { label: "Overlap", whole: true }, of.windowOverlap);
  for (const [i, { frame }] of of.later.entries()) {
    const field = `later[${i}]`;
    number(field, { label: "At frame", whole: true }, frame);
    if (frame.trim() === "") {
      const message = "At frame: this prompt needs the frame at which it holds";
      faults.push({ field, message, short: "needs a frame", isMissing: true });
    }
  }
  for (const [i, subject] of shownSubjects(of).entries()) {
    const name = `subjects[${i}]`;
    number(`${name}.strength`, { label: `Strength of subject ${i + 1}`, whole: false }, subject.strength);
    if (subject.region === "box") {
      for (const [side, label] of Object.entries(boxSides)) {
        number(`${name}.region.${side}`, { label, whole: false }, subject.box[side as keyof typeof boxSides]);
      }
    }
    if (subject.region === "mask") faults.push(...maskFaults(`${name}.region`, subject.mask, true));
  }
  if (takes("mask")) faults.push(...maskFaults("mask", of.mask, false));
  return faults;
}

export const boxSides = { x: "Left, %", y: "Top, %", width: "Width, %", height: "Height, %" } as const;

/** A mask of another size would be cropped, and be somewhere else than where it was painted. */
function maskFaults(field: string, mask: Draft["mask"], needed: boolean): Fault[] {
  const size = requestSize.value;
  if (mask === null) {
    if (!needed) return [];
    const message = "Region: nothing is painted yet; paint it, or choose another region";
    return [{ field, message, short: "nothing is painted yet", isMissing: true }];
  }
  if (size === undefined || (mask.width === size.width && mask.height === size.height)) return [];
  const short =
    `it was painted at ${mask.width} × ${mask.height}, and the video is ${size.width} × ${size.height}; ` +
    "look at it again";
  return [{ field, message: `${field === "mask" ? "Mask" : "Region"}: ${short}`, short }];
}
