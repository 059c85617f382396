import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler, Next } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { Refusal } from "./errors.js";

/** Names by which a browser on this machine can call the server. */
const hosts = ["127.0.0.1", "localhost"];
const safeMethods = ["GET", "HEAD"];

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

/** What those who may use a studio know. Both are drawn at random when it starts. */
export interface Secrets {
  /** Lets its holder do anything. */
  token: string;
  /** Lets its holder see pictures and videos whose addresses it knows; the token is for no address that a page shows. */
  fileKey: string;
}

/**
 * Refuses what doesn't come from this server's own address or page.
 *
 * Host: a name that an attacker had resolve to 127.0.0.1 is not one of ours. Origin: pages of other sites and of other ports
 * can't ask for anything to be done.
 */
export function checkSender(port: () => number): MiddlewareHandler {
  return async (context: Context, next: Next) => {
    const host = context.req.header("host");
    if (!hosts.some((name) => host === address(name, port()))) {
      throw new Refusal(403, "ERR_HOST", "this address is not the studio's; open the link that it printed");
    }
    const origin = context.req.header("origin");
    const isSafe = safeMethods.includes(context.req.method);
    if (origin === undefined ? !isSafe : origin !== `http://${host}`) {
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
    throw new Refusal(401, "ERR_TOKEN", "open the link that cameo studio printed, with its token");
  };
}

/** As browsers say it, which leave HTTP's own port out. */
function address(name: string, port: number): string {
  return port === 80 ? name : `${name}:${port}`;
}

/** In a time that does not tell how much of it is right. */
function isEqual(given: string, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
