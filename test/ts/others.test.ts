import { chmodSync, chownSync, lchownSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { isOthers, isOthersLink } from "#ts/others.js";

const stranger = 12345;
const skip = process.getuid?.() === 0 ? false : "only root can give a folder to another user";

test("what another user made where everybody may is theirs, and all below it", { skip }, async (t) => {
  const folder = t.testdir({
    open: { theirs: { mine: {} }, mine: { theirs: {} } },
    closed: { group: { mine: {} } },
  });
  const at = (...names: string[]) => join(folder, ...names);
  chmodSync(at("open"), 0o1777);
  for (const path of [at("open", "theirs"), at("open", "mine", "theirs"), at("closed", "group")]) {
    chownSync(path, stranger, stranger);
  }
  for (const mode of [0o755, 0o777]) {
    chmodSync(at("open", "theirs"), mode);
    for (const name of ["", "mine", "none", "mine/none"]) {
      t.ok(isOthers(at("open", "theirs", name)), `${name} ${mode}`);
    }
  }
  const own = ["open", "open/none", "open/mine", "open/mine/none", "closed/group", "closed/group/mine"];
  for (const name of own) t.notOk(isOthers(at(name)), name);
  t.notOk(isOthers(at("open", "mine", "theirs")), "where only some may write, whoever may was chosen");
});

test("links are followed, and are somebody's too", { skip }, async (t) => {
  const folder = t.testdir({ open: { theirs: {} }, closed: { target: {} } });
  const at = (...names: string[]) => join(folder, ...names);
  chmodSync(at("open"), 0o1777);
  const link = (to: string, name: string, user = 0) => {
    symlinkSync(to, at(name));
    lchownSync(at(name), user, user);
  };
  chownSync(at("open", "theirs"), stranger, stranger);
  link("../open/theirs", "closed/to-theirs");
  link("../closed/target", "open/by-them", stranger);
  link("../open/by-them", "closed/over-theirs");
  link("../../closed/target", "open/theirs/below", stranger);
  link("../closed/target", "open/by-me");
  link("target", "closed/by-colleague", stranger);
  link("second", "closed/first");
  link("first", "closed/second");
  link("nowhere", "open/dangling", stranger);
  const facts: [string, others: boolean, link: boolean][] = [
    ["closed/to-theirs", true, false],
    ["closed/to-theirs/x", true, false],
    ["open/by-them", true, true],
    ["open/by-them/x", true, true],
    ["closed/over-theirs", true, true],
    ["closed/over-theirs/x", true, true],
    ["open/theirs/below", true, true],
    ["open/theirs/none", true, false],
    ["open/dangling", true, true],
    ["open/by-me/x", false, false],
    ["closed/by-colleague/x", false, false],
    ["closed/first", false, false],
    ["closed/first/x", false, false],
  ];
  for (const [name, others, byLink] of facts) {
    t.equal(isOthers(at(name)), others, name);
    t.equal(isOthersLink(at(name)), byLink, `${name}: a link`);
  }
});
