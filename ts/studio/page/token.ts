const storageKey = "token";

/**
 * The key to all that the server does. It is kept for this very address, its port included, for reloads and other tabs; a
 * cookie would be sent to every port of the machine.
 */
const token = (await takeToken()) ?? localStorage.getItem(storageKey) ?? "";

/** The header that every request needs. */
export const authorization = { Authorization: `Bearer ${token}` };

/**
 * The token of the link that the page was opened with, or that its code is exchanged for. It is kept only if the server takes
 * it: any page can open this one with a wrong one.
 */
async function takeToken(): Promise<string | undefined> {
  const url = new URL(location.href);
  const given = url.searchParams.get("token");
  const code = url.searchParams.get("code");
  if (given === null && code === null) return undefined;
  url.search = "";
  history.replaceState(null, "", url);
  const headers = { Authorization: given === null ? `Code ${code}` : `Bearer ${given}` };
  const answer = await fetch("api/token", { method: "POST", headers }).catch(() => undefined);
  if (!answer?.ok) return undefined;
  const { token } = (await answer.json()) as { token: string };
  localStorage.setItem(storageKey, token);
  return token;
}
