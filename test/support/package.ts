import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { libtorchVersion, locateLibtorch } from "#ts/libtorch/index.js";
import { libtorchPackage } from "#ts/libtorch/package.js";
import { findLibrary, machine, platform } from "#ts/libtorch/platform.js";
import { readStamp, writeStamp } from "#ts/libtorch/stamp.js";

export interface Output {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Packs this package, with the addon that was built for the tests as its prebuilt one or without any. */
export function pack({ prebuild }: { prebuild: boolean }): { tarball: string; files: string[] } {
  const stage = resolve(prebuild ? "build/packed" : "build/packed-sources");
  rmSync(stage, { recursive: true, force: true });
  const files = packedFiles(".").filter((file) => !file.startsWith("prebuilds/"));
  for (const file of files) copyInto(file, join(stage, file));
  if (prebuild) {
    const addon = `prebuilds/${machine}/cameo.node`;
    copyInto("build/Release/cameo.node", join(stage, addon));
    files.push(addon);
  }
  const [{ filename }] = JSON.parse(npm(["pack", "--json", "--ignore-scripts"], stage).stdout);
  return { tarball: join(stage, filename), files };
}

function packedFiles(folder: string): string[] {
  const [{ files }] = JSON.parse(npm(["pack", "--json", "--dry-run", "--ignore-scripts"], folder).stdout);
  return files.map(({ path }: { path: string }) => path);
}

function copyInto(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** npm's own command, which works where PATH has no more than node. */
const npmCommand = [
  process.env.npm_execpath ?? "",
  join(dirname(process.execPath), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
].find((file) => basename(file) === "npm-cli.js" && existsSync(file));

export function npm(args: string[], cwd: string, env: NodeJS.ProcessEnv = process.env): Output {
  if (!npmCommand) throw new Error("the tests need npm");
  const ended = spawnSync(process.execPath, [npmCommand, ...args], { cwd, env, encoding: "utf8" });
  if (ended.status !== 0) throw new Error(`npm ${args.join(" ")}: ${ended.stdout}${ended.stderr}`);
  return ended;
}

/** A PATH with node and a shell on it and nothing else, an empty home, and no libtorch. */
export function bareEnvironment(folder: string): NodeJS.ProcessEnv {
  const bin = join(folder, "bin");
  const home = join(folder, "home");
  for (const each of [bin, home]) mkdirSync(each, { recursive: true });
  symlinkSync(process.execPath, join(bin, "node"));
  symlinkSync("/bin/sh", join(bin, "sh"));
  const settings = (name: string) => npm(["config", "get", name], ".").stdout.trim();
  return {
    PATH: bin,
    HOME: home,
    TMPDIR: process.env.TMPDIR ?? "/tmp",
    npm_config_cache: settings("cache"),
    npm_config_userconfig: settings("userconfig"),
    npm_config_registry: settings("registry"),
    OMP_WAIT_POLICY: "passive",
  };
}

/**
 * Installs what `npm run pack:libtorch` makes; where the tests run on a libtorch that cameo has not installed, and so can't
 * pack, something like it of links to its libraries.
 */
export async function installLibtorchPackage(modules: string): Promise<void> {
  const { folder: libtorch, cuda } = locateLibtorch();
  const folder = join(modules, libtorchPackage);
  mkdirSync(dirname(folder), { recursive: true });
  if (!cuda && readStamp(libtorch) && existsSync(join(libtorch, "licenses"))) {
    const options = ["--folder-only", "--from", libtorch, "--out", dirname(folder)];
    const { status, stderr } = spawnSync(process.execPath, ["scripts/pack-libtorch.mjs", ...options], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
    return;
  }
  mkdirSync(join(folder, "lib"), { recursive: true });
  for (const { name } of platform().cpuLibraries) {
    const library = findLibrary(libtorch, name);
    if (library) symlinkSync(library, join(folder, "lib", basename(library)));
  }
  await writeStamp(folder, libtorchVersion, false);
  const manifest = { name: libtorchPackage, version: libtorchVersion };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
}
