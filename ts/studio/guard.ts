import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler, Next } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { Refusal } from "./errors.js";

const safeMethods = ["GET", "HEAD"];

const refusal = "open the link that cameo studio printed, with its token";

/** Nothing from elsewhere, no inline script or style; previews come as data: URLs. */
export const securityHeaders: MiddlewareHandler = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", "data:"],
    mediaSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  crossOriginResourcePolicy: "same-origin",
  crossOriginOpenerPolicy: "same-origin",
  referrerPolicy: "no-referrer",
  xFrameOptions: "DENY",
  // It is plain HTTP, on this machine.
  strictTransportSecurity: false,
});

/** What those who may use a studio know. All are drawn at random when it starts. */
export interface Secrets {
  /** Lets its holder do anything. */
  token: string;
  /** Is exchanged for the token, once; undefined when it was. */
  code: string | undefined;
  /** Lets its holder see pictures and videos whose addresses it knows; the token is for no address that a page shows. */
  fileKey: string;
}

/**
 * Refuses what doesn't come from this server's own address or page.
 *
 * Host: a name that an attacker had resolve to 127.0.0.1 is not one of ours. Nor is localhost, which may be ::1 as well, where
 * another user can listen on the same port, and would be sent the token. Origin: pages of other sites and of other ports
 * can't ask for anything to be done.
 */
export function checkSender(port: () => number): MiddlewareHandler {
  return async (context: Context, next: Next) => {
    const host = context.req.header("host");
    // Browsers leave HTTP's own port out.
    const own = port() === 80 ? "127.0.0.1" : `127.0.0.1:${port()}`;
    if (host !== own) {
      const message = `this address is not the studio's, which is http://${own}/ and not localhost; open the link that it printed`;
      throw new Refusal(403, "ERR_HOST", message);
    }
    const origin = context.req.header("origin");
    const isSafe = safeMethods.includes(context.req.method);
    if (origin === undefined ? !isSafe : origin !== `http://${own}`) {
      throw new Refusal(403, "ERR_ORIGIN", "only the studio's own page may ask for this");
    }
    return next();
  };
}

/**
 * Refuses whoever doesn't know a secret, as other users and programs of this machine: the token in a header, or the file key
 * where `isFile`. Not in a cookie, which the browser would send to every other port of 127.0.0.1, whoever listens there.
 */
export function checkSecret(
  { token, fileKey }: Secrets,
  isFile: (path: string) => boolean,
): MiddlewareHandler {
  return async (context: Context, next: Next) => {
    const { method, path } = context.req;
    if (isEqual(context.req.header("authorization") ?? "", `Bearer ${token}`)) return next();
    const mayUseKey = safeMethods.includes(method) && isFile(path);
    if (mayUseKey && isEqual(context.req.query("key") ?? "", fileKey)) return next();
    throw new Refusal(401, "ERR_TOKEN", refusal);
  };
}

/**
 * The token, for a page that was opened with it or with the code. The code is for the browser's command line, which other
 * users may be able to read for as long as the browser runs.
 */
export function tellToken(secrets: Secrets, context: Context): string {
  const given = context.req.header("authorization") ?? "";
  const { token, code } = secrets;
  const isCode = code !== undefined && isEqual(given, `Code ${code}`);
  if (isCode) secrets.code = undefined;
  if (isCode || isEqual(given, `Bearer ${token}`)) return token;
  throw new Refusal(401, "ERR_TOKEN", refusal);
}

/** In a time that does not tell how much of it is right. */
function isEqual(given: string, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
