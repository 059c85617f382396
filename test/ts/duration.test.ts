import { test } from "tap";
import { duration } from "#ts/duration.js";

test("durations read as people say them", (t) => {
  t.equal(duration(0), "0 s");
  t.equal(duration(0.2), "1 s");
  t.equal(duration(59), "59 s");
  t.equal(duration(59.5), "1 min 0 s");
  t.equal(duration(200), "3 min 20 s");
  t.equal(duration(3900), "1 h 5 min");
  t.equal(duration(90000), "25 h 0 min");
  t.end();
});
