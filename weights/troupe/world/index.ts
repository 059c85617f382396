export { type ActionName, actionNames } from "./actions/index.js";
export { type CameraName, cameraNames } from "./camera.js";
export { captionsOf, describedCaption, type Told } from "./captions.js";
export {
  type Clip,
  clipFromSeed,
  framesPerSecond,
  heldOutPairs,
  isHeldOut,
  type Motion,
  pairFromSeed,
  placesOf,
  usualFrames,
} from "./clip.js";
export { type LightName, lightNames } from "./light.js";
export { ClipPainter, type DrawnClip, type DrawOptions, drawClip, drawReference } from "./picture.js";
export { type PlaceName, placeNames } from "./places/index.js";
export {
  accessories,
  colours,
  ears,
  patterns,
  plans,
  type Split,
  type Subject,
  seconds,
  splitOf,
  splits,
  subjectFromSeed,
  type Traits,
  tails,
} from "./subject.js";
