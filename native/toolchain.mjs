// The compilers and makers of each platform, and how they come onto a machine.
import { spawnSync } from "node:child_process";

const hints = {
  linux: { cmake: "`apt install cmake`", compiler: "`apt install g++`", make: "`apt install make`" },
  darwin: {
    cmake: "`brew install cmake`",
    compiler: "`xcode-select --install`",
    make: "`xcode-select --install`",
  },
  win32: { cmake: "`winget install Kitware.CMake`" },
};

/** A tool that is not here; the message says how it is installed. */
export class MissingTool extends Error {}

function missing(tool, hint) {
  return new MissingTool(`${tool} is missing, which the addon is built with: install it (${hint})`);
}

function runs(command) {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
}

/** CMake's generator, or undefined where cmake-js finds one itself: Visual Studio. Throws MissingTool. */
export function findGenerator() {
  const { cmake, compiler, make } = hints[process.platform] ?? hints.linux;
  if (!runs("cmake")) throw missing("cmake", cmake);
  if (process.platform === "win32") return undefined;
  const compilers = process.env.CXX ? [process.env.CXX] : ["c++", "g++", "clang++"];
  if (!compilers.some(runs)) throw missing("a C++ compiler", compiler);
  if (runs("ninja")) return "Ninja";
  if (runs("make")) return "Unix Makefiles";
  throw missing("make", make);
}
