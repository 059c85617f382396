import type { FilmSource, ImageSource } from "../media/index.js";
import { keyframePictures } from "./controls.js";
import type { Shape } from "./kinds.js";
import { type Control, optionEntries, type SampleRequest } from "./sample_options.js";
import { toArray } from "./schema.js";
import { type CompleteSubject, regionMask } from "./subjects.js";

/** One of a request's pictures. */
export interface RequestPicture {
  /** What the native half calls the list that it belongs to: as a rule its option's name. */
  list: string;
  source: ImageSource;
  /** As errors call it. */
  name: string;
  /** Whether it is brought to the video's size. */
  fitted: boolean;
}

/** One of a request's films, of as many frames as the request. */
export interface RequestFilm {
  /** As of a picture. */
  list: string;
  source: FilmSource;
  /** As errors call it. */
  name: string;
  /** What a mask would do that has nothing white. Undefined: it is no mask. A mask's single frame stands for all. */
  black?: string | undefined;
}

/** All pictures that a request names, in the order of the options' table. */
export function picturesOf(request: Partial<SampleRequest>): RequestPicture[] {
  return optionEntries.flatMap(([name, { value: shape }]) => {
    const given = request[name];
    return given === undefined ? [] : (picturesOfKinds[shape.kind]?.(name, given as never, shape) ?? []);
  });
}

/** All films that a request names, in that order. */
export function filmsOf(request: Partial<SampleRequest>): RequestFilm[] {
  return optionEntries.flatMap(([name, { value: shape }]) => {
    const given = request[name];
    return given === undefined ? [] : (filmsOfKinds[shape.kind]?.(name, given as never, shape) ?? []);
  });
}

const paintsNothing = "nothing would be painted anew; make white what is to change";
const isNowhere = "the subject would be nowhere; make white where it is";

/** As for pictures, the films of an option's value. */
const filmsOfKinds: {
  [Kind in Shape["kind"]]?: (name: string, value: never, shape: Shape) => RequestFilm[];
} = {
  film: (name, source: FilmSource, shape) => [
    { list: name, source, name, ...("mask" in shape ? { black: paintsNothing } : {}) },
  ],
  controls: ofControls,
  subjects: masksOf,
};

/** How the pictures of an option's value are called, by its kind; other kinds have none. */
const picturesOfKinds: {
  [Kind in Shape["kind"]]?: (name: string, value: never, shape: Shape) => RequestPicture[];
} = {
  picture: listed,
  pictures: listed,
  keyframes: ofKeyframes,
  subjects: ofSubjects,
};

/** All references are one list. */
function ofSubjects(name: string, subjects: readonly CompleteSubject[], shape: Shape): RequestPicture[] {
  return subjects.flatMap(({ reference }, i) => {
    const pictures = listed(`${name}[${i}].reference`, toArray(reference), shape);
    return pictures.map((one) => ({ ...one, list: "reference" }));
  });
}

function masksOf(name: string, subjects: readonly CompleteSubject[]): RequestFilm[] {
  return subjects.flatMap((subject, i) => {
    const source = regionMask(subject);
    if (source === undefined) return [];
    return [{ list: `regions.${i}`, source, name: `${name}[${i}].region`, black: isNowhere }];
  });
}

/** Errors call the only picture of an option by the option's name. */
function listed(list: string, given: ImageSource | readonly ImageSource[], shape: Shape): RequestPicture[] {
  const sources = toArray(given);
  return sources.map((source, i) => ({
    list,
    source,
    name: sources.length === 1 ? list : `${list} ${i + 1}`,
    fitted: !("fitted" in shape),
  }));
}

/** The frames of each control. */
function ofControls(name: string, controls: readonly Control[]): RequestFilm[] {
  return controls.map(({ frames: source }, index) => ({
    ...{ list: `${name}.${index}`, source, name: `${name} ${index + 1}` },
  }));
}

function ofKeyframes(list: string, keyframes: NonNullable<SampleRequest["keyframes"]>): RequestPicture[] {
  const pictures = keyframePictures(keyframes);
  return pictures.map(([frame, source]) => ({ list, source, name: `${list} ${frame}`, fitted: true }));
}
