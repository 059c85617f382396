import { Command } from "commander";
import { test } from "tap";
import { loadOptionsOf, withLoadFlags } from "#ts/cli/load_flags.js";
import { cameo } from "../../support/command.js";

function parse(...words: string[]) {
  const command = withLoadFlags(new Command("sample"))
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return loadOptionsOf(command.parse(words, { from: "user" }).opts());
}

test("an embedding's token stands behind it, and its path is whatever it is", (t) => {
  const words = [
    "--embedding",
    "a=b:c.pt",
    "--embedding",
    "d.pt",
    "--embedding-token",
    "<e=f>",
    "--embedding",
    "g.pt",
  ];
  t.strictSame(parse(...words), {
    embeddings: [{ path: "a=b:c.pt" }, { path: "d.pt", token: "<e=f>" }, { path: "g.pt" }],
  });
  t.strictSame(parse(), {});
  t.end();
});

test("a token without an embedding before it is refused", (t) => {
  const message =
    /'--embedding-token <token>' argument '<a>' is invalid\. It goes behind the --embedding that it is for/;
  t.throws(() => parse("--embedding-token", "<a>"), { message });
  t.throws(() => parse("--embedding-token", "<a>", "--embedding", "a.pt"), { message });
  t.throws(() => parse("--embedding", "a.pt", "--embedding-token", "<b>", "--embedding-token", "<a>"), {
    message,
  });
  t.end();
});

test("an error names the flag, not the option", async (t) => {
  const { code, stderr } = await cameo([
    "sample",
    "--prompt",
    "a",
    "--parallel-device",
    "gpu",
    "-o",
    "a.gif",
  ]);
  t.equal(code, 2);
  t.match(stderr, /^cameo: --parallel-device: \[ 'gpu' \] is not allowed/);
});
