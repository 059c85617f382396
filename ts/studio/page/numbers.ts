import type { SampleRequest, StudioOption } from "../../options/sample_options.js";
import { optionEntries } from "../../options/sample_options.js";

/** The options whose field holds a number. */
export type NumberName = {
  [Name in StudioOption]: number extends NonNullable<SampleRequest[Name]>
    ? NonNullable<SampleRequest[Name]> extends number
      ? Name
      : never
    : never;
}[StudioOption];

/** A field that holds a number: what it is called, and whether it is a whole one. */
export interface NumberField {
  label: string;
  whole: boolean;
}

export const numberFields = Object.fromEntries(
  optionEntries.flatMap(
    ([
      name,
      {
        label,
        value: { kind },
      },
    ]) =>
      label !== undefined && (kind === "whole" || kind === "number")
        ? [[name, { label, whole: kind === "whole" }]]
        : [],
  ),
) as Record<NumberName, NumberField>;

export const numberNames = Object.keys(numberFields) as NumberName[];

/** Texts such as "1,000" and "12.500", whose mark may stand before the decimals or between thousands. */
const twoNumbers = /^[+-]?[1-9]\d{0,2}[.,]\d{3}$/;

/**
 * The number in a field's text, which may have a comma as its decimal point; undefined for an empty field, NaN for what is no
 * number or could be two.
 */
export function parseNumber(text: string, whole: boolean): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const isNumber = whole ? /^[+-]?\d+$/ : /^[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?$/i;
  if (!isNumber.test(trimmed) || twoNumbers.test(trimmed)) return Number.NaN;
  const value = Number(trimmed.replace(",", "."));
  return Number.isFinite(value) ? value : Number.NaN;
}

/** A number as a field's text, which `parseNumber` reads as that number; empty for anything else. */
export function numberText(value: unknown): string {
  if (typeof value !== "number") return "";
  const text = String(value);
  return twoNumbers.test(text) ? `${text}0` : text;
}

/** What is wrong with a field's text; undefined where nothing is. */
export function numberFault({ label, whole }: NumberField, text: string): string | undefined {
  if (!Number.isNaN(parseNumber(text, whole))) return undefined;
  const trimmed = text.trim();
  if (!whole && twoNumbers.test(trimmed)) {
    const decimal = `${trimmed.replace(",", ".")}0`;
    return `${label}: "${trimmed}" is not a clear number; write ${decimal} or ${trimmed.replace(/[.,]/, "")}`;
  }
  return `${label}: "${trimmed}" is not a ${whole ? "whole number, such as 30" : "number, such as 7.5"}`;
}
