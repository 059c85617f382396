export { type CachedLatents, keptPath } from "./latents.js";
export { referencesOf, type Sample } from "./sample.js";
export { type ClipList, listClips, TrainingData, type TrainingDataOptions } from "./training_data.js";
