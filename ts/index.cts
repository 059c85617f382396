/** What `require("cameo")` gives: index.ts, in the words of CommonJS. Node loads ES modules so from 20.19 on. */
import type * as cameo from "./index.js" with { "resolution-mode": "import" };

export type * from "./index.js" with { "resolution-mode": "import" };

// @ts-expect-error: verbatimModuleSyntax asks for `export =`, beside which types could not be exported.
export const { CameoError, convert, Pipeline, Trainer, Video } = require("./index.js") as typeof cameo;
export type CameoError = cameo.CameoError;
export type Pipeline = cameo.Pipeline;
export type Trainer = cameo.Trainer;
export type Video = cameo.Video;
