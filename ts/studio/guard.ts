import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler, Next } from "hono";
import { getCookie, setCookie } from "hono/cookie";
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

/**
 * Lets a request through that a page of this server makes in the browser which opened the link with the token.
 *
 * Host: a name that an attacker had resolve to 127.0.0.1 is not one of ours. Origin: pages of other sites and of
 * other ports can't ask for anything to be done. Token: other users and programs of this machine don't know it.
 */
export function guard(token: string, port: () => number): MiddlewareHandler {
  return async (context: Context, next: Next) => {
    const host = context.req.header("host");
    if (!hosts.some((name) => host === `${name}:${port()}`)) {
      throw new Refusal(403, "ERR_HOST", "this address is not the studio's; open the link that it printed");
    }
    const origin = context.req.header("origin");
    const isSafe = safeMethods.includes(context.req.method);
    if (origin === undefined ? !isSafe : origin !== `http://${host}`) {
      throw new Refusal(403, "ERR_ORIGIN", "only the studio's own page may ask for this");
    }
    // Cookies are shared among the ports of a host.
    const cookie = `cameo-studio-${port()}`;
    const given = context.req.query("token");
    if (context.req.path === "/" && isSafe && given !== undefined && isEqual(given, token)) {
      setCookie(context, cookie, token, { path: "/", httpOnly: true, sameSite: "Strict" });
      return context.redirect("/", 303);
    }
    if (!isEqual(getCookie(context, cookie) ?? "", token)) {
      throw new Refusal(401, "ERR_TOKEN", "open the link that cameo studio printed, with its token");
    }
    return next();
  };
}

/** In a time that does not tell how much of it is right. */
function isEqual(given: string, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
