import { testCases } from "../../support/cases.js";

testCases("image_prompts", "resized_picture");
testCases("image_prompts", "clip_pixels");
