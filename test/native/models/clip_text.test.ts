import { testCases } from "../../support/probes.js";

testCases("models", "clip_text");
