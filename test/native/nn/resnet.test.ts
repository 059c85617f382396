import { testCases } from "../../support/cases.js";

testCases("nn", "resnet_block");
testCases("nn", "downsample");
testCases("nn", "upsample");
