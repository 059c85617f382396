import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
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

/** From this version on a download that broke is taken up where it broke. */
const resuming = { major: 25, minor: 1, fetched: "25.3" };

/**
 * Where a pip that takes up broken downloads lies: fetched into `folder`, unless the Python's own one does. undefined for its
 * own one, also where the other can't be had.
 */
export async function findResumingPip(
  python: string,
  folder: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { stdout } = await run(python, ["-m", "pip", "--version"], signal);
  const [, major = 0, minor = 0] = (stdout.match(/^pip (\d+)\.(\d+)/) ?? []).map(Number);
  if (major > resuming.major || (major === resuming.major && minor >= resuming.minor)) return undefined;
  const fetched = [
    "--quiet",
    "--no-deps",
    "--only-binary=:all:",
    "--target",
    folder,
    `pip==${resuming.fetched}`,
  ];
  const { ok } = await run(python, ["-m", "pip", "install", ...fetched], signal, pipSettings);
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
};

/**
 * Downloads one wheel into `folder`, with pip's own temporary files there too; `pip` is what `findResumingPip` found. It checks
 * the hash.
 */
export async function downloadWheel(
  python: string,
  wheel: Wheel,
  { folder, pip, signal }: { folder: string; pip?: string | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const requirements = join(folder, "requirements.txt");
  await writeFile(requirements, `${wheel.project}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
  const { ok, stderr } = await run(
    python,
    [
      ...["-m", "pip", "download", "--quiet", "--progress-bar", "off", "--no-cache-dir", "--no-deps"],
      ...[
        "--only-binary=:all:",
        "--require-hashes",
        ...wheelTags(),
        "--dest",
        folder,
        "--requirement",
        requirements,
      ],
    ],
    signal,
    { TMPDIR: folder, ...pipSettings, ...(pip && { PYTHONPATH: pip }) },
  );
  if (!ok) throw downloadError(wheel, stderr);
}

function downloadError(wheel: Wheel, stderr: string): CameoError {
  const name = `${wheel.project} ${wheel.version}`;
  if (/DO NOT MATCH THE HASHES/.test(stderr)) {
    const got = stderr.match(/Got\s+([0-9a-f]{64})/)?.[1] ?? "another";
    return new CameoError(
      "ERR_LIBTORCH",
      `${name} was refused: its sha256 should be ${wheel.sha256} and is ${got}; a mirror or proxy gave another file`,
    );
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

const unpackScript = `
import json, os, shutil, sys, zipfile
wheel, folder, keep = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        for source, target in keep.items():
            inside = source.endswith("/") and entry.filename.startswith(source)
            if entry.is_dir() or not (inside or entry.filename == source):
                continue
            name = entry.filename[len(source):] if inside else os.path.basename(source)
            path = os.path.join(folder, target, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.open(entry) as data, open(path, "wb") as file:
                shutil.copyfileobj(data, file, 1 << 20)
`;

/**
 * Writes the parts of a wheel that are kept below `folder`, and its licences' texts, which whoever passes the libraries on has
 * to pass on with them; Python's zipfile checks their CRCs.
 */
export async function unpackWheel(
  python: string,
  wheel: Wheel,
  file: string,
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  const { project, version } = wheel;
  const licences = `${project.replaceAll("-", "_")}-${version}.dist-info/licenses/`;
  const keep = { ...wheel.keep, [licences]: join("licenses", project) };
  const { ok, stderr } = await run(python, ["-c", unpackScript, file, folder, JSON.stringify(keep)], signal);
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
