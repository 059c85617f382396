import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { CameoError, throwIfAborted } from "../errors.js";
import { installCommand } from "./locate.js";
import type { Wheel } from "./pins.js";
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

/**
 * The start of every script: it ends when this process does, however that ends, which closes the pipe that it reads. What
 * outlived this process would write into folders that the next install removes.
 */
const endWithParent =
  "import os, threading; " +
  "threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()";

/** As `python -m pip` does it, but that what lies in the current folder under a module's name is not run. */
const pipScript = [
  "import sys; sys.path[:] = [p for p in sys.path if p]",
  endWithParent,
  "import runpy; runpy.run_module('pip', run_name='__main__', alter_sys=True)",
].join("\n");

/** As variables, because a pip that is too old for one of them then ignores it. */
const pipSettings = {
  PIP_NO_INPUT: "1",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_REQUIRE_VIRTUALENV: "0",
  // How often a broken connection is taken up where it broke.
  PIP_RESUME_RETRIES: "10",
};

interface PipOptions {
  /** A wheel of the pip to run. Default: the Python's own one. */
  pip?: string | undefined;
  /** For its temporary files. */
  temporary?: string;
  signal?: AbortSignal | undefined;
}

function runPip(
  python: string,
  args: string[],
  { pip, temporary, signal }: PipOptions = {},
): Promise<Outcome> {
  // An empty part stands for the current folder.
  const given = (process.env.PYTHONPATH ?? "").split(delimiter).filter(Boolean).join(delimiter);
  const env = { ...pipSettings, PYTHONPATH: pip ?? given, ...(temporary && { TMPDIR: temporary }) };
  return run(python, ["-c", pipScript, ...args], signal, env);
}

/** The first Python on the PATH that has pip. */
export async function findPython(): Promise<string> {
  for (const python of platform().pythons) {
    if ((await runPip(python, ["--version"])).ok) return python;
  }
  throw new CameoError(
    "ERR_LIBTORCH",
    "libtorch is fetched with Python's pip, which is not here: install it " +
      `(${platform().pipHint}) and run \`${installCommand}\`, or set CAMEO_LIBTORCH to the 'torch' folder of an installed PyTorch`,
  );
}

/** From this version on pip takes up a download that broke. */
const resuming = { major: 25, minor: 1 };

/** Whether a Python's pip takes up broken downloads; `wheel` is that of a pip to run in the place of its own. */
export async function canResume(
  python: string,
  wheel: string | undefined,
  signal?: AbortSignal,
): Promise<boolean> {
  const { stdout } = await runPip(python, ["--version"], { pip: wheel, signal });
  const [, major = 0, minor = 0] = (stdout.match(/^pip (\d+)\.(\d+)/) ?? []).map(Number);
  return major > resuming.major || (major === resuming.major && minor >= resuming.minor);
}

/** The kind of wheels that are pinned; it does not depend on the Python that fetches them. */
function wheelTags(): string[] {
  const python = ["--implementation", "cp", "--python-version", "3.12", "--abi", "cp312", "--abi", "none"];
  return [...python, ...platform().wheelPlatforms.flatMap((name) => ["--platform", name])];
}

/**
 * Downloads one wheel into `folder`, with pip's own temporary files there too; `pip` is a wheel of the pip to use. It is asked
 * to check the hash as well, which saves keeping a wrong file, but whoever uses the file checks it.
 */
export async function downloadWheel(
  python: string,
  wheel: Wheel,
  { folder, pip, signal }: { folder: string; pip?: string | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  // Only in a file a hash can be given.
  const requirement = join(folder, "requirements.txt");
  await writeFile(requirement, `${wheel.project}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
  const quiet = ["--quiet", "--progress-bar", "off", "--no-cache-dir"];
  const exactly = ["--no-deps", "--only-binary=:all:", "--require-hashes", ...wheelTags()];
  const { ok, stderr } = await runPip(
    python,
    ["download", ...quiet, ...exactly, "--dest", folder, "--requirement", requirement],
    { pip, temporary: folder, signal },
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
${endWithParent}
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
