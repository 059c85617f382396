import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import t, { type Test } from "tap";

function which(tool: string): string {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return join(folder, tool);
    } catch {
      // Not in this folder.
    }
  }
  throw new Error(`the tests need ${tool}`);
}

/** Builds where only these tools are installed, with an empty cache. */
function build(t: Test, tools: string[]): { status: number | null; stderr: string } {
  const folder = t.testdir();
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const tool of tools) symlinkSync(which(tool), join(bin, tool));
  const bare = {
    PATH: bin,
    CAMEO_CACHE: join(folder, "cache"),
    CAMEO_LIBTORCH: "",
    VIRTUAL_ENV: "",
    CXX: "",
  };
  const { status, stderr } = spawnSync(process.execPath, ["native/build.mjs"], {
    encoding: "utf8",
    env: { ...process.env, ...bare },
  });
  return { status, stderr };
}

const missing = [
  { tools: ["c++", "make", "python3"], message: /^cameo: cmake is missing.*apt install cmake.*\n$/ },
  {
    tools: ["cmake", "make", "python3"],
    message: /^cameo: a C\+\+ compiler is missing.*apt install g\+\+.*\n$/,
  },
  { tools: ["cmake", "c++", "python3"], message: /^cameo: make is missing.*apt install make.*\n$/ },
  { tools: ["cmake", "c++", "make"], message: /^cameo: libtorch .*apt install python3-pip.*\n$/ },
];

for (const { tools, message } of missing) {
  t.test(`with only ${tools.join(", ")}, one line says what to install`, async (t) => {
    const { status, stderr } = build(t, tools);
    t.equal(status, 1);
    t.match(stderr, message);
  });
}

t.test("a libtorch of another version is refused before anything is compiled", async (t) => {
  const folder = t.testdir({
    lib: { "libc10.so": "", "libtorch_cpu.so": "" },
    "version.py": "__version__ = '2.10.0'\n",
  });
  const { status, stderr } = spawnSync(process.execPath, ["native/build.mjs"], {
    encoding: "utf8",
    env: { ...process.env, CAMEO_LIBTORCH: folder },
  });
  t.equal(status, 1);
  t.match(stderr, /^cameo: CAMEO_LIBTORCH=.* is libtorch 2\.10\.0, and this cameo needs 2\.11\.0: .*\n$/);
});

t.test("the addon is built without a search path of its own", async (t) => {
  t.ok(existsSync("build/Release/cameo.node"));
  t.match(readFileSync(".cmake/release/CMakeCache.txt", "utf8"), /^CAMEO_LIBTORCH:\w+=\/.+$/m);
  const { stdout } = spawnSync("readelf", ["--dynamic", "build/Release/cameo.node"], { encoding: "utf8" });
  t.match(stdout, /NEEDED.*libtorch_cpu\.so/);
  t.notMatch(stdout, /RPATH|RUNPATH/);
});
