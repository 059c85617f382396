import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CameoError, throwIfAborted } from "../errors.js";
import { installCommand } from "./locate.js";
import { resumingPip, type Wheel } from "./pins.js";
import { platform } from "./platform.js";

interface Outcome {
  ok: boolean;
  stdout: string;
  stderr: string;
}

/** Ends with the process, whatever its exit code; rejects with ERR_ABORTED when the signal ended it. */
function run(
  command: string,
  args: string[],
  signal?: AbortSignal,
  env?: NodeJS.ProcessEnv,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { signal, env: { ...process.env, ...env }, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        try {
          throwIfAborted(signal);
          resolve({ ok: !error, stdout, stderr: stderr || (error?.message ?? "") });
        } catch (aborted) {
          reject(aborted);
        }
      },
    );
  });
}

/** The first Python on the PATH that has pip. */
export async function findPython(): Promise<string> {
  for (const python of platform().pythons) {
    if ((await run(python, ["-m", "pip", "--version"])).ok) return python;
  }
  throw new CameoError(
    "ERR_LIBTORCH",
    "libtorch is fetched with Python's pip, which is not here: install it " +
      `(${platform().pipHint}) and run \`${installCommand}\`, or set CAMEO_LIBTORCH to the 'torch' folder of an installed PyTorch`,
  );
}

/** From this version on pip takes up a download that broke. */
const resuming = { major: 25, minor: 1 };

/** A requirement in a file of its own: only there a hash can be given. */
async function writeRequirement(
  folder: string,
  { project, version, sha256 }: Pick<Wheel, "project" | "version" | "sha256">,
): Promise<string> {
  const file = join(folder, "requirements.txt");
  await writeFile(file, `${project}==${version} --hash=sha256:${sha256}\n`);
  return file;
}

/**
 * Where a pip that takes up broken downloads lies: fetched into the empty folder `folder`, unless the Python's own one does.
 * undefined for its own one, also where the other can't be had.
 */
export async function findResumingPip(
  python: string,
  folder: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { stdout } = await run(python, ["-m", "pip", "--version"], signal);
  const [, major = 0, minor = 0] = (stdout.match(/^pip (\d+)\.(\d+)/) ?? []).map(Number);
  if (major > resuming.major || (major === resuming.major && minor >= resuming.minor)) return undefined;
  await mkdir(folder, { recursive: true });
  const requirement = await writeRequirement(folder, resumingPip);
  const fetched = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"];
  const target = ["--target", folder, "--requirement", requirement];
  const { ok } = await run(python, ["-m", "pip", "install", ...fetched, ...target], signal, pipSettings);
  return ok ? folder : undefined;
}

/** The kind of wheels that are pinned; it does not depend on the Python that fetches them. */
function wheelTags(): string[] {
  const python = ["--implementation", "cp", "--python-version", "3.12", "--abi", "cp312", "--abi", "none"];
  return [...python, ...platform().wheelPlatforms.flatMap((name) => ["--platform", name])];
}

/** As variables, because a pip that is too old for one of them then ignores it. */
const pipSettings = {
  PIP_NO_INPUT: "1",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_REQUIRE_VIRTUALENV: "0",
  // How often a broken connection is taken up where it broke.
  PIP_RESUME_RETRIES: "10",
  // What lies in the current folder under a module's name is not run, by a Python that knows this variable (3.11).
  PYTHONSAFEPATH: "1",
};

/**
 * Downloads one wheel into `folder`, with pip's own temporary files there too; `pip` is what `findResumingPip` found. pip is asked
 * to check the hash as well, which saves keeping a wrong file, but whoever uses the file checks it.
 */
