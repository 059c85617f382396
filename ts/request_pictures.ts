import { CameoError, throwIfAborted } from "./errors.js";
import type { ByteBudget, FilmFacts, OpenFilm, OpenImage } from "./media/index.js";
import type { RgbImage } from "./native.js";
import { invalid } from "./options/check.js";
import { mostFrames } from "./options/defaults.js";
import { filmsOf, picturesOf, type RequestFilm, type RequestPicture } from "./options/pictures.js";
import type { CompleteSampleRequest, Loaded, SampleRequest } from "./options/sample_options.js";

let media: Promise<typeof import("./media/index.js")> | undefined;

/** Only where there are pictures; by one promise for all, so that requests don't overtake one another here. */
function loadMedia(): Promise<typeof import("./media/index.js")> {
  media ??= import("./media/index.js");
  return media;
}

/** Brought to the video's size, or only to its shape, or as it is. */
type PictureSize = "video" | "shape" | "own";

/** A model that makes a film of a picture may see that in more than one size, and cut its middle out itself. */
function sizeOf(
  { list, fitted }: Pick<RequestPicture, "list" | "fitted">,
  { imageSize, referenceSize }: Pick<Loaded, "imageSize" | "referenceSize">,
  { fit }: Pick<CompleteSampleRequest, "fit">,
): PictureSize {
  if (!fitted) return "own";
  if (list === "reference" && referenceSize !== undefined) return referenceSize;
  if (imageSize === undefined || (list !== "image" && list !== "lastImage")) return "video";
  if (imageSize === "shape") return "shape";
  return { cover: "own", contain: "shape", fill: "video" }[fit] as PictureSize;
}

/** A request's pictures and films, opened, and not decoded yet. */
export interface OpenPictures {
  images: { list: string; image: OpenImage; size: PictureSize }[];
  films: { asked: RequestFilm; film: OpenFilm }[];
}

/** What all pictures of a request have in common. */
export interface Reading {
  /** Ends it. */
  signal: AbortSignal;
  /** What was opened already. */
  films: Map<string, OpenFilm>;
  budget?: ByteBudget;
}

/** What a request goes by: the film that it starts from, or that of its first ControlNet. */
const startLists: readonly string[] = ["video", "controls.0"];

/** The film that the request starts from or goes by, which says how many frames it has; undefined where there is none. */
export async function openStartFilm(
  request: Partial<SampleRequest>,
  reading: Reading,
): Promise<OpenFilm | undefined> {
  const film = filmsOf(request).find(({ list }) => startLists.includes(list));
  return film && (await openFilm(film, reading));
}

/** Reads what is small; where one can't be read, the others' reading is to be ended by its signal. */
export async function openPictures(
  request: CompleteSampleRequest,
  reading: Reading,
  loaded: Pick<Loaded, "imageSize" | "referenceSize">,
): Promise<OpenPictures> {
  const [pictures, films] = [picturesOf(request), filmsOf(request)];
  if (pictures.length + films.length === 0) return { images: [], films: [] };
  const { ByteBudget, openImage } = await loadMedia();
  reading.budget ??= new ByteBudget();
  const { signal, budget } = reading;
  const openedFilms = films.map(async (film) => {
    const opened = await openFilm(film, reading);
    checkCount(opened, film, request.frames);
    return { asked: film, film: opened };
  });
  const images = pictures.map(async ({ list, source, name, fitted }) => ({
    list,
    size: sizeOf({ list, fitted }, loaded, request),
    image: await openImage(source, { signal, budget, name }),
  }));
  const opened = Promise.all([Promise.all(images), Promise.all(openedFilms)]);
  return opened.then(([images, films]) => ({ images, films }));
}

async function openFilm(film: RequestFilm, reading: Reading): Promise<OpenFilm> {
  const { list, source, name } = film;
  const before = reading.films.get(list);
  if (before) return before;
  const { ByteBudget, openFilmSource } = await loadMedia();
  reading.budget ??= new ByteBudget();
  const opened = await openFilmSource(source, { name, signal: reading.signal, budget: reading.budget });
  if (opened.count > mostFrames) {
    throw invalid(`${opened.name} has ${opened.count} frames; ${mostFrames} are allowed: cut it shorter`);
  }
  reading.films.set(list, opened);
  return opened;
}

/** The lists that `expand` puts on a larger canvas. */
const expanded = new Set(["image", "video", "mask"]);

/**
 * Lists at the request's size, but for what keeps its own. All headers of pictures are looked at before anything is decoded,
 * one after another.
 */
