import { testCases } from "../../support/cases.js";

testCases("trainer", "ema");
