import { testCases } from "../../support/cases.js";

testCases("nn", "token_merging");
