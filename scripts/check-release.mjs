// Says what a release still lacks: node scripts/check-release.mjs [TAG]
//
// With a tag, such as v0.2.0, it must be that of package.json's version.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (name) => readFileSync(join(root, name), "utf8");

const [tag] = process.argv.slice(2);
const { version, repository } = JSON.parse(read("package.json"));
const locked = JSON.parse(read("package-lock.json"));
const heading = read("CHANGELOG.md").match(/^## \[\d.*$/m)?.[0] ?? "";

const weights = "weights/troupe/";
const { base, motion, subject } = JSON.parse(read(`${weights}model.json`));
const missing = [base, motion, subject].filter((name) => !existsSync(join(root, weights, name)));

const lacks = [
  tag !== undefined && tag !== `v${version}` && `the tag is ${tag}, and package.json has version ${version}`,
  locked.version !== version &&
    `package-lock.json has version ${locked.version}, not ${version}: npm install`,
  !new RegExp(`^## \\[${version.replaceAll(".", "\\.")}\\] - \\d{4}-\\d{2}-\\d{2}$`).test(heading) &&
    `CHANGELOG.md's newest version should be "## [${version}] - " and the date, and is "${heading}"`,
  !repository?.url &&
    "package.json has no repository.url, which npm compares with where it is published from",
  missing.length > 0 && `${weights} lacks ${missing.join(", ")} of the model that ships`,
].filter(Boolean);
for (const lack of lacks) console.error(`release: ${lack}`);
process.exitCode = lacks.length > 0 ? 1 : 0;
