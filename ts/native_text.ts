/**
 * What crosses to the native half, as JSON. A lone surrogate, which UTF-8 doesn't have, becomes U+FFFD, as it does where Node
 * takes such a path.
 */
export function nativeText(value: object): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === "string" ? Buffer.from(each).toString() : each,
  );
}
