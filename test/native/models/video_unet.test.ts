import { testCases } from "../../support/cases.js";

testCases("models", "video_unet");
