import { testCases } from "../../support/cases.js";

testCases("models", "clip_text");
