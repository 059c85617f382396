import { CameoError } from "../errors.js";
import { fileReason } from "../media/files.js";
import { shortened } from "../quote.js";
import type { HubSettings } from "./settings.js";

/** What a message is about: a name on the hub, and where that is. */
export interface Place {
  /** As the user wrote it. */
  name: string;
  repo: string;
  revision: string;
  settings: HubSettings;
}

export function hubError({ name }: Place, reason: string, cause?: unknown): CameoError {
  return new CameoError("ERR_HUB", `${shortened(name)}: ${reason}`, { cause });
}

/** What an answer means that isn't the file or the listing which was asked for. */
export function refusal(place: Place, status: number, headers: Headers): CameoError {
  return hubError(place, refusalReason(place, status, headers.get("x-error-code") ?? ""));
}

function refusalReason({ repo, revision, settings }: Place, status: number, code: string): string {
  const { endpoint, token } = settings;
  const page = `${endpoint}/${repo}`;
  const wayToToken = `set HF_TOKEN to a token that may read it, from ${endpoint}/settings/tokens`;
  if (code === "GatedRepo" || (status === 403 && code === "")) {
    const account = token ? "check that HF_TOKEN is of the account that did" : wayToToken;
    return `it is open only to accounts that have accepted its terms: accept them on ${page}, and ${account}`;
  }
  if (status === 401 || status === 403) {
    const refused = token ? " and the token that was sent may not read it" : "";
    return `${endpoint} has no ${repo}, or it is private${refused}: check the name, or ${wayToToken}`;
  }
  if (code === "RevisionNotFound") return `it has no revision ${revision}: check what is behind the @`;
  if (code === "EntryNotFound") return `it has no such file at ${revision}; ${page} shows what it has`;
  if (status === 404) return `${endpoint} has no ${repo}, or no ${revision} of it: check the name`;
  if (status === 429) {
    return `the hub has had too many requests from here: try again in a while${token ? "" : ", or set HF_TOKEN"}`;
  }
  return `${endpoint} answered with ${status}: try again later`;
}

/** What keeps a request from being answered. */
export function unreachable(place: Place, error: unknown): CameoError {
  const { code, message } = (error as { cause?: { code?: string; message?: string } }).cause ?? {};
  const reason = code ?? message ?? (error as Error).message;
  return hubError(
    place,
    `${place.settings.endpoint} can't be reached (${shortened(reason)}): check the network; what is in the cache is used without it`,
    error,
  );
}

/** The cache's file system says no. */
export function cannotWrite(place: Place, error: unknown): CameoError {
  const { cache } = place.settings;
  return hubError(
    place,
    `it can't be kept in ${cache}: ${fileReason(error)}; make room there, or set HF_HUB_CACHE to another folder, and try again: what is fetched already stays`,
    error,
  );
}

/** Where nothing may be asked and the cache can't answer. */
export function notInCache(place: Place): CameoError {
  return hubError(
    place,
    `it isn't in ${place.settings.cache}, or not all of it, and HF_HUB_OFFLINE forbids to fetch it: set that to 0`,
  );
}
