// The addon is built on Node-API, so one build serves Node and every Electron: nothing is rebuilt. What is loaded by the
// operating system, and the weights, which the addon reads itself, can't be in the archive.
module.exports = {
  packagerConfig: {
    asar: {
      unpack: "{**/node_modules/cameo/**,**/node_modules/@cameo/**,**/*.node,**/*.{so,so.*,dylib,dll}}",
    },
  },
  rebuildConfig: { onlyModules: [] },
  plugins: [{ name: "@electron-forge/plugin-auto-unpack-natives", config: {} }],
};
