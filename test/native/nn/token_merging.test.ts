import { testCases } from "../../support/probes.js";

testCases("nn", "token_merging");
