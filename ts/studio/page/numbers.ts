/** The fields that hold a number: what they are called, and whether it is a whole one. */
export const numberFields = {
  seed: { label: "Seed", whole: true },
  steps: { label: "Steps", whole: true },
  guidanceScale: { label: "Guidance", whole: false },
  frames: { label: "Frames", whole: true },
  fps: { label: "Frames a second", whole: false },
  width: { label: "Width", whole: true },
  height: { label: "Height", whole: true },
} as const;

export type NumberName = keyof typeof numberFields;

export const numberNames = Object.keys(numberFields) as NumberName[];

/**
 * The number in a field's text, which may have a comma as its decimal point; undefined for an empty field, NaN for what is no
 * number or could be two, such as "1,000".
 */
export function parseNumber(text: string, whole: boolean): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const isNumber = whole ? /^[+-]?\d+$/ : /^[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?$/i;
  if (!isNumber.test(trimmed) || /^[+-]?[1-9]\d{0,2},\d{3}$/.test(trimmed)) return Number.NaN;
  const value = Number(trimmed.replace(",", "."));
  return Number.isFinite(value) ? value : Number.NaN;
}

/** What is wrong with a field's text; undefined where nothing is. */
export function numberFault(name: NumberName, text: string): string | undefined {
  const { label, whole } = numberFields[name];
  if (!Number.isNaN(parseNumber(text, whole))) return undefined;
  return `${label}: "${text.trim()}" is not a ${whole ? "whole number, such as 30" : "number, such as 7.5"}`;
}
