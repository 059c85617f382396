import { execFile } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { platform } from "./platform.js";

/**
 * The folders in which the Python on the PATH looks for packages, without starting it: a program that loads a model must not
 * wait for another one to start. What only Python itself knows, `askPython` finds.
 */
export function pythonPackages(): string[] {
  const { VIRTUAL_ENV, PYTHONPATH = "" } = process.env;
  const python = firstOnPath();
  return [
    ...PYTHONPATH.split(delimiter).filter(Boolean),
    ...(VIRTUAL_ENV ? platform().sitePackages(VIRTUAL_ENV) : []),
    ...(python ? packagesOf(behindShim(python)) : []),
  ];
}

/** What `python3` itself says of where it looks for packages; empty where there is none that starts. */
export async function askPython(): Promise<string[]> {
  for (const python of platform().pythons) {
    const text = await new Promise<string>((resolve) => {
      const script = "import sys; print('\\n'.join(sys.path))";
      execFile(python, ["-c", script], { timeout: 10_000 }, (error, stdout) => resolve(error ? "" : stdout));
    });
    if (text) return text.split(/\r?\n/).filter(Boolean);
  }
  return [];
}

function firstOnPath(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  const candidates = platform().pythons.flatMap((name) => folders.map((folder) => join(folder, name)));
  return candidates.find((path) => existsSync(path));
}

/** pyenv's commands are scripts that start the Python of the version which was chosen. */
function behindShim(python: string): string {
  const root = dirname(dirname(python));
  if (basename(dirname(python)) !== "shims") return python;
  const chosen = process.env.PYENV_VERSION ?? textOf(join(root, "version"));
  const [version = ""] = chosen.trim().split(/[:\s]/);
  const real = join(root, "versions", version, "bin", basename(python));
  return existsSync(real) ? real : python;
}

/** The folders of a Python's own packages, in the order in which it searches them. */
function packagesOf(python: string): string[] {
  const environment = dirname(dirname(python));
  if (existsSync(join(environment, "pyvenv.cfg"))) return platform().sitePackages(environment);
  const real = realpathSync(python);
  const prefix = dirname(dirname(real));
  const version = /^python(3\.\d+)$/.exec(basename(real))?.[1];
  if (version === undefined) return platform().sitePackages(prefix);
  const lib = join("lib", `python${version}`);
  return [
    join(homedir(), ".local", lib, "site-packages"),
    join(prefix, lib, "site-packages"),
    // Debian's: what an administrator installed, and what the distribution did.
    join(prefix, "local", lib, "dist-packages"),
    join(prefix, "lib", "python3", "dist-packages"),
  ];
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
