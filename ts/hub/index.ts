export { type CachedModel, listCachedModels } from "./cached_models.js";
export { type FetchOptions, fetchFromHub } from "./fetch.js";
export type { HubModel, HubRequest } from "./model_request.js";
export { hubNameFor, hubNameOfPath, hubNameText, isHubName, parseHubName } from "./name.js";
export { isWeightFile } from "./needed_files.js";
export type { FetchProgress } from "./progress.js";
export { type Removal, removeFromCache } from "./remove.js";
