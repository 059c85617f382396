import { testCases } from "../../support/cases.js";

testCases("nn", "transformer_2d");
