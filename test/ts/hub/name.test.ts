import { test } from "tap";
import { hubNameFor, hubNameText, isHubName, parseHubName } from "#ts/hub/name.js";

test("a name says repository, path and revision", (t) => {
  const names: [string, string, string, string][] = [
    ["hf:owner/name", "owner/name", "", "main"],
    ["hf:owner/name/", "owner/name", "", "main"],
    ["hf:owner/name@v1.5", "owner/name", "", "v1.5"],
    ["hf:owner/name@refs/pr/1", "owner/name", "", "refs/pr/1"],
    ["hf:SG161222/Realistic_Vision_V5.1_noVAE/unet", "SG161222/Realistic_Vision_V5.1_noVAE", "unet", "main"],
    ["hf:o/n/a/b c.bin@0123", "o/n", "a/b c.bin", "0123"],
    ["hf:o/n/a@b.bin@main", "o/n", "a@b.bin", "main"],
  ];
  for (const [text, repo, path, revision] of names) {
    t.ok(isHubName(text));
    t.strictSame(parseHubName(text), { repo, path, revision }, text);
    t.strictSame(parseHubName(hubNameText({ repo, path, revision })), { repo, path, revision });
  }
  t.equal(hubNameText(parseHubName("hf:o/n/a@main")), "hf:o/n/a");
  t.end();
});

test("what is no name, or would lead elsewhere, is refused", (t) => {
  const wrong: [string, RegExp][] = [
    ["hf:", /names no repository/],
    ["hf:name", /names no repository/],
    ["hf://owner/name", /names no repository/],
    ["hf:../name", /names no repository/],
    ["hf:a--b/c", /names no repository/],
    ["hf:a/b.git", /names no repository/],
    ["hf:o wner/name", /names no repository/],
    ["hf:o/n/../../etc", /its path is none/],
    ["hf:o/n//x", /its path is none/],
    ["hf:o/n/a\\b", /its path is none/],
    ["hf:o/n@", /is no revision/],
    ["hf:o/n@../../x", /is no revision/],
    ["hf:o/n@/x", /is no revision/],
    ["hf:o/n@a b", /is no revision/],
    ["hf:o/n@-x", /is no revision/],
  ];
  for (const [text, message] of wrong) {
    t.throws(() => parseHubName(text), { code: "ERR_INVALID_OPTION", message }, text);
    t.throws(() => parseHubName(text), { message: /; write hf:owner\/name/ });
  }
  for (const path of ["sd15", "./hf:a/b", "models/hf:x"]) t.notOk(isHubName(path));
  t.end();
});

test("a path that may be meant for one", (t) => {
  t.equal(hubNameFor("owner/name"), "hf:owner/name");
  t.equal(hubNameFor("https://huggingface.co/owner/name"), "hf:owner/name");
  for (const path of [
    "name",
    "/owner/name",
    "./name",
    "../name",
    "a/b/c",
    "https://other/owner/name",
    "a/b c",
  ])
    t.equal(hubNameFor(path), undefined, path);
  t.end();
});