export async function decodePictures(
  { images, films }: OpenPictures,
  request: CompleteSampleRequest,
  signal: AbortSignal,
): Promise<Record<string, RgbImage[]>> {
  const lists: Record<string, RgbImage[]> = {};
  if (images.length + films.length === 0) return lists;
  const { black, fitImage, hasWhite, maxPixels, shapeImage, withMargins } = await loadMedia();
  const { width, height, fit, expand } = request;
  const { left = 0, right = 0, top = 0, bottom = 0 } = expand ?? {};
  const margins = { left, right, top, bottom };
  const inner = [width - left - right, height - top - bottom] as const;
  const canvasOf = (list: string) => (expand && expanded.has(list) ? inner : ([width, height] as const));
  const onCanvas = (list: string, image: RgbImage) =>
    expand && expanded.has(list) ? withMargins(image, margins, list === "mask" ? "white" : "edge") : image;
  let pixels = 0;
  for (const { image } of images) {
    const size = await image.size();
    pixels += size.width * size.height;
    if (pixels <= maxPixels) continue;
    const message = `${image.name}: with those before it, it has more than ${maxPixels} pixels; scale them down`;
    throw new CameoError("ERR_INVALID_IMAGE", message);
  }
  for (const { list, image, size } of images) {
    throwIfAborted(signal);
    const decoded = await image.decode();
    lists[list] ??= [];
    if (size === "own") lists[list].push(decoded);
    else if (size === "shape") lists[list].push(shapeImage(decoded, width, height, fit, image.name));
    else lists[list].push(onCanvas(list, await fitImage(decoded, ...canvasOf(list), fit)));
  }
  for (const { asked, film } of films) {
    const { list } = asked;
    const frames = (await film.decode(...canvasOf(list), fit)).map((frame) => onCanvas(list, frame));
    if (!frames.some(hasWhite)) refuseBlack(asked);
    lists[list] = frames;
  }
  if (expand) lists.mask ??= [withMargins(black(...inner), margins, "white")];
  return lists;
}

/**
 * Rejects where a picture or a film can't be read, before a model is loaded for it, or where a film's length is wrong: files
 * are looked at, and URLs are not fetched. Resolves to what is known of the film that the request starts from.
 */
export async function checkPictureFiles(request: Partial<SampleRequest>): Promise<FilmFacts | undefined> {
  const [pictures, films] = [picturesOf(request), filmsOf(request)];
  if (pictures.length + films.length === 0) return undefined;
  const { checkFilm, checkImage } = await loadMedia();
  for (const { source, name } of pictures) await checkImage(source, { name });
  let start: FilmFacts | undefined;
  for (const film of films) {
    const facts = await checkFilm(film.source, film.name);
    if (startLists.includes(film.list)) start ??= facts;
    const frames = request.frames ?? start?.count;
    if (frames !== undefined) checkCount(facts, film, frames);
    await checkWhite(film, request);
  }
  return start;
}

/** Of a mask that is here; what fits it to the request's size may add white to it. */
async function checkWhite(film: RequestFilm, { fit, expand }: Partial<SampleRequest>): Promise<void> {
  const { hasWhite, isFetched, openFilmSource } = await loadMedia();
  const gainsWhite = fit === "contain" || (expand !== undefined && expanded.has(film.list));
  if (film.black === undefined || gainsWhite || isFetched(film.source)) return;
  const opened = await openFilmSource(film.source, { name: film.name });
  if (!(await opened.some(hasWhite))) refuseBlack(film);
}

/** Throws ERR_INVALID_OPTION for a mask that has nothing white. */
function refuseBlack({ name, black }: RequestFilm): void {
  if (black !== undefined) throw invalid(`${name}: nothing in it is white, so ${black}`);
}

/** Throws ERR_INVALID_OPTION where a film is of other frames than the request. */
export function checkCount(
  { name, count }: FilmFacts,
  { list, black }: Pick<RequestFilm, "list" | "black">,
  frames: number,
): void {
  if (count === frames || (black !== undefined && count === 1)) return;
  const remedy = list === "video" ? "leave frames out, or give a film of as many" : "give a film of as many";
  const one = black === undefined ? "" : ", or a single picture for all";
  throw invalid(`${name} has ${frameCount(count)} and the request ${frames}; ${remedy}${one}`);
}

const frameCount = (count: number): string => (count === 1 ? "1 frame" : `${count} frames`);
