const storageKey = "token";

/**
 * The token that the link had, which is the key to all that the server does. It is kept for this very address, its port
 * included, for reloads and other tabs; a cookie would be sent to every port of the machine.
 */
const token = takeToken();

/** The header that every request needs. */
export const authorization = { Authorization: `Bearer ${token}` };

function takeToken(): string {
  const url = new URL(location.href);
  const given = url.searchParams.get("token");
  if (given !== null) {
    localStorage.setItem(storageKey, given);
    url.searchParams.delete("token");
    history.replaceState(null, "", url);
  }
  return localStorage.getItem(storageKey) ?? "";
}
