import { CameoError } from "../errors.js";
import { quoted } from "../quote.js";

/** A model on the Hugging Face hub, as "hf:owner/name/folder@revision" names it. */
export interface HubName {
  /** "owner/name". */
  repo: string;
  /** A file or a folder in it, without slashes at its ends; "" for the whole. */
  path: string;
  /** A branch, a tag or a commit. */
  revision: string;
}

const prefix = "hf:";
const mainBranch = "main";
const form = "hf:owner/name, with /file-or-folder and @revision behind it where they are needed";
const idPart = /^[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?$/;

/** Whether a model's path is a name on the hub. */
export function isHubName(path: string): boolean {
  return path.startsWith(prefix);
}

/** What a name says. Throws ERR_INVALID_OPTION where it isn't one. */
export function parseHubName(text: string): HubName {
  const [, all = "", revision = mainBranch] = /^hf:(.*?)(?:@([^@]*))?$/s.exec(text) ?? [];
  const [owner = "", name = "", ...parts] = all.replace(/\/$/, "").split("/");
  if (!isRepoPart(owner) || !isRepoPart(name)) throw notAName(text, "it names no repository");
  const path = parts.join("/");
  if (path !== "" && !isSafePath(path)) throw notAName(text, "its path is none in a repository");
  if (!isRevision(revision)) throw notAName(text, "what is behind the @ is no revision");
  return { repo: `${owner}/${name}`, path, revision };
}

/** The name as a user writes it. */
export function hubNameText({ repo, path, revision }: HubName): string {
  const at = revision === mainBranch && !path.includes("@") ? "" : `@${revision}`;
  return `${prefix}${[repo, path].filter(Boolean).join("/")}${at}`;
}

/** The name, with its commit, of a file or folder in a snapshot of the hub's cache; undefined for other paths. */
export function hubNameOfPath(path: string): string | undefined {
  const parts = path.split(/[\\/]+/);
  const at = parts.lastIndexOf("snapshots");
  const [, repo] = /^models--(.+--.+)$/.exec(parts[at - 1] ?? "") ?? [];
  const revision = parts[at + 1] ?? "";
  if (repo === undefined || !isCommit(revision)) return undefined;
  return hubNameText({ repo: repo.replace("--", "/"), path: parts.slice(at + 2).join("/"), revision });
}

/** The name of what a path may be meant to be on the hub, as in "owner/name" or a page's address; undefined for others. */
export function hubNameFor(path: string): string | undefined {
  const [, owner = "", name = ""] = /^(?:https:\/\/huggingface\.co\/)?([^/]+)\/([^/]+)\/?$/.exec(path) ?? [];
  return isRepoPart(owner) && isRepoPart(name) ? `${prefix}${owner}/${name}` : undefined;
}

/** Whether a path leads to a place below the folder that it is put behind, on every platform. */
export function isSafePath(path: string): boolean {
  const parts = path.split("/");
  return !/[\\:\0]/.test(path) && parts.every((part) => part !== "" && part !== "." && part !== "..");
}

export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

function isRepoPart(part: string): boolean {
  return idPart.test(part) && !part.includes("--") && !part.includes("..") && !part.endsWith(".git");
}

/** What git takes as a name, nearly. */
function isRevision(revision: string): boolean {
  return isSafePath(revision) && !/[\s~^?*[\p{Cc}]|\.\.|\.lock$|^-/u.test(revision);
}

function notAName(text: string, reason: string): CameoError {
  return new CameoError(
    "ERR_INVALID_OPTION",
    `${quoted(text)} is no name of a model on the Hugging Face hub: ${reason}; write ${form}`,
  );
}
