import { testCases } from "../../support/cases.js";

testCases("trainer", "learning_rate");
