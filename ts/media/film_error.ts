/** Why a film can't be read, in words that say it to its owner. */
export class FilmError extends Error {}
