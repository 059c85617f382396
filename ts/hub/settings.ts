import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { CameoError } from "../errors.js";
import { quoted } from "../quote.js";

/** Where the hub is and where its files are kept: what Python's huggingface_hub goes by, too. */
export interface HubSettings {
  /** The hub's address, without a slash at its end. */
  endpoint: string;
  /** The folder with a folder for each repository. */
  cache: string;
  /** Sent to the endpoint, and nowhere else. */
  token: string | undefined;
  /** Asks nothing of the network. */
  offline: boolean;
  /** Whether a snapshot's files are links to the blobs. */
  links: boolean;
}

/** What the environment says. Throws ERR_INVALID_OPTION for an address or a token that can't be one. */
export function hubSettings(env: NodeJS.ProcessEnv = process.env): HubSettings {
  const caches = env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const home = expanded(env.HF_HOME || join(caches, "huggingface"), env);
  const cache = env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home, "hub");
  return {
    endpoint: checkedEndpoint(env.HF_ENDPOINT || "https://huggingface.co"),
    cache: resolve(expanded(cache, env)),
    token: isOn(env.HF_HUB_DISABLE_IMPLICIT_TOKEN) ? undefined : findToken(home, env),
    offline: isOn(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE),
    links: !isOn(env.HF_HUB_DISABLE_SYMLINKS),
  };
}

function isOn(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");
}

/** With the user's folder for ~, and what variables say for their names. */
function expanded(path: string, env: NodeJS.ProcessEnv): string {
  return path
    .replace(/^~(?=$|[\\/])/, homedir())
    .replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (text, plain, braced) => env[plain ?? braced] ?? text);
}

function checkedEndpoint(text: string): string {
  const { protocol, username } = URL.canParse(text) ? new URL(text) : { protocol: "", username: "" };
  if (/^https?:$/.test(protocol) && username === "") return text.replace(/\/+$/, "");
  throw new CameoError(
    "ERR_INVALID_OPTION",
    `HF_ENDPOINT is ${quoted(text)}, which is no address of a hub; it must be one as https://huggingface.co, or not set`,
  );
}

function findToken(home: string, env: NodeJS.ProcessEnv): string | undefined {
  const given = env.HF_TOKEN?.trim() || env.HUGGING_FACE_HUB_TOKEN?.trim();
  const file = expanded(env.HF_TOKEN_PATH || join(home, "token"), env);
  const token = given || readToken(file);
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token;
  // Not the token itself: messages are shown to others.
  const place = given ? "HF_TOKEN" : quoted(file);
  throw new CameoError(
    "ERR_INVALID_OPTION",
    `${place} has characters in it that no token has; copy the token anew`,
  );
}

function readToken(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}
