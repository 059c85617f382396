import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "tap";
import { hubSettings } from "#ts/hub/settings.js";

test("the cache is where huggingface_hub has it", (t) => {
  const places: [NodeJS.ProcessEnv, string][] = [
    [{}, join(homedir(), ".cache/huggingface/hub")],
    [{ XDG_CACHE_HOME: "/caches" }, "/caches/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/caches", HF_HOME: "/hf" }, "/hf/hub"],
    [{ HF_HOME: "~/hf" }, join(homedir(), "hf/hub")],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as a shell's variable.
    [{ HF_HOME: "/a/$NAME/${OTHER}/$none", NAME: "b", OTHER: "c" }, "/a/b/c/$none/hub"],
    [{ HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
    [{ HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "/new" }, "/new"],
    [{ HF_HOME: "", HF_HUB_CACHE: "", XDG_CACHE_HOME: "" }, join(homedir(), ".cache/huggingface/hub")],
  ];
  for (const [env, cache] of places) t.equal(hubSettings(env).cache, cache);
  t.end();
});

test("the token is the environment's, else the file's", (t) => {
  const home = t.testdir({ token: "hf_file\n", other: "hf_other" });
  const token = (env: NodeJS.ProcessEnv) => hubSettings({ HF_HOME: home, ...env }).token;
  t.equal(token({ HF_TOKEN: " hf_env\n" }), "hf_env");
  t.equal(token({ HUGGING_FACE_HUB_TOKEN: "hf_old" }), "hf_old");
  t.equal(token({ HF_TOKEN: " " }), "hf_file");
  t.equal(token({ HF_TOKEN_PATH: join(home, "other") }), "hf_other");
  t.equal(token({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }), undefined);
  t.equal(token({ HF_HOME: join(home, "none") }), undefined);
  const error = t.throws(() => token({ HF_TOKEN: "hf_se cret" }), { code: "ERR_INVALID_OPTION" });
  t.notMatch((error as Error).message, /cret/);
  t.end();
});

test("the endpoint is an address, and offline a switch", (t) => {
  t.equal(hubSettings({}).endpoint, "https://huggingface.co");
  t.equal(hubSettings({ HF_ENDPOINT: "http://mirror:8080/hf/" }).endpoint, "http://mirror:8080/hf");
  for (const HF_ENDPOINT of ["mirror", "file:///etc", "https://name:word@mirror"]) {
    t.throws(() => hubSettings({ HF_ENDPOINT }), { code: "ERR_INVALID_OPTION", message: /^HF_ENDPOINT is / });
  }
  for (const on of ["1", "true", "YES", "on"]) t.ok(hubSettings({ HF_HUB_OFFLINE: on }).offline);
  for (const off of ["", "0", "no"]) t.notOk(hubSettings({ HF_HUB_OFFLINE: off }).offline);
  t.ok(hubSettings({ TRANSFORMERS_OFFLINE: "1" }).offline);
  t.notOk(hubSettings({ HF_HUB_DISABLE_SYMLINKS: "1" }).links);
  t.end();
});
