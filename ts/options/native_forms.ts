import { keyframeNumbers, nativeControls } from "./controls.js";
import { completedImagePromptScales } from "./image_prompt.js";
import type { OptionName, SampleRequest } from "./sample_options.js";
import { nativeSubjects } from "./subjects.js";

type Form<Name extends OptionName> = (
  value: NonNullable<SampleRequest[Name]>,
  request: Partial<SampleRequest>,
) => unknown;

/** What crosses of options whose values don't as they are: of those with pictures, what is said beside these. */
export const nativeForms: { [Name in OptionName]?: Form<Name> } = {
  controls: nativeControls,
  keyframes: keyframeNumbers,
  ipScale: completedImagePromptScales,
  subjects: nativeSubjects,
};
