export { type InstallOptions, type InstallProgress, installLibtorch, removeLibtorch } from "./install.js";
export { loadLibtorch } from "./load.js";
export {
  findHiddenTorch,
  installCommand,
  type LibtorchLocation,
  locateLibtorch,
  mendCommand,
} from "./locate.js";
export { libtorchVersion } from "./pins.js";
export { reportTo } from "./report.js";
