import type { Random } from "#ts/data/random.js";
import type { ActionName } from "./actions/index.js";
import type { CameraName } from "./camera.js";
import type { LightName } from "./light.js";
import type { PlaceName } from "./places/index.js";
import type { Traits } from "./subject.js";

/** What a caption tells of; of the subject's own looks it says nothing: these are the reference picture's to show. */
export interface Told {
  action: ActionName;
  place: PlaceName;
  light: LightName;
  camera: CameraName;
}

const nouns = ["a critter", "a little creature", "a cartoon animal", "a small character"];

const actions: Record<ActionName, string[]> = {
  walk: ["walks", "is walking", "takes a walk", "goes for a walk"],
  run: ["runs", "is running", "runs fast", "races along"],
  jump: ["jumps", "is jumping", "jumps up and down", "leaps into the air"],
  spin: ["spins", "is spinning", "spins around", "turns around and around"],
  wave: ["waves", "is waving", "waves hello", "stands and waves"],
  swim: ["swims", "is swimming", "swims along", "paddles"],
};

const places: Record<PlaceName, string[]> = {
  meadow: ["in a meadow", "on green grass", "in a green field", "among flowers and hills"],
  beach: ["on a beach", "on the sand", "by the ocean", "on a sandy beach"],
  snow: ["in the snow", "on a snowy field", "in a winter forest", "while snow falls"],
  city: ["in a city at night", "on a city street", "in the street at night", "among neon lights"],
  sea: ["under the sea", "under water", "at the bottom of the sea", "deep in the sea"],
  moon: ["on the moon", "in space on the moon", "on a grey moon", "among the craters of the moon"],
};

const lights: Record<LightName, string[]> = {
  day: ["on a sunny day", "in bright light"],
  sunset: ["at sunset", "in golden light"],
  overcast: ["on a cloudy day", "under a grey sky"],
  own: [],
};

const cameras: Record<CameraName, string[]> = {
  still: ["the camera stays still", "still camera"],
  follow: ["the camera follows", "following camera"],
  pan: ["the camera moves slowly to the side", "slow pan"],
  zoom: ["the camera moves closer", "slow zoom in"],
};

/** One of the captions; one in three tells of the light, one in three of the camera. */
export function captionOf(told: Told, random: Random): string {
  const pick = (from: string[]) => from[random.below(from.length)] as string;
  const start = [pick(nouns), pick(actions[told.action]), pick(places[told.place])].join(" ");
  const [light, camera] = [random.next() < 1 / 3, random.next() < 1 / 3];
  const more = [
    ...(light && lights[told.light].length > 0 ? [pick(lights[told.light])] : []),
    ...(camera ? [pick(cameras[told.camera])] : []),
  ];
  return [start, ...more].join(", ");
}

/** A caption with the subject's looks in place of a mere noun, for an image model, which sees no reference. */
export function describedCaption(caption: string, subject: Traits): string {
  const noun = nouns.find((each) => caption.startsWith(each)) ?? "";
  return `${looksOf(subject)}${caption.slice(noun.length)}`;
}

const bodies: Record<Traits["plan"], string> = {
  biped: "critter on two legs",
  quadruped: "critter on four legs",
  bird: "bird",
  blob: "blob",
};

const earWords: Record<Traits["ears"], string> = {
  round: "round ears",
  pointed: "pointed ears",
  long: "long ears",
  horns: "horns",
  antennae: "antennae",
};

function looksOf({ plan, colour, pattern, second, ears, tail, accessory }: Traits): string {
  const shade = second === "contrast" ? "bright" : second;
  const parts = [
    ...(pattern === "plain" ? [] : [`${shade} ${pattern}`]),
    earWords[ears],
    ...(tail === "none" ? [] : [`a ${tail} tail`]),
    ...(accessory === "none" ? [] : [accessory === "glasses" ? accessory : `a ${accessory}`]),
  ];
  const article = colour === "orange" ? "an" : "a";
  return `${article} ${colour} ${bodies[plan]} with ${parts.join(", ")}`;
}

/** Every caption that such a clip can have. */
export function captionsOf({ action, place, light, camera }: Told): string[] {
  const optional = (phrases: string[]) => ["", ...phrases.map((phrase) => `, ${phrase}`)];
  return nouns.flatMap((noun) =>
    actions[action].flatMap((does) =>
      places[place].flatMap((where) =>
        optional(lights[light]).flatMap((lit) =>
          optional(cameras[camera]).map((seen) => `${noun} ${does} ${where}${lit}${seen}`),
        ),
      ),
    ),
  );
}
