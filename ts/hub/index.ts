export { type CachedModel, listCachedModels } from "./cached_models.js";
export { type FetchOptions, type FetchProgress, fetchFromHub, type HubModel } from "./fetch.js";
export { hubNameFor, isHubName, parseHubName } from "./name.js";
export { type Removal, removeFromCache } from "./remove.js";
