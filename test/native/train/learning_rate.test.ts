import { testCases } from "../../support/probes.js";

testCases("trainer", "learning_rate");
