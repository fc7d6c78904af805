/**
 * A server's message without what is secret in it: the API key, and of URLs the user, the password and all that stands
 * behind the path, for that is where presigned URLs carry their signature. Messages are cut to length only afterwards: a
 * URL that was cut off half-way could not be recognised any more.
 * @param secrets API keys, and URLs that were sent. A server repeats a URL as it came or as it has rewritten it.
 */
export function withoutSecrets(message: string, secrets: readonly string[]): string {
	let text = message;
	for (const secret of secrets) {
		const url = parsedUrl(secret);
		if (!url) text = text.replaceAll(secret, '***');
		else for (const part of secretParts(secret, url)) text = text.replaceAll(part, '');
	}
	return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)([^\s"'<>]*)/gi, (_all, scheme: string, rest: string) => {
		const bare = rest.replace(/[?#].*$/s, '');
		return scheme + bare.replace(/^[^/]*@/, '');
	});
}

function parsedUrl(text: string): URL | undefined {
	return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
}

/** A secret as it was given and as a parser rewrites it. The longest comes first, so that no part of it is left in the message. */
function secretParts(raw: string, { search, hash, username, password }: URL): string[] {
	const behindPath = /[?#].*$/s.exec(raw)?.[0] ?? '';
	const user = /^[^/]*:\/\/([^/?#]*@)/.exec(raw)?.[1] ?? '';
	const values = [...new URLSearchParams(search)].flatMap(([, value]) => [value, encodeURIComponent(value)]);
	// Short values, such as those of an X-Amz-Expires, are no secrets, and stand in any message.
	const parts = [behindPath, search + hash, search, user, password, ...values, username && `${username}:${password}@`];
	return [...new Set(parts)].filter((part) => part.length >= 8).sort((a, b) => b.length - a.length);
}
