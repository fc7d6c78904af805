import { BackupError } from '../errors';

/** How to reach a Qdrant server. */
export interface QdrantConnection {
	/** `http://qdrant:6333`, or behind a proxy `https://example.com/qdrant`. Without a port, the scheme's own: 80, 443. */
	url: string;
	/** Static key or JSON Web Token; sent as `api-key`. */
	apiKey?: string;
	/**
	 * Clusters: the addresses of the other peers' HTTP interfaces. Unless told, the host names that the peers tell each
	 * other are tried with the scheme and port of `url`.
	 */
	peerUrls?: string[];
	timeouts?: QdrantTimeouts;
}

/** Milliseconds; 0 waits for ever. */
export interface QdrantTimeouts {
	/** Until the connection stands; default 10 s. */
	connect?: number;
	/** Until a question that is quick to answer is answered; default 60 s. */
	answer?: number;
	/** Until the server has made or taken in a snapshot, or counted all points; default 0: that may take hours. */
	operation?: number;
	/** Without a byte during a transfer, before the connection counts as broken; default 120 s. */
	idle?: number;
}

export const DEFAULT_TIMEOUTS: Required<QdrantTimeouts> = {
	connect: 10_000,
	answer: 60_000,
	operation: 0,
	idle: 120_000,
};

/**
 * The address to put paths behind.
 * @throws BackupError INVALID_INPUT
 */
export function baseUrl(url: string): URL {
	let parsed: URL;
	try {
		parsed = new URL(url.trim());
	} catch (cause) {
		throw invalidUrl('The URL of the Qdrant server cannot be read.', cause);
	}
	if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
		throw invalidUrl('The URL of the Qdrant server begins with neither http:// nor https://.');
	}
	if (parsed.username || parsed.password) throw invalidUrl('The URL of the Qdrant server holds a password.');
	parsed.search = '';
	parsed.hash = '';
	parsed.pathname = parsed.pathname.replace(/\/+$/, '');
	return parsed;
}

/** The address as messages and manifests show it. */
export function describeUrl(url: string): string {
	const { origin, pathname } = baseUrl(url);
	return pathname === '/' ? origin : origin + pathname;
}

function invalidUrl(message: string, cause?: unknown): BackupError {
	return new BackupError('INVALID_INPUT', message, {
		cause,
		hint: 'Enter it like http://qdrant:6333 or https://xyz.cloud.qdrant.io:6333; the API key has a field of its own.',
	});
}
