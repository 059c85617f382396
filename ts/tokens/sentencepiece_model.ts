import type { Piece } from "./unigram.js";

/** What is used of a `spiece.model`, sentencepiece's ModelProto. */
export interface SentencepieceModel {
  pieces: Piece[];
  unknown: number;
  /** Ids of pieces that are found in the text as they stand. */
  special: number[];
  charsmap?: Buffer;
}

const pieceType = { unknown: 2, control: 3, userDefined: 4 };
const modelTypes = ["none", "unigram", "BPE", "word", "char"];

/** Throws a RangeError that says what is wrong. */
export function parseSentencepieceModel(bytes: Buffer): SentencepieceModel {
  const model: SentencepieceModel = { pieces: [], unknown: -1, special: [] };
  for (const { number, value } of fields(bytes)) {
    if (number === 1) addPiece(model, messageOf(value));
    else if (number === 2) checkTrainer(messageOf(value));
    else if (number === 3) {
      for (const { number, value: rule } of fields(messageOf(value))) {
        if (number === 2 && messageOf(rule).length > 0) model.charsmap = messageOf(rule);
      }
    }
  }
  if (model.pieces.length === 0) throw new RangeError("it has no pieces");
  if (model.unknown === -1) throw new RangeError("it has no piece for what is unknown");
  return model;
}

function addPiece(model: SentencepieceModel, message: Buffer): void {
  let [text, score, type] = ["", 0, 1];
  for (const { number, value } of fields(message)) {
    if (number === 1) text = messageOf(value).toString("utf8");
    else if (number === 2) score = messageOf(value).readFloatLE(0);
    else if (number === 3) type = Number(value);
  }
  if (!Number.isFinite(score))
    throw new RangeError(`the score of its piece ${JSON.stringify(text)} is no number`);
  const id = model.pieces.push([text, score]) - 1;
  if (type === pieceType.unknown) model.unknown = id;
  if (type === pieceType.control || type === pieceType.userDefined) model.special.push(id);
}

function checkTrainer(message: Buffer): void {
  for (const { number, value } of fields(message)) {
    if (number === 3 && value !== 1) {
      throw new RangeError(
        `it is a model of the type ${modelTypes[Number(value)] ?? value}; unigram is known`,
      );
    }
    if (number === 35 && value !== 0) throw new RangeError("it takes unknown characters apart into bytes");
  }
}

interface Field {
  number: number;
  /** A varint, or the bytes of anything else. */
  value: number | Buffer;
}

/** The fields of a message of protocol buffers. */
function* fields(bytes: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let [value, factor, byte] = [0, 1, 0x80];
    for (; byte >= 0x80; factor *= 128) {
      if (at >= bytes.length || factor > 2 ** 63) throw new RangeError("it is cut off, or no such file");
      byte = bytes[at++] as number;
      value += (byte & 0x7f) * factor;
    }
    return value;
  };
  while (at < bytes.length) {
    const key = varint();
    const [number, type] = [Math.floor(key / 8), key % 8];
    if (type === 0) {
      yield { number, value: varint() };
      continue;
    }
    const size = type === 1 ? 8 : type === 5 ? 4 : type === 2 ? varint() : Number.POSITIVE_INFINITY;
    if (at + size > bytes.length) throw new RangeError("it is cut off, or no such file");
    yield { number, value: bytes.subarray(at, at + size) };
    at += size;
  }
}

function messageOf(value: number | Buffer): Buffer {
  if (typeof value === "number") throw new RangeError("a field of it has another type");
  return value;
}
