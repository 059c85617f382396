import { testCases } from "../../support/probes.js";

testCases("nn", "feed_forward");
