// Makes the npm package that carries libtorch's CPU libraries for this platform, so that users need no Python:
//
//   npm run pack:libtorch -- [--out FOLDER] [--from LIBTORCH] [--folder-only]
//
// --out          where the tarball goes, and the folder that it is made of. Default: packages
// --from         a folder as `cameo libtorch install` makes it. Default: what it has installed, fetched where it isn't
// --folder-only  leaves out the tarball, whose compression takes a minute
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { installLibtorch, libtorchVersion, reportTo } = await import(join(root, "dist/libtorch/index.js"));
const { libtorchPackage } = await import(join(root, "dist/libtorch/package.js"));
const { damagedFiles, readStamp, writeStamp } = await import(join(root, "dist/libtorch/stamp.js"));

const { values: options } = parseArgs({
  options: {
    out: { type: "string", default: join(root, "packages") },
    from: { type: "string" },
    "folder-only": { type: "boolean", default: false },
  },
});

function fail(message) {
  console.error(`pack-libtorch: ${message}`);
  process.exit(1);
}

function run(command, args, cwd) {
  const { status, stdout } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    shell: process.platform === "win32",
  });
  if (status !== 0) fail(`${command} ended with exit code ${status}`);
  return stdout;
}

const manifest = {
  name: libtorchPackage,
  version: libtorchVersion,
  description: `libtorch ${libtorchVersion} for CPUs on ${process.platform}-${process.arch}, as PyTorch's wheel has it`,
  license: "BSD-3-Clause",
  os: [process.platform],
  cpu: [process.arch],
  ...(process.platform === "linux" ? { libc: ["glibc"] } : {}),
  files: ["lib", "licenses", "cameo-libtorch.json"],
};

const readme = `# ${libtorchPackage}

The libraries of libtorch ${libtorchVersion} that run on a CPU, taken from PyTorch's wheel, which the package cameo loads.
PyTorch is under the BSD-3-Clause licence; libcudart and libcupti, where they are here, are NVIDIA's, under the
licence of the CUDA toolkit, and libgomp is GNU's, under the GPL with the runtime library exception. The texts that come
with the wheels are in licenses/.
`;

/** Symbols that only a debugger reads are a fifth of the Linux library. */
function copyLibrary(from, to) {
  copyFileSync(from, to);
  if (process.platform === "linux" && basename(to).includes("torch_cpu"))
    run("strip", ["--strip-unneeded", to]);
}

const from = options.from ?? (await installLibtorch({ onProgress: reportTo(process.stderr) }));
const stamp = readStamp(from);
if (stamp?.version !== libtorchVersion) fail(`${from} is not the libtorch that cameo installs`);
const licences = join(from, "licenses");
if (!existsSync(licences))
  fail(`${from} has no licences' texts: \`cameo libtorch install --force\` fetches them`);
const damaged = await damagedFiles(from);
if (damaged.length > 0)
  fail(`${from} is damaged (${damaged.join(", ")}): \`cameo libtorch install --force\` fetches it again`);
if (stamp.cuda) fail(`${from} has CUDA, which is too large for npm; name one without it with --from`);

const out = resolve(options.out);
const folder = join(out, basename(libtorchPackage));
rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, "lib"), { recursive: true });
// What else lies there is of unknown origin.
const libraries = Object.keys(stamp.files).map((file) => basename(file));
for (const name of libraries.filter((name) => !name.endsWith(".lib")))
  copyLibrary(join(from, "lib", name), join(folder, "lib", name));
cpSync(licences, join(folder, "licenses"), { recursive: true });
await writeStamp(folder, libtorchVersion, false);
writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
writeFileSync(join(folder, "README.md"), readme);
if (options["folder-only"]) console.log(folder);
else {
  const [{ filename, unpackedSize }] = JSON.parse(
    run("npm", ["pack", "--json", "--pack-destination", out], folder),
  );
  const file = join(out, filename.replace("@", "").replace("/", "-"));
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;
  console.log(`${file}: ${megabytes(statSync(file).size)}, ${megabytes(unpackedSize)} unpacked`);
}
