export { type CachedModel, listCachedModels } from "./cached_models.js";
export {
  type FetchOptions,
  type FetchProgress,
  fetchFromHub,
  type HubModel,
  type HubRequest,
} from "./fetch.js";
export { hubNameFor, hubNameOfPath, isHubName, parseHubName } from "./name.js";
export { type Removal, removeFromCache } from "./remove.js";
