import { computed } from "@preact/signals";
import type { OptionName } from "../../options/sample_options.js";
import { model } from "./store.js";

/** What is known of the loaded model; undefined until it is. */
export const loaded = computed(() => (model.value.state === "ready" ? model.value : undefined));

/** Whether it makes single pictures, as far as is known. */
export const makesStills = computed(
  () => loaded.value?.maxFrames === null && (loaded.value.defaults.frames ?? 1) === 1,
);

/** Whether the model takes an option, as far as is known. */
export function takes(name: OptionName): boolean {
  return loaded.value === undefined || name in loaded.value.defaults;
}