export async function downloadWheel(
  python: string,
  wheel: Wheel,
  { folder, pip, signal }: { folder: string; pip?: string | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const requirement = await writeRequirement(folder, wheel);
  const quiet = ["--quiet", "--progress-bar", "off", "--no-cache-dir"];
  const exactly = ["--no-deps", "--only-binary=:all:", "--require-hashes", ...wheelTags()];
  const { ok, stderr } = await run(
    python,
    ["-m", "pip", "download", ...quiet, ...exactly, "--dest", folder, "--requirement", requirement],
    signal,
    { TMPDIR: folder, ...pipSettings, ...(pip && { PYTHONPATH: pip }) },
  );
  if (!ok) throw downloadError(wheel, stderr);
}

/** A file that is not the one that was pinned. */
export function wrongHash({ project, version, sha256 }: Wheel, got: string): CameoError {
  return new CameoError(
    "ERR_LIBTORCH",
    `${project} ${version} was refused: its sha256 should be ${sha256} and is ${got}; a mirror or proxy gave another file`,
  );
}

function downloadError(wheel: Wheel, stderr: string): CameoError {
  const name = `${wheel.project} ${wheel.version}`;
  if (/DO NOT MATCH THE HASHES/.test(stderr)) {
    return wrongHash(wheel, stderr.match(/Got\s+([0-9a-f]{64})/)?.[1] ?? "another");
  }
  if (/No space left on device|Disk quota exceeded/i.test(stderr))
    return diskFull(`while ${name} was downloaded`);
  const lines = stderr.split("\n").filter((line) => /\S/.test(line));
  const reason =
    lines.findLast((line) => /^\w*(ERROR|Error)/.test(line)) ?? lines.at(-1) ?? "no reason given";
  return new CameoError(
    "ERR_LIBTORCH",
    `the download of ${name} failed (${reason.replace(/^ERROR: /, "").trim()}): check the network and run ` +
      `\`${installCommand}\` again`,
  );
}

export function diskFull(when: string): CameoError {
  return new CameoError(
    "ERR_LIBTORCH",
    `the disk was full ${when}: free some space, or set CAMEO_CACHE to a folder on another disk, and run ` +
      `\`${installCommand}\` again`,
  );
}

/** Names and sizes are looked at before anything is written; zipfile reads no more of an entry than its size. */
const unpackScript = `
import json, os, re, shutil, sys, zipfile
wheel, folder, keep, limit = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
kept, size = [], 0
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        for source, target in keep.items():
            inside = source.endswith("/") and entry.filename.startswith(source)
            if entry.is_dir() or not (inside or entry.filename == source):
                continue
            name = entry.filename[len(source):] if inside else os.path.basename(source)
            if re.search(r"[\\\\:\\0]", name) or not {"", ".", ".."}.isdisjoint(name.split("/")):
                sys.exit(f"it has a file that would lie elsewhere, {entry.filename!r}")
            size += entry.file_size
            kept.append((entry, os.path.join(folder, target, name)))
    if size > limit:
        sys.exit(f"it would take {size} bytes, and {limit} are allowed")
    for entry, path in kept:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(entry) as data, open(path, "wb") as file:
            shutil.copyfileobj(data, file, 1 << 20)
`;

/**
 * Writes the parts of a wheel that are kept below `folder`, and its licences' texts, which whoever passes the libraries on has
 * to pass on with them: `limit` bytes at most, and nothing outside of `folder`. Python's zipfile checks their CRCs.
 */
export async function unpackWheel(
  python: string,
  wheel: Wheel,
  file: string,
  { folder, limit, signal }: { folder: string; limit: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const { project, version } = wheel;
  const licences = `${project.replaceAll("-", "_")}-${version}.dist-info/licenses/`;
  const keep = { ...wheel.keep, [licences]: join("licenses", project) };
  // -I: neither the current folder nor variables can put another module in the place of Python's own.
  const script = ["-I", "-c", unpackScript, file, folder, JSON.stringify(keep), String(limit)];
  const { ok, stderr } = await run(python, script, signal);
  if (ok) return;
  if (/No space left on device|Disk quota exceeded/i.test(stderr)) {
    throw diskFull(`while ${project} was unpacked`);
  }
  const reason = stderr.trim().split("\n").at(-1);
  throw new CameoError(
    "ERR_LIBTORCH",
    `${file} could not be unpacked (${reason}): run \`${installCommand}\` again`,
  );
}
