import { basename, join } from "node:path";
import t from "tap";
import { pinnedRelease } from "#ts/libtorch/pins.js";
import { findLibrary, hasCudaLibraries, hasLibraries, platforms } from "#ts/libtorch/platform.js";

/** The files in `lib` that a machine's wheels leave there; whole folders of a wheel are not listed. */
function libraries(machine: string): Record<string, string> {
  const kept = pinnedRelease(machine, false)?.wheels.flatMap(({ keep }) => Object.entries(keep)) ?? [];
  const files = kept.filter(([path, to]) => to === "lib" && !path.endsWith("/"));
  return Object.fromEntries(files.map(([path]) => [basename(path), ""]));
}

for (const [machine, platform] of Object.entries(platforms)) {
  t.test(`${machine}: what is fetched is what is loaded`, async (t) => {
    const files = libraries(machine);
    const folder = t.testdir({ lib: files });
    t.ok(hasLibraries(folder, platform));
    t.notOk(hasCudaLibraries(folder, platform));
    const found = platform.cpuLibraries.map(({ name }) => findLibrary(folder, name, platform));
    const loadable = Object.keys(files).filter((name) => !name.endsWith(".lib"));
    t.same(found.sort(), loadable.map((name) => join(folder, "lib", name)).sort());
  });
}

t.test("a library whose name begins with another's is not taken for it", async (t) => {
  const { "linux-x64": linux } = platforms;
  const names = ["libnvrtc-builtins.so.13.0", "libnvrtc.so.13", "libcudart-8774224f.so.13"];
  const folder = t.testdir({ lib: Object.fromEntries(names.map((name) => [name, ""])) });
  for (const [i, name] of ["nvrtc-builtins", "nvrtc", "cudart"].entries())
    t.equal(findLibrary(folder, name, linux), join(folder, "lib", names[i] as string));
});

t.test("each platform's order has dependencies before dependents", async (t) => {
  for (const { cpuLibraries } of Object.values(platforms))
    t.same(cpuLibraries.slice(-2), [{ name: "c10" }, { name: "torch_cpu" }]);
});
