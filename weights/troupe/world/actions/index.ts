import type { Action } from "./action.js";
import { jump } from "./jump.js";
import { run } from "./run.js";
import { spin } from "./spin.js";
import { swim } from "./swim.js";
import { walk } from "./walk.js";
import { wave } from "./wave.js";

export const actionNames = ["walk", "run", "jump", "spin", "wave", "swim"] as const;
export type ActionName = (typeof actionNames)[number];
export const actions: Record<ActionName, Action> = { walk, run, jump, spin, wave, swim };
