import { BackupError } from '../../errors';

/** How to reach the public API of an n8n: what n8n's own `n8nApi` credential holds. */
export interface N8nApiConnection {
	/** `https://n8n.example.com/api/v1`: ends in the version of the API. */
	baseUrl: string;
	/** Sent as `X-N8N-API-KEY`, and never to anybody else. */
	apiKey: string;
	/** Milliseconds, 0 for no limit. */
	timeouts?: N8nApiTimeouts;
}

export interface N8nApiTimeouts {
	/** Until the connection stands; default 10 s. */
	connect?: number;
	/** Without a byte of the answer; default 120 s, for a page of large workflows takes n8n a while. */
	idle?: number;
}

export const DEFAULT_TIMEOUTS: Required<N8nApiTimeouts> = { connect: 10_000, idle: 120_000 };

const URL_HINT = 'Enter it in the n8n API credential like https://n8n.example.com/api/v1.';

/**
 * Parses the address of the API, to which paths are appended.
 * @throws BackupError INVALID_INPUT
 */
export function apiUrl(baseUrl: unknown): URL {
	const text = typeof baseUrl === 'string' ? baseUrl.trim() : '';
	if (text === '') throw invalid('The n8n API credential has no Base URL.');
	if (!URL.canParse(text)) throw invalid('The Base URL of the n8n API credential cannot be read.');
	const url = new URL(text);
	if (url.protocol !== 'http:' && url.protocol !== 'https:') {
		throw invalid('The Base URL of the n8n API credential begins with neither http:// nor https://.');
	}
	if (url.username || url.password) throw invalid('The Base URL of the n8n API credential holds a password.');
	url.search = '';
	url.hash = '';
	url.pathname = url.pathname.replace(/\/+$/, '');
	return url;
}

/** The address as messages show it. */
export function describeApi(url: URL): string {
	return url.pathname === '/' ? url.origin : url.origin + url.pathname;
}

/** The address of the n8n itself, without the path of its API. This is what tells one n8n from another in a manifest. */
export function instanceOf(url: URL): string {
	return describeApi(url).replace(/\/[^/]+\/v\d+$/, '');
}

/**
 * Refuses an API key that an HTTP header cannot carry. The message does not show the key.
 * @throws BackupError INVALID_INPUT
 */
export function checkedKey(apiKey: unknown): string {
	if (typeof apiKey !== 'string' || apiKey === '') throw badKey('is missing');
	if (/[\r\n]/.test(apiKey)) throw badKey('holds a line break');
	if (apiKey.trim() !== apiKey) throw badKey('begins or ends with a space');
	if (/[^\x21-\x7e]/.test(apiKey)) throw badKey('holds a character that no API key has');
	return apiKey;
}

function badKey(problem: string): BackupError {
	return new BackupError('INVALID_INPUT', `The API key of the n8n API credential ${problem}; nothing was sent.`, {
		hint: 'Copy the key into the API Key field of the credential once more. n8n makes keys under Settings, n8n API.',
	});
}

function invalid(message: string): BackupError {
	return new BackupError('INVALID_INPUT', message, { hint: URL_HINT });
}
